"""What an agent is shown of a conversation that began without it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from agents import TResponseInputItem
from frontdesk.desk.handoffs import History, Last
from frontdesk.team.history import call_item
from frontdesk.team.summary import extract, summary_item

Items = list[TResponseInputItem]


@dataclass(frozen=True, slots=True)
class View:
    """Of the first ``before`` items what ``history`` says, of the others all, but with ``none`` no
    tool call made before the handoff, whose call id is ``handed``. Without a ``summary`` of a model
    the conversation is cut down to one."""

    history: History
    before: int
    handed: str | None = None
    summary: str | None = None

    def told(self, summary: str) -> "View":
        """The same, with this summary."""
        return replace(self, summary=summary)

    def of(self, items: Items) -> Items:
        """What is seen of ``items``."""
        earlier, later = items[: self.before], items[self.before :]
        match self.history:
            case "full":
                return items
            case "none":
                return self._without_tools(later)
            case "summary":
                return (
                    [summary_item(self.summary or extract(earlier)), *later] if earlier else later
                )
            case Last(last=exchanges):
                return [*earlier[start_of_last(earlier, exchanges) :], *later]

    def _without_tools(self, items: Items) -> Items:
        """Without what was looked up for the agent that handed over. Its call that did so is made
        anew: with its id, a provider would want what the model thought before."""
        begun = (i for i, item in enumerate(items) if _field(item, "call_id") == self.handed)
        if (handed := next(begun, None)) is None:
            return items
        before, call, after = items[:handed], items[handed], items[handed + 1 :]
        unknown = {_field(item, "call_id") for item in before} - {None}
        return [
            *(item for item in before if _field(item, "role")),
            call_item(*(_field(call, name) for name in ("call_id", "name", "arguments"))),
            *(item for item in after if _field(item, "call_id") not in unknown),
        ]


def start_of_last(items: Sequence[TResponseInputItem], exchanges: int) -> int:
    """Where the last so many exchanges begin: things the caller said, each with all that followed
    until they spoke again. What they said in one go is one thing."""
    start = len(items)
    for index in range(len(items) - 1, -1, -1):
        if _asks(items[index]):
            start = index
            if index == 0 or not _asks(items[index - 1]):
                exchanges -= 1
                if exchanges == 0:
                    return start
    return 0


def newest_question(items: Sequence[TResponseInputItem]) -> int:
    """Where the last thing that the caller said begins; the end, if they never said anything."""
    if not any(map(_asks, items)):
        return len(items)
    return start_of_last(items, 1)


def _asks(item: TResponseInputItem) -> bool:
    return _field(item, "role") == "user"


def _field(item: TResponseInputItem, name: str) -> Any:
    return cast("dict[str, Any]", item).get(name)
