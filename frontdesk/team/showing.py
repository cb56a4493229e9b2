"""What each agent of one run is shown, as the floor goes from one to the next."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from agents import TResponseInputItem, Usage
from frontdesk.desk.schema import Team
from frontdesk.team.events import SummedUp, TeamEvent, TurnRequest
from frontdesk.team.handoffs import HANDOFF_PREFIX, edge_between
from frontdesk.team.view import View, newest_question

Items = list[TResponseInputItem]
SumUp = Callable[[str, Items], Awaitable[tuple[str, Usage] | None]]
"""``sum_up(agent, items)``: by the agent's model, None if it can't."""


class Showing:
    """Applied to a model's input before each step. A handoff shows of the *whole* conversation
    what its edge says, whatever the agent before was shown: who gets a caller back knows them."""

    def __init__(
        self,
        team: Team,
        request: TurnRequest,
        history: Items,
        sum_up: SumUp,
        tell: Callable[[TeamEvent], None],
    ) -> None:
        self._team = team
        self._agent = request.agent
        self._view = request.view
        self._asked = newest_question(history) if request.question is None else request.question
        self._sum_up = sum_up
        self._tell = tell
        self.usage: Usage | None = None
        """Of the run; what summaries take is added to it."""

    async def shown(self, agent: str, items: Items) -> Items:
        """What ``agent``, whose step it is, sees of ``items``."""
        if agent != self._agent:
            previous, self._agent = self._agent, agent
            self._view = await self._handed_over(previous, agent, items)
        return items if self._view is None else self._view.of(items)

    async def _handed_over(self, previous: str, agent: str, items: Items) -> View | None:
        edge = edge_between(self._team, previous, agent)
        if edge.history == "full":
            return None
        view = View(edge.history, self._asked, _handoff_to(agent, items))
        earlier = items[: self._asked] if edge.history == "summary" else []
        if earlier and (made := await self._sum_up(previous, earlier)):
            text, used = made
            view = view.told(text)
            self._tell(SummedUp(text))
            if self.usage is not None:
                self.usage.add(used)
        return view


def _handoff_to(agent: str, items: Items) -> str | None:
    """Id of the newest call that handed over to ``agent``."""
    for item in (cast("dict[str, Any]", item) for item in reversed(items)):
        if item.get("name") == f"{HANDOFF_PREFIX}{agent}":
            return item["call_id"]
    return None
