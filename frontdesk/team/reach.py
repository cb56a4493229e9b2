"""Whether the dialogue models that services run can be reached, with a connection open."""

from functools import partial

from openai import OpenAIError

from frontdesk.desk.schema import Team
from frontdesk.team.models import ModelRegistry, ModelUnavailable, model_chain
from frontdesk.warmth import Warmth, is_refusal, knock


class Reach:
    """For all teams of a process."""

    def __init__(self, models: ModelRegistry) -> None:
        self._models = models
        self._warmth = Warmth()

    async def look(self, team: Team, seconds: float) -> str | None:
        """Connect to the models that the team's agents use. Returns why, where no model is left for
        some agent. Raises :class:`~frontdesk.team.models.ModelUnavailable` for a refused key."""
        chains = {tuple(model_chain(team, agent)) for agent in team.agents}
        remote = {
            name: self._label(team, name)
            for name in {name for chain in chains for name in chain}
            if self._models.provider(team.models[name]) in ("openai", "openai-compatible")
        }
        knocks = {label: partial(self._knock, team, name) for name, label in remote.items()}
        await self._warmth.look(knocks, seconds, (ModelUnavailable,))
        down = self._warmth.down
        for chain in chains:
            if all(remote.get(name, "") in down for name in chain):
                return "; ".join(down[remote[name]] for name in chain)
        return None

    def _label(self, team: Team, name: str) -> str:
        """What the service is, whichever team has it: it is looked at once."""
        return f"models.{name}: {self._models.describe(team.models[name])}"

    async def _knock(self, team: Team, name: str) -> None:
        try:
            await knock(self._models.client_of(team.models[name]))
        except OpenAIError as error:
            field = f"models.{name} of team {team.name!r}"
            if is_refusal(error):
                told = f"{field}: the server refuses the key, see api_key ({error})"
                raise ModelUnavailable(told) from error
            cause = f": {error.__cause__}" if error.__cause__ else ""
            raise ModelUnavailableNow(f"{field}: {error}{cause}") from error


class ModelUnavailableNow(RuntimeError):
    """A service does not answer; it may later."""
