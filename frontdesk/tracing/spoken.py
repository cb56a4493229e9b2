"""What was said in a call, in the order in which it was, for reading."""

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]


def conversation(call: Record) -> list[dict[str, Any]]:
    """The lines of the transcript and the handoffs between them. The last line of an answer that
    the caller barged into has its turn as ``cut``; one of which no word was heard is ``…``."""
    cuts = {turn["trace_id"]: turn for turn in call["turns"] if turn["interrupted_at"] is not None}
    lines: list[dict[str, Any]] = []
    for line in reversed(call["transcript"]):
        cut = cuts.pop(line["trace_id"], None) if line["role"] != "caller" else None
        lines.append({**line, "cut": cut})
    # Who cut in before a word was heard cut in all the same.
    lines += [_unheard(turn, call["call"]["started"]) for turn in cuts.values()]
    handoffs = [{**handoff, "role": "handoff"} for handoff in call.get("handoffs", ())]
    # Who hands over says nothing any more: of one moment, the handoff comes first.
    found = [*handoffs, *reversed(lines)]
    return sorted(found, key=lambda entry: entry["start_ms"] or 0)


def _unheard(turn: Record, zero: float) -> dict[str, Any]:
    at = round((turn["started"] + turn["seconds"] - zero) * 1000)
    agent = turn["agents"][-1] if turn["agents"] else None
    line = {"role": "agent", "agent": agent, "text": "…", "start_ms": at, "end_ms": at}
    return {**line, "trace_id": turn["trace_id"], "cut": turn}
