"""Makes the guardrails of a team file ready to run."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.desk.guardrails import Guardrail
from frontdesk.desk.schema import Team
from frontdesk.team.functions import FunctionLoader
from frontdesk.team.guardrails.functions import by_function
from frontdesk.team.guardrails.guard import Guard
from frontdesk.team.guardrails.judge import by_model
from frontdesk.team.guardrails.passage import Check, OpenFrom, nothing_open
from frontdesk.team.guardrails.patterns import searching
from frontdesk.team.models import ModelRegistry

CLEANED = 1_000
"""Texts of callers that are kept cleaned."""


class Cleaned(OrderedDict[str, str]):
    """Texts without what was replaced in them; the oldest go first."""

    def __setitem__(self, text: str, cleaned: str) -> None:
        super().__setitem__(text, cleaned)
        if len(self) > CLEANED:
            self.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Guardrails:
    """The guardrails of one version of a team, by name, and who has which."""

    team: Team
    guards: Mapping[str, Guard] = field(default_factory=dict[str, Guard])
    cleaned: Cleaned = field(default_factory=Cleaned)
    """What callers said, as models may see it: each turn they are shown all of it again."""

    def input(self, agent: str) -> tuple[Guard, ...]:
        """Those for what a caller says to ``agent``."""
        own = self.team.agents[agent].guardrails.input if agent in self.team.agents else ()
        return self.named((*self.team.defaults.guardrails.input, *own))

    def output(self, agent: str) -> tuple[Guard, ...]:
        """Those for what ``agent`` says."""
        own = self.team.agents[agent].guardrails.output if agent in self.team.agents else ()
        return self.named((*self.team.defaults.guardrails.output, *own))

    def named(self, names: tuple[str, ...]) -> tuple[Guard, ...]:
        """Guards in this order, each once."""
        return tuple(self.guards[name] for name in dict.fromkeys(names))


def build_guardrails(
    team: Team,
    *,
    functions: FunctionLoader,
    models: ModelRegistry,
    judges: Mapping[str, str],
) -> Guardrails:
    """The guardrails of ``team``; ``judges`` are the prompts of those that are models.

    Raises:
        FunctionLoadError, ModelUnavailable: naming the field.
    """
    guards: dict[str, Guard] = {}
    for name, rule in team.guardrails.items():
        line = rule.say or team.lines.blocked
        guards[name] = Guard(name, rule, line, *_check(team, name, rule, functions, models, judges))
    return Guardrails(team, guards)


def _check(
    team: Team,
    name: str,
    rule: Guardrail,
    functions: FunctionLoader,
    models: ModelRegistry,
    judges: Mapping[str, str],
) -> tuple[Check, OpenFrom]:
    if rule.call is not None:
        return by_function(functions, f"guardrails.{name}", rule.call), nothing_open
    if rule.prompt is not None:
        model = rule.model or next(iter(team.models))
        settings = models.settings(team.models[model])
        return by_model(models.judge(team, model), settings, judges[name]), nothing_open
    return searching(rule)
