"""What `frontdesk diff` says of two teams, and what it does not mind."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from frontdesk.cli import app

TEAM = """\
version: 1
name: shop
entry: hello
models:
  main: { provider: auto, timeout: 5s }
  fast: { provider: embedded, api_key: "${env:KEY:-none}", base_url: "${env:URL:-http://x/v1}" }
voice: { tts: { voice: warm } }
mcp:
  orders: { tools: { allow: [find_order, "refund_*"] } }
tools:
  fill: { call: "textwrap:fill" }
variables: { city: Leipzig, open: true }
agents:
  hello:
    description: Greets.
    instructions: hello.md
    handoffs: [other, { to: third, say: Bye. }]
  other:
    description: Works.
    instructions: other.md
    tools: [fill]
    mcp: [orders]
  third:
    description: Rests.
    instructions: other.md
"""


@pytest.fixture
def shop(desk):
    desk.team(TEAM)
    desk.write("agents/other.md", "You work.\n\nYou rest.\n")
    desk.write("mcp_servers/mcp.json", '{"mcpServers": {"orders": {"url": "http://x/mcp"}}}')
    return desk


def diff(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["diff", *(str(argument) for argument in arguments)])


def changed(shop, right: str, wrong: str) -> list[str]:
    """The lines that `diff` has for one change to the team file."""
    assert right in TEAM
    other = shop.write("agents/changed.yaml", TEAM.replace(right, wrong))
    result = diff(shop.team_file, other)
    assert result.exit_code == (1 if result.stdout else 0), result.output
    return [line.strip() for line in result.stdout.splitlines()[1:]]


@pytest.mark.parametrize(
    ("right", "wrong", "lines"),
    [
        ("name: shop", "name: store", ["~ name: shop → store"]),
        ("entry: hello", "entry: other", ["~ entry: hello → other"]),
        ("timeout: 5s", "timeout: 7s", ["~ models.main.timeout: 5 → 7"]),
        ("voice: warm", "voice: cold", ["~ voice.tts.voice: warm → cold"]),
        ("voice: { tts: { voice: warm } }", "", ["~ voice.tts.voice: warm → nothing"]),
        ("open: true", "open: 1", ["~ variables.open: true → 1"]),
        ("city: Leipzig, ", "", ["- variables.city"]),
        ('"refund_*"', "buy",
         ["- mcp.orders.tools.allow: refund_*", "+ mcp.orders.tools.allow: buy"]),
        ("tools: [fill]", "model: fast",
         ["~ agents.other.model: main → fast", "- agents.other.tools: fill"]),
        ("    mcp: [orders]\n", "", ["- agents.other.mcp: orders"]),
        ("[other, {", "[{", ["- agents.hello.handoffs.other"]),
        ("say: Bye.", "say: Hm.", ["~ agents.hello.handoffs.third.say: Bye. → Hm."]),
        ("say: Bye.", "say: Bye., history: { last: 2 }",
         ["~ agents.hello.handoffs.third.history: full → last: 2"]),
        ("other, { to: third, say: Bye. }", "{ to: other, say: Hi. }, third",
         ["~ agents.hello.handoffs.other.say: nothing → Hi.",
          "~ agents.hello.handoffs.third.say: Bye. → nothing"]),
        ("  third:\n", "  fourth: { description: New., instructions: hello.md }\n  third:\n",
         ["+ agents.fourth"]),
        ("instructions: hello.md", "instructions: other.md",
         ["~ agents.hello.instructions: 3 lines added, 1 line removed"]),
        ("${env:KEY:-none}", "${env:OTHER:-none}",
         ["~ models.fast.api_key: ${env:KEY:-none} → ${env:OTHER:-none}"]),
        ('"${env:KEY:-none}"', "sk-very-secret",
         ["~ models.fast.api_key: ${env:KEY:-none} → a secret"]),
        ("  main: { provider: auto, timeout: 5s }\n", "",
         ["- models.main", "~ agents.hello.model: main → fast",
          "~ agents.other.model: main → fast", "~ agents.third.model: main → fast"]),
    ],
)  # fmt: skip
def test_a_change_in_meaning_is_told_as_such(shop, right: str, wrong: str, lines: list[str]):
    assert changed(shop, right, wrong) == lines


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("version: 1\n", "# A comment\nversion: 1\n\n"),
        ("name: shop\nentry: hello\n", "entry: hello\nname: 'shop'\n"),
        ("timeout: 5s", "timeout: 5000ms"),
        ("timeout: 5s }", "timeout: 5, temperature: null }"),
        ("{ provider: auto, timeout: 5s }", "{ timeout: 5s }"),
        ('[find_order, "refund_*"]', "['refund_*', find_order]"),
        ("[other, { to: third, say: Bye. }]", "[{ say: Bye., to: third }, { to: other }]"),
        ("    tools: [fill]\n", "    tools: [fill]\n    model: main\n"),
        ("voice: { tts", "client_mcp: {}\nvoice: { stt: { provider: auto }, tts"),
    ],
)
def test_layout_order_and_written_out_defaults_are_no_change(shop, right: str, wrong: str):
    assert changed(shop, right, wrong) == []


def test_a_prompt_under_another_name_is_no_change_and_other_words_are(shop):
    shop.write("agents/renamed.md", "You work.  \n\nYou rest.\n\n")
    assert changed(shop, "instructions: other.md", "instructions: renamed.md") == []
    shop.write("agents/renamed.md", "You work.\n\nYou play.\nYou rest.\n")
    assert changed(shop, "instructions: other.md", "instructions: renamed.md") == [
        "~ agents.other.instructions: 1 line added, 0 lines removed",
        "~ agents.third.instructions: 1 line added, 0 lines removed",
    ]


def test_patch_shows_the_lines_of_prompts(shop):
    other = shop.write("agents/changed.yaml", TEAM.replace("hello.md", "new.md"))
    shop.write("agents/new.md", "You greet warmly.\n")
    shown = diff("--patch", shop.team_file, other).stdout
    assert "-You greet.\n" in shown
    assert "+You greet warmly.\n" in shown
    assert "+You greet" not in diff(shop.team_file, other).stdout


def test_a_long_text_is_cut_to_where_it_differs(shop):
    long = "Works day and night for everybody who calls about orders, large or small."
    shop.team(TEAM.replace("description: Works.", f"description: {long}"))
    other = shop.write("agents/changed.yaml", shop.team_file.read_text().replace("large", "big"))
    (line,) = diff(shop.team_file, other).stdout.splitlines()[1:]
    assert line.strip() == (
        "~ agents.other.description: …who calls about orders, large or small."
        " → …who calls about orders, big or small."
    )


def test_the_environment_makes_no_difference(shop, monkeypatch):
    other = shop.write("agents/changed.yaml", TEAM)
    monkeypatch.setenv("URL", "http://elsewhere/v1")
    assert diff(shop.team_file, other).exit_code == 0


def test_an_overlay_is_compared_with_what_it_lies_over(shop):
    overlay = shop.write(
        "agents/shop.prod.yaml", "models: { fast: { base_url: http://prod/v1 } }\n"
    )
    result = diff(shop.team_file, overlay)
    assert result.stdout.splitlines() == [
        "shop:",
        "  ~ models.fast.base_url: ${env:URL:-http://x/v1} → http://prod/v1",
    ]


def test_desks_are_compared_team_by_team_with_their_servers_and_secrets_stay_secret(
    shop, tmp_path_factory
):
    other = tmp_path_factory.mktemp("other") / "desk"
    shutil.copytree(shop.root, other)
    assert diff(shop.root, other).exit_code == 0
    (other / "agents" / "second.yaml").write_text(TEAM.replace("name: shop", "name: second"))
    (other / "agents" / "shop.yaml").write_text(TEAM.replace("entry: hello", "entry: other"))
    (other / "mcp_servers" / "mcp.json").write_text(
        '{"mcpServers": {"orders": {"url": "http://y/mcp", "headers": {"a": "hunter2"}}, '
        '"more": {"command": "x", "env": {"b": "hunter3"}}}}'
    )
    result = diff(shop.root, other)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "second:",
        "  + the team",
        "shop:",
        "  ~ entry: hello → other",
        "mcp_servers/mcp.json:",
        "  ~ mcpServers.orders.url: http://x/mcp → http://y/mcp",
        "  + mcpServers.orders.headers",
        "  + mcpServers.more",
    ]


def test_prompts_that_only_clients_name_are_compared_too(shop, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "desk"
    shop.write("agents/prompts/returns.md", "Returns.\n")
    shutil.copytree(shop.root, other)
    (other / "agents" / "prompts" / "returns.md").write_text("Other.\n")
    (other / "agents" / "prompts" / "new.md").write_text("New.\n")
    lines = diff(shop.root, other).stdout.splitlines()
    assert lines[1].startswith("  ~ prompts.returns: ")
    assert lines[2:] == ["  + prompts.new"]


@pytest.mark.parametrize("other", ["nowhere", "agents", "agents/broken.yaml"])
def test_what_cannot_be_compared_is_trouble_and_no_difference(shop, other: str):
    shop.write("agents/broken.yaml", "version: 2\n")
    result = diff(shop.team_file, shop.root / other)
    assert result.exit_code == 2
    assert result.stderr
    assert not result.stdout
