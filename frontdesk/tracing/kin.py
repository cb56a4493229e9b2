"""Which spans of a turn hang on which."""

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]


def above(span: Record, by_id: Mapping[str, Record], stage: str) -> Record | None:
    """The nearest span of a stage that ``span`` hangs on, or None."""
    seen: set[str] = set()  # a broken sender may make a ring
    up = by_id.get(span["parent_id"] or "")
    while up is not None and up["span_id"] not in seen:
        if up["stage"] == stage:
            return up
        seen.add(up["span_id"])
        up = by_id.get(up["parent_id"] or "")
    return None


def below(span: Record, spans: Sequence[Record]) -> list[Record]:
    """All that hangs on ``span``, each after what it hangs on, siblings by start."""
    children: dict[str, list[Record]] = {}
    for each in sorted(spans, key=lambda other: other["start"]):
        children.setdefault(each["parent_id"] or "", []).append(each)
    seen, found = {span["span_id"]}, list[Record]()
    waiting = list(reversed(children.get(span["span_id"], [])))
    while waiting:
        each = waiting.pop()
        if each["span_id"] not in seen:
            seen.add(each["span_id"])
            found.append(each)
            waiting.extend(reversed(children.get(each["span_id"], [])))
    return found
