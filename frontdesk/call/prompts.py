"""Prompts that a client refers to (``prompt: {id, version, variables}``), from the team's desk."""

from typing import Any, cast

from jinja2 import TemplateError

from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import did_you_mean
from frontdesk.desk.prompts import prompt_variables
from frontdesk.desk.stored import StoredPrompt
from frontdesk.protocol.errors import (
    invalid_type,
    invalid_value,
    missing_parameter,
    unknown_parameter,
)
from frontdesk.team.events import ClientPrompt

Prompt = dict[str, Any]


class Prompts:
    """The prompts of one version of a team, for the sessions of its callers."""

    def __init__(self, loaded: LoadedTeam) -> None:
        self._loaded = loaded

    def look_up(self, prompt: Prompt, param: str) -> Prompt:
        """The reference as it is in force: with the version that was found. Raises
        :class:`ProtocolError` naming the field under ``param`` that does not suit."""
        stored = self._stored(prompt, param)
        values = _values(prompt, f"{param}.variables")
        for name in values:
            if name not in stored.variables:
                raise unknown_parameter(f"{param}.variables.{name}")
        for name in sorted(stored.variables - {*self._loaded.team.variables, *values}):
            raise missing_parameter(f"{param}.variables.{name}")
        for agent in self._loaded.team.agents:
            try:
                self._render(stored, agent, values)
            except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError) as error:
                why = f"the prompt cannot be filled in: {error}."
                raise invalid_value(f"{param}.variables", why) from None
        return {**prompt, "version": stored.version}

    def fill_in(self, prompt: Prompt | None, agent: str) -> ClientPrompt | None:
        """The prompt that :meth:`look_up` allowed, for a turn that begins with ``agent``."""
        if prompt is None:
            return None
        stored = self._stored(prompt, "prompt")
        text = self._render(stored, agent, _values(prompt, "prompt.variables"))
        return ClientPrompt(text, stored.agents)

    def _stored(self, prompt: Prompt, param: str) -> StoredPrompt:
        stored = self._loaded.stored.get(prompt["id"])
        if stored is None:
            names = ", ".join(sorted(self._loaded.stored)) or "none"
            hint = did_you_mean(prompt["id"], self._loaded.stored) or f"there are: {names}."
            raise invalid_value(f"{param}.id", f"no prompt '{prompt['id']}' on this desk; {hint}")
        version = prompt.get("version")
        if version is not None and version != stored.version:
            why = f"the desk has version '{stored.version}' of '{stored.name}'."
            raise invalid_value(f"{param}.version", why)
        return stored

    def _render(self, stored: StoredPrompt, agent: str, values: dict[str, str]) -> str:
        variables = prompt_variables(self._loaded.team, agent, values)
        return stored.template.render(variables).strip()


def _values(prompt: Prompt, param: str) -> dict[str, str]:
    """The variables as text. Raises :class:`ProtocolError` naming one that is none."""
    values: dict[str, str] = {}
    given: dict[str, Any] = prompt.get("variables") or {}
    for name, value in given.items():
        text: Any = value
        if isinstance(value, dict) and cast(Prompt, value).get("type") == "input_text":
            text = cast(Prompt, value).get("text")
        if not isinstance(text, str):
            raise invalid_type(f"{param}.{name}", "give text.")
        values[name] = text
    return values
