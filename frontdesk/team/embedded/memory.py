"""What the conversation so far means for the next step, worked out anew each time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from frontdesk.team.embedded.history import ToolUse, UserTurn
from frontdesk.team.embedded.offers import Deed, Offer
from frontdesk.team.embedded.ranking import Ranker
from frontdesk.team.embedded.reading.arguments import Told, best_code, read_arguments
from frontdesk.team.embedded.reading.emails import find_email
from frontdesk.team.embedded.reading.parameters import Kind, Parameter
from frontdesk.team.embedded.saying.questions import asks_for

_ANEW = re.compile(r"\b(?:another|other|different|new|someone else|else)\b", re.IGNORECASE)
_BACK = re.compile(
    r"\b(?:it|its|that|this|those|these|they|them|him|her|he|she|there|then|same|also|too|instead)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Pending:
    """A tool that waits for the argument just asked for."""

    tool: Offer
    asked: Parameter
    known: dict[str, Any]


class Memory:
    """The earlier turns of a call, as one agent with ``offers`` reads them."""

    def __init__(
        self, turns: Sequence[UserTurn], offers: Sequence[Offer], ranker: Ranker, today: date
    ) -> None:
        self._turns = turns
        self._tools = [offer for offer in offers if offer.deed is Deed.TOOL]
        self._ranker = ranker
        self._today = today

    @property
    def earlier(self) -> Sequence[UserTurn]:
        """All turns but the one to be answered."""
        return self._turns[:-1]

    def told(self, text: str, tool: Offer, asked: str | None = None) -> Told:
        return Told(text, self._today, self._ranker.similarity, asked, tool.context, tool.examples)

    def pending(self) -> Pending | None:
        """The tool and argument that the last reply asked for.

        The question is recognised by its words. Questions before it are followed back to the
        request that began it all, which decides between tools that ask alike.
        """
        chain: list[tuple[UserTurn, str]] = []
        candidates = self._tools
        for turn in reversed(self.earlier):
            reply = turn.replies[-1] if turn.replies else ""
            asking = [tool for tool in candidates if _asked(tool, reply)]
            if not asking:
                break
            candidates = asking
            chain.insert(0, (turn, reply))
        if not chain:
            return None
        root = chain[0][0].text
        tool = self._ranker.rank([root], candidates)[0].offer
        known = self.arguments(root, tool, before=len(self.earlier) - len(chain))
        asked = _asked(tool, chain[0][1])
        for turn, reply in chain[1:]:
            name = asked.name if asked else None
            known |= read_arguments(tool.parameters, self.told(turn.text, tool, name), known)
            asked = _asked(tool, reply)
        return Pending(tool, asked, known) if asked else None

    def arguments(self, text: str, tool: Offer, before: int | None = None) -> dict[str, Any]:
        """Arguments for ``tool`` that ``text`` gives, and those the call has already named."""
        values = read_arguments(tool.parameters, self.told(text, tool))
        earlier = self.earlier if before is None else self._turns[:before]
        for parameter in tool.required:
            if parameter.name not in values and (known := self._recall(parameter, text, earlier)):
                values[parameter.name] = known
        return values

    def last_use(self) -> tuple[Offer, ToolUse] | None:
        """The tool of this agent that was called last, if it was called for the turn before."""
        for turn in reversed(self.earlier[-2:]):
            for use in reversed(turn.uses):
                for tool in self._tools:
                    if tool.name == use.name:
                        return tool, use
        return None

    def _recall(self, parameter: Parameter, text: str, earlier: Sequence[UserTurn]) -> Any:
        """What was named before and is meant again.

        Codes and addresses hold for the whole call, unless "another" is wanted; anything else
        needs a word that points back ("with him", "then").
        """
        if _ANEW.search(text) or parameter.kind is Kind.SENTENCE:
            return None
        lasting = parameter.kind in (Kind.CODE, Kind.EMAIL) or _is_numbered(parameter)
        if not lasting and not _BACK.search(text):
            return None
        for turn in reversed(earlier):
            for use in reversed(turn.uses):
                value = _matching(parameter, use)
                if value is not None:
                    return value
            if lasting and (value := self._said(parameter, turn.text)):
                return value
        return None

    def _said(self, parameter: Parameter, text: str) -> str | None:
        if parameter.kind is Kind.EMAIL:
            found = find_email(text)
            return found[0] if found else None
        if parameter.kind is Kind.CODE and (parameter.pattern or parameter.samples):
            code = best_code(parameter, text, self._today)
            return code.text if code and code.cost == 0 else None
        return None


def _asked(tool: Offer, reply: str) -> Parameter | None:
    return next((p for p in tool.required if reply and asks_for(reply, p)), None)


def _is_numbered(parameter: Parameter) -> bool:
    return parameter.kind is Kind.NUMBER and "number" in parameter.description.lower().split()


def _matching(parameter: Parameter, use: ToolUse) -> Any:
    value = use.arguments.get(parameter.name)
    if value is not None:
        return value
    if parameter.kind is Kind.CODE and parameter.pattern:
        for other in use.arguments.values():
            if isinstance(other, str) and parameter.accept_code(other) == other:
                return other
    return None
