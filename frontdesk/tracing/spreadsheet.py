"""The list of calls as CSV (RFC 4180), for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

COLUMNS = (
    "call_id",
    "team",
    "started",
    "seconds",
    "turns",
    "agents",
    "flow",
    "handoffs",
    "tools",
    "tool_calls",
    "first_audio_ms",
    "slowest_ms",
    "tokens",
    "tokens_in",
    "cost",
    "currency",
    "unpriced",
    "errors",
    "recorded",
    "live",
    "text",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def written(calls: Iterable[Mapping[str, Any]]) -> str:
    """A head and a line a call; times are ISO 8601 in UTC, lists are joined by ``; ``."""
    file = io.StringIO()
    sheet = csv.writer(file)
    sheet.writerow(COLUMNS)
    for call in calls:
        began = datetime.fromtimestamp(call["started"], UTC).isoformat(timespec="milliseconds")
        sheet.writerow(_cell(value) for value in ({**call, "started": began}[c] for c in COLUMNS))
    return file.getvalue()


def _cell(value: object) -> object:
    """What a caller said must not run as a formula in whoever opens the file: a quote before it
    makes it text (https://owasp.org/www-community/attacks/CSV_Injection)."""
    if isinstance(value, list):
        value = "; ".join(map(str, cast("list[object]", value)))
    if isinstance(value, dict):
        counts = cast("dict[str, int]", value)
        value = "; ".join(f"{name} {count}" for name, count in counts.items())
    if isinstance(value, float):
        return f"{value:.12g}"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
