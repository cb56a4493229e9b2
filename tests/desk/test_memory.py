"""What a team file says of remembering callers."""

import pytest

from frontdesk.desk.loader import load_desk
from tests.desk.conftest import TEAM


@pytest.mark.parametrize(
    ("memory", "place", "message"),
    [
        ("{ consent: aks }", "9:20", "did you mean `ask`?"),
        ("{ dayz: 3 }", "9:11", "unknown key `dayz` (did you mean `days`?)"),
        ("{ calls: 0 }", "9:18", "expected at least 1"),
        ("{ days: soon }", "9:17", "expected a whole number"),
        ("{ summary: man }", "9:20", "no model `man` under `models` (did you mean `main`?)"),
        ("{ lines: { asks: Hm? } }", "9:20", "unknown key `asks` (did you mean `ask`?)"),
    ],
)
def test_mistakes_are_found_where_they_stand(desk, memory, place, message):
    desk.team(f"{TEAM}memory: {memory}\n")
    (found,) = desk.found()
    assert message in found, found
    line = str(TEAM.count("\n") + 1)
    assert f":{line}:{place.partition(':')[2]}:" in found, found


def test_a_model_that_cannot_sum_up_is_told_of(desk):
    local = TEAM.replace("agents:", "models:\n  main: { provider: embedded }\nagents:", 1)
    desk.team(f"{local}memory: {{ summary: main }}\n")
    (found,) = desk.found()
    assert "the embedded model sums nothing up: leave `summary` out for an extract" in found


def test_the_example_desk_asks_its_callers(repository):
    memory = load_desk(repository).team("support").team.memory
    assert memory is not None
    assert (memory.calls, memory.days, memory.consent, memory.summary) == (3, 30, "ask", None)
