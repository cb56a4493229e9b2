"""An agent's prompt is filled in once a day, and anew for variables that are not the team's."""

from datetime import datetime
from typing import Any

from frontdesk.team import prompting
from frontdesk.team.prompting import Prompting


def test_a_prompt_is_filled_in_again_on_another_day_and_for_other_variables(monkeypatch):
    filled_in: list[tuple[str, dict[str, Any]]] = []

    def prompt(agent: str, variables: dict[str, Any]) -> str:
        filled_in.append((agent, variables))
        return f"{agent} {variables['shop']} {len(filled_in)}"

    class Clock(datetime):
        day = 1

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2026, 11, cls.day, 12).astimezone()

    monkeypatch.setattr(prompting, "datetime", Clock)
    ours = Prompting(prompt, {"shop": "Lamps"})
    assert ours("a", {"shop": "Lamps"}) == ours("a", {"shop": "Lamps"}) == "a Lamps 1"
    assert ours("b", {"shop": "Lamps"}) == "b Lamps 2"
    assert ours("a", {"shop": "Tents"}) == "a Tents 3"
    assert ours("a", {"shop": "Lamps"}) == "a Lamps 1"
    Clock.day = 2
    assert ours("a", {"shop": "Lamps"}) == "a Lamps 4"
