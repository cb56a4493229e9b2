"""What was said in a call, in the order in which it was, for reading."""

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]


def conversation(call: Record) -> list[dict[str, Any]]:
    """The lines of the transcript and the handoffs between them. The last line of an answer that
    the caller barged into has its turn as ``cut``."""
    cuts = {turn["trace_id"]: turn for turn in call["turns"] if turn["interrupted_at"] is not None}
    lines: list[dict[str, Any]] = []
    for line in reversed(call["transcript"]):
        cut = cuts.pop(line["trace_id"], None) if line["role"] != "caller" else None
        lines.append({**line, "cut": cut})
    handoffs = [{**handoff, "role": "handoff"} for handoff in call.get("handoffs", ())]
    # Who hands over says nothing any more: of one moment, the handoff comes first.
    found = [*handoffs, *reversed(lines)]
    return sorted(found, key=lambda entry: entry["start_ms"] or 0)
