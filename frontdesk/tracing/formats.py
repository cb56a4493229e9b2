"""Times and sizes as people read them, on pages and in terminals."""

from datetime import UTC, datetime


def format_ms(value: float | None) -> str:
    """Milliseconds for people: ``38 ms``, ``1.24 s``, ``2 min 5 s``; nothing known is a dash."""
    if value is None:
        return "–"
    if value < 10 and round(value, 1) != round(value):
        return f"{value:.1f} ms"
    if round(value) < 1000:
        return f"{value:.0f} ms"
    if value < 59_950:
        return f"{value / 1000:.2f} s" if value < 9_995 else f"{value / 1000:.1f} s"
    minutes, seconds = divmod(round(value / 1000), 60)
    return f"{minutes} min {seconds} s"


def format_clock(seconds: float | None) -> str:
    """A place in a call: ``0:07``, ``12:34``, ``1:02:03``."""
    whole = int(max(0.0, seconds or 0.0))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def format_iso(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds")


def format_size(count: int) -> str:
    """Bytes for people, in powers of 1024: ``512 B``, ``3.4 MB``, ``12 GB``."""
    size, unit = float(count), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"


def format_day(unix: float) -> str:
    """For readers without JavaScript; with it, the page shows the reader's own time zone."""
    return datetime.fromtimestamp(unix, UTC).strftime("%d %b %H:%M:%S UTC")
