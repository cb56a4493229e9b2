"""Long calls in a team file: each mistake is found where it is."""

import pytest

from frontdesk.desk.problems import DeskError

TEAM = """\
version: 1
name: shop
entry: hello
models:
  main: {{ provider: openai }}
  own: {{ provider: embedded }}
  auto: {{ provider: auto }}
context: {team}
agents:
  hello:
    description: Greets.
    instructions: hello.md
    context: {agent}
"""


@pytest.fixture
def found(desk):
    def found(team="{}", agent="{}"):
        desk.team(TEAM.format(team=team, agent=agent))
        try:
            return [str(warning) for warning in desk.load().warnings]
        except DeskError:
            return desk.found()

    return found


@pytest.mark.parametrize(
    ("team", "message"),
    [
        ("{ compact: { model: mian } }", "no model `mian` under `models` (did you mean `main`?)"),
        ("{ compact: { model: own } }", "has no words of its own, and cannot sum"),
        ("{ compact: { model: auto } }", "warning: `auto` is the embedded model where"),
        ("{ compact: { keep: 1 } }", "`keep`: expected at least 2"),
        ("{ compact: { at: 0.99 } }", "`at`: expected at most 0.95"),
        ("{ compact: { kep: 3 } }", "unknown key `kep` (did you mean `keep`?)"),
        ("{ compcat: true }", "unknown key `compcat` (did you mean `compact`?)"),
    ],
)
def test_a_wrong_context_is_found(found, team, message):
    [problem] = found(team)
    assert message in problem
    assert "agents/shop.yaml:8:" in problem


def test_an_agent_whose_own_model_cannot_sum_up_needs_another(found):
    [problem] = found(agent="{ compact: true }\n    model: own")
    assert problem.startswith("agents/shop.yaml:13:")
    assert "`own`: the embedded model has no words" in problem
    assert found(agent="{ compact: { model: main } }\n    model: own") == []


@pytest.mark.parametrize("team", ["{ compact: true }", "{ compact: { at: 0.5, keep: 30 } }"])
def test_a_right_one_is_taken_and_an_agent_may_have_none(found, desk, team):
    assert found(team, "{ compact: false }") == []
    loaded = desk.load().team
    assert loaded.context.compact is not None
    assert loaded.agents["hello"].context is not None
    assert loaded.agents["hello"].context.compact is None
