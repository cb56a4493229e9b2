"""Agents' prompts, filled in once a day where nothing but the day changes them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

Prompt = Callable[[str, dict[str, Any]], str]
"""``prompt(agent, variables)``: the agent's instructions, filled in."""


class Prompting:
    """``prompt``, which need not fill in the team's own ``variables`` at each step of a model. Of
    what else a prompt may name, only the day changes (``frontdesk/desk/prompts.py``)."""

    def __init__(self, prompt: Prompt, variables: Mapping[str, Any]) -> None:
        self._prompt = prompt
        self._variables = dict(variables)
        self._known: dict[str, tuple[date, str]] = {}

    def __call__(self, agent: str, variables: dict[str, Any]) -> str:
        """The instructions of ``agent``. Raises what ``prompt`` does."""
        if variables != self._variables:
            return self._prompt(agent, variables)
        day, text = self._known.get(agent, (None, ""))
        today = datetime.now().astimezone().date()
        if day != today:
            text = self._prompt(agent, variables)
            self._known[agent] = today, text
        return text
