"""Times of day in speech: "half past ten", "a quarter to seven", "5:45", "7 a.m.", "at six"."""

import re
from dataclasses import dataclass

from frontdesk.team.embedded.reading.numbers import TENS, UNITS
from frontdesk.team.embedded.reading.tokens import Span

_HOURS = "|".join(sorted((w for w, v in UNITS.items() if 0 < v <= 12), key=len, reverse=True))
_TENS = "|".join(word for word, value in TENS.items() if value < 60)
_UNITS = "|".join(sorted((word for word, value in UNITS.items() if value), key=len, reverse=True))
_HOUR = rf"(?P<hour>\d{{1,2}}|{_HOURS})"
_MINUTE = rf"(?P<minute>(?:{_TENS})(?:[- ](?:{_UNITS}))?|(?:oh )?(?:{_UNITS})|\d{{2}})"
_HALF = (
    r"(?P<half> ?(?:[ap]\.? ?m\b\.?| in the (?:morning|afternoon|evening)| at night"
    r"| o'?clock(?: in the (?:morning|afternoon|evening))?| tonight))"
)
_NOT_TIME = r"(?! (?:nights?|people|days?|weeks?|months?|years?|of|hundred|thousand)\b)"
_MORNING = re.compile(r"\b(?:wake|waking|morning|early|breakfast|sunrise|alarm)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time said (``HH:MM``, 24 hours) and where."""

    value: str
    span: Span


def times(text: str, *, context: str = "", bare: bool = False) -> list[Clock]:
    """Every time of day said in ``text``.

    Hours one to six without "a.m." or "p.m." are taken for the afternoon, unless the talk
    (``text`` or ``context``) is of the morning. ``bare`` also takes "six" or "six thirty" alone.
    """
    early = bool(_MORNING.search(f"{context} {text}"))
    found: list[Clock] = []
    for pattern in [*_PATTERNS, *([_BARE] if bare else [])]:
        for match in pattern.finditer(text):
            span = Span(*match.span("time"))
            value = _read(match, early)
            if value and not any(span.overlaps(clock.span) for clock in found):
                found.append(Clock(value, span))
    return sorted(found, key=lambda clock: clock.span.start)


def _value(word: str) -> int:
    if word.isdigit():
        return int(word)
    return sum(TENS.get(part) or UNITS.get(part, 0) for part in re.split(r"[- ]", word.lower()))


def _read(match: re.Match[str], early: bool) -> str | None:
    parts = match.groupdict()
    if parts.get("named"):
        return {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}[match["named"].lower()]
    hour, minute = _value(parts["hour"]), _value(parts.get("minute") or "0")
    half = (parts.get("half") or "").lower()
    if re.search(r"p\.? ?m|afternoon|evening|night", half):
        hour = hour + 12 if hour < 12 else hour
    elif re.search(r"a\.? ?m|morning", half):
        hour = hour % 12
    elif 1 <= hour <= 6 and not early and not parts["hour"].startswith("0"):
        hour += 12
    if past := parts.get("past"):
        share = parts["share"].lower()
        minute = {"half": 30, "quarter": 15}.get(share.removeprefix("a ")) or _value(share)
        if past.lower() == "to":
            hour, minute = hour - 1, 60 - minute
    return f"{hour % 24:02}:{minute:02}" if hour <= 24 and minute < 60 else None


def _pattern(body: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w|.:£$€]){body}(?!\w)", re.IGNORECASE)


_SHARE = (
    r"(?P<share>half|(?:a )?quarter|ten|five|twenty|twenty[- ]five)(?: minutes)? (?P<past>past|to)"
)
_PATTERNS = [
    _pattern(rf"(?P<time>{_SHARE} {_HOUR}{_HALF}?)"),
    _pattern(rf"(?P<time>(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}}){_HALF}?)(?!\.?\d)"),
    _pattern(rf"(?P<time>{_HOUR}(?:[ -]{_MINUTE})?{_HALF})"),
    _pattern(r"(?P<time>(?P<named>noon|midday|midnight))"),
    _pattern(rf"(?:at|by|around|about|for) (?P<time>{_HOUR}(?:[ -]{_MINUTE})?){_NOT_TIME}"),
]
_BARE = _pattern(rf"(?P<time>{_HOUR}(?:[ -]{_MINUTE})?){_NOT_TIME}")
