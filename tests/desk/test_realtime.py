"""``voice.engine: realtime``: what a team file may say of a speech-to-speech model."""

from pathlib import Path
from typing import Any

import pytest

from frontdesk.desk.loader import load_desk
from frontdesk.settings import Settings
from frontdesk.team.models import ModelRegistry, ModelUnavailable
from frontdesk.team.realtime.upstream import hears

TEAM = """\
version: 1
name: voiced
entry: hello
voice:
  engine: realtime
  realtime: { api_key: sk-test }
agents:
  hello:
    description: Greets.
    instructions: hello.md
"""


def test_a_team_on_a_realtime_model_loads_without_a_word(desk: Any) -> None:
    desk.team(TEAM)
    assert desk.load().warnings == ()


MISTAKES = [
    ("realtime\n", "realtme\n", "5:11: `engine`: expected `chain` or `realtime`; did you mean"),
    ("engine: realtime\n", "engine: chain\n", "6:3: `realtime` means nothing without `engine:"),
    ("api_key:", "modle: x, api_key:", "6:15: unknown key `modle` (did you mean `model`?)"),
    (
        "api_key: sk-test",
        "provider: openai-compatible, model: x",
        "6:3: an openai-compatible model needs `base_url`",
    ),
    (
        "api_key: sk-test",
        "provider: openai-compatible, base_url: 'http://x/v1'",
        "6:3: an openai-compatible model needs `model`",
    ),
    (
        "hello.md\n",
        "hello.md\n    voice: ash\n",
        "11:5: `voice`: with `engine: realtime` all agents have one voice",
    ),
    (
        "hello.md\n",
        "hello.md\n    voice: { speed: 1.2 }\n",
        "11:14: `speed`: with `engine: realtime` all agents have one voice",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "report"), MISTAKES)
def test_a_mistake_is_reported_at_its_place(desk: Any, right: str, wrong: str, report: str) -> None:
    desk.team(TEAM.replace(right, wrong, 1))
    (found,) = desk.found()
    assert f":{report}" in found


def test_a_key_from_the_environment_will_do(desk: Any) -> None:
    desk.team(TEAM.replace("{ api_key: sk-test }", "{}"))
    (missing,) = desk.load().warnings
    assert ":5:3: warning: no API key: set OPENAI_API_KEY, or `api_key`" in str(missing)
    team = desk.load().team
    with pytest.raises(ModelUnavailable, match=r"^voice\.realtime of team 'voiced': no API key"):
        ModelRegistry(Settings(), {}).upstream(team)
    upstream = ModelRegistry(Settings(), {"OPENAI_API_KEY": "sk-env"}).upstream(team)
    assert upstream is not None
    assert upstream.config.get("api_key") == "sk-env"
    assert upstream.config.get("url") == "wss://api.openai.com/v1/realtime?model=gpt-realtime"
    assert upstream.name == "openai: gpt-realtime, voice marin"


def test_scripted_models_answer_for_a_realtime_one_too(desk: Any) -> None:
    desk.team(TEAM)
    assert ModelRegistry(Settings(models="instant"), {}).upstream(desk.load().team) is None


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://host:8000/v1/", "ws://host:8000/v1/realtime?model=a+b"),
        ("https://host/v1", "wss://host/v1/realtime?model=a+b"),
        ("wss://host/openai?version=2", "wss://host/openai/realtime?version=2&model=a+b"),
    ],
)
def test_the_address_is_that_of_the_servers_socket(desk: Any, base_url: str, url: str) -> None:
    there = f"provider: openai-compatible, base_url: '{base_url}', model: a b"
    desk.team(TEAM.replace("api_key: sk-test", there))
    upstream = ModelRegistry(Settings(), {}).upstream(desk.load().team)
    assert upstream is not None
    assert upstream.config.get("url") == url


def test_no_voice_goes_where_words_are_taken_out_first(desk: Any) -> None:
    desk.team(TEAM)
    assert hears(desk.load().team)
    desk.team(
        f"{TEAM}guardrails:\n  no_cards: {{ pii: [card], mode: replace }}\n"
        "defaults: { guardrails: { input: [no_cards] } }\n"
    )
    assert not hears(desk.load().team)


def test_the_example_loads_with_its_overlay(repository: Path) -> None:
    folder = repository / "agents" / "examples" / "goodwill"
    env = {"OPENAI_API_KEY": "sk-test"}
    team = load_desk(folder, env, overlay="realtime").teams["goodwill"]
    assert not team.warnings
    assert team.team.voice.engine == "realtime"
    assert team.team.policies.approve
