"""Where a turn's time went, between the caller's last sound and the first sound of the answer."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

STAGES = ("end_of_turn", "speech_to_text", "model", "tools", "text_to_speech")

# When several stages run at once, the moment belongs to the first of these: nothing can be heard
# before the turn has ended, and after that whatever is furthest down the chain is being waited for.
_ORDER = ("end_of_turn", "text_to_speech", "tools", "model", "speech_to_text")

Interval = tuple[str, float, float]


def breakdown(intervals: Sequence[Interval], begin: float, end: float) -> dict[str, float]:
    """Milliseconds by stage between ``begin`` and ``end`` (unix seconds).

    Every moment is counted once, so the stages stacked are never longer than the wait itself;
    what is missing was none of them.
    """
    spent = dict.fromkeys(STAGES, 0.0)
    inside = [
        (stage, max(start, begin), min(stop, end))
        for stage, start, stop in intervals
        if stage in spent and min(stop, end) > max(start, begin)
    ]
    edges = sorted({edge for _, start, stop in inside for edge in (start, stop)})
    for left, right in pairwise(edges):
        running = {stage for stage, start, stop in inside if start <= left and stop >= right}
        for stage in _ORDER:
            if stage in running:
                spent[stage] += (right - left) * 1000
                break
    return {stage: round(value, 3) for stage, value in spent.items()}


def wait(
    spans: Iterable[Interval], started: float, ended: float, latency: float | None
) -> tuple[float, float]:
    """The stretch that the caller waited: from the end of the last speech before the answer (the
    turn's start when it was typed) to the answer's first sound (the turn's end without one)."""
    silence = max((stop for stage, _, stop in spans if stage == "user_speech"), default=started)
    silence = max(silence, started)
    return (silence, silence + latency) if latency is not None else (silence, max(ended, silence))
