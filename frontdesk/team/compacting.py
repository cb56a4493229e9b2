"""Who sums up the older part of a long conversation, for the agents whose team wants that."""

import logging
from dataclasses import dataclass

from agents import Model, ModelSettings, ModelTracing, TResponseInputItem, Usage
from frontdesk.desk.context import Compact
from frontdesk.desk.schema import Team
from frontdesk.team.models import ModelRegistry, fallbacks, model_choice
from frontdesk.team.summary import GOING_ON, GOING_ON_TOKENS, summed_up

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Summariser:
    """``name`` is the model's under ``models``; ``room``: tokens of a conversation it can take."""

    policy: Compact
    name: str
    room: int
    model: Model
    settings: ModelSettings

    async def sum_up(self, items: list[TResponseInputItem]) -> tuple[str, Usage]:
        """``items`` in short, and what that took. Raises what the model raises, and ``ValueError``
        when it says nothing."""
        return await summed_up(
            self.model, self.settings, items, GOING_ON, GOING_ON_TOKENS, ModelTracing.DISABLED
        )


def build_summarisers(team: Team, models: ModelRegistry) -> dict[str, Summariser]:
    """By agent. One whose own model has no words needs none: it looks at the newest turns alone.

    Raises:
        ModelUnavailable: no key, no address.
    """
    found = {name: _summariser(team, name, models) for name in team.agents}
    return {name: summariser for name, summariser in found.items() if summariser}


def _summariser(team: Team, agent: str, models: ModelRegistry) -> Summariser | None:
    policy = (team.agents[agent].context or team.context).compact
    own, choice = model_choice(team, agent)
    if policy is None or not models.writes(choice):
        return None
    name = policy.model or own
    model = models.writer(team, name)
    if model is None:
        logger.warning("models.%s has no words: %s's calls are not summed up", name, agent)
        return None
    chain = [team.models[n] for n in fallbacks(team, name)]
    window = min(models.context_window(choice) for choice in chain if models.writes(choice))
    room = max(round(window * 0.9) - GOING_ON_TOKENS - 500, 1)
    return Summariser(policy, name, room, model, models.given(model, team.models[name]))
