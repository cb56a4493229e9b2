"""Each mistake that people make in a team file, with where and how it is reported."""

import pytest

TEAM = """\
version: 1
name: shop
entry: hello
models:
  main: { provider: auto }
mcp:
  orders: {}
tools:
  estimate: { call: "tools.shipping:estimate" }
variables:
  city: Leipzig
agents:
  hello:
    description: Greets.
    instructions: hello.md
    model: main
    tools: [estimate]
    mcp: [orders]
    handoffs: [{ to: other }]
  other:
    description: Works.
    instructions: hello.md
"""


@pytest.fixture
def shop(desk):
    desk.team(TEAM)
    desk.write("tools/shipping.py", "async def estimate(town: str) -> str: ...\n")
    desk.write("mcp_servers/mcp.json", '{"mcpServers": {"orders": {"url": "http://x/mcp"}}}')
    return desk


def test_the_right_file_has_no_problem(shop):
    assert shop.load().warnings == ()


MISTAKES = [
    ("version: 1", "version: 3", "1:10: `version`: expected `1`"),
    ("version: 1\n", "", "1:1: the key `version` is missing"),
    ("name: shop", "name: My Shop", "2:7: `name`: expected a name: small letters"),
    ("name: shop", "name: 5", "2:7: `name`: expected text, found a number"),
    ("name: shop", "name:", "2:1: `name`: expected text, found nothing"),
    ("entry: hello", "entry: helo", "3:8: no agent `helo` under `agents` (did you mean `hello`?)"),
    ("entry: hello", "entri: hello", "3:1: unknown key `entri` (did you mean `entry`?)"),
    ("provider: auto", "provider: opnai", "5:21: `provider`: expected `auto`, `embedded`"),
    ("provider: auto", "provider: opnai", "did you mean `openai`?"),
    ("provider: auto", "temperature: warm", "`temperature`: expected a number, found text"),
    ("provider: auto", "temperature: 9", "`temperature`: expected at most 2"),
    ("provider: auto", "timeout: soon", "`timeout`: expected a duration such as 5s"),
    ("  main:", "  Main:", "5:3: `Main`: expected a name: small letters"),
    ("  main: { provider: auto }", "  main:", "5:3: `main`: expected a mapping, found nothing"),
    ("orders: {}", "ordrs: {}", "7:3: no MCP server `ordrs` in"),
    ("orders: {}", "ordrs: {}", "(did you mean `orders`?)"),
    ("orders: {}", "orders: { timeot: 3s }", "7:13: unknown key `timeot` (did you mean `timeout`"),
    (
        "orders: {}",
        "orders: { tools: { alow: [x] } }",
        "7:22: unknown key `alow` (did you mean",
    ),
    ("tools.shipping:estimate", "shipping.estimate", "`call`: expected module:function, such as"),
    ("tools.shipping", "tools.shiping", "9:21: no module `tools.shiping`: looked for"),
    ("tools.shipping", "tools.shiping", "(did you mean `tools.shipping`?)"),
    ("shipping:estimate", "shipping:estimat", "9:21: no function `estimat` in"),
    ("shipping:estimate", "shipping:estimat", "(did you mean `estimate`?)"),
    ("agents:\n", "agents:\n  none: 7\n", "13:9: `none`: expected a mapping, found a number"),
    ("    description: Greets.\n", "", "13:3: the key `description` is missing"),
    ("hello.md\n    model", "helo.md\n    model", "15:19: the prompt file"),
    (
        "hello.md\n    model",
        "helo.md\n    model",
        "helo.md does not exist (did you mean",
    ),
    ("model: main", "model: man", "16:12: no model `man` under `models` (did you mean `main`?)"),
    ("[estimate]", "[estimate, estimte]", "17:23: no tool `estimte` under `tools`"),
    ("tools: [estimate]", "tools: estimate", "17:12: `tools`: expected a list, found text"),
    ("mcp: [orders]", "mcp: [order]", "18:11: no MCP server `order` under `mcp` (did you mean"),
    ("{ to: other }", "{ to: othr }", "19:16: no agent `othr` under `agents` (did you mean `othe"),
    ("{ to: other }", "hello, other", "19:16: `hello` can't hand over to itself"),
    ("{ to: other }", "{ too: other }", "19:18: unknown key `too` (did you mean `to`?)"),
    ("{ to: other }", "{ too: other }", "19:16: the key `to` is missing"),
    ("{ to: other }", "7", "19:16: `handoffs`: expected text, found a number"),
    ("handoffs:", "handofs:", "19:5: unknown key `handofs` (did you mean `handoffs`?)"),
    ("  other:\n", "  hello:\n", "20:3: duplicate key `hello`, first on line 13"),
    ("city: Leipzig", "city: !shout Leipzig", "11:9: the tag `!shout` has no meaning here"),
    (
        "city: Leipzig",
        "city: ${env:TOWN}",
        "11:9: the environment variable TOWN is not set",
    ),
    ("city: Leipzig", "city: ${TOWN}", "11:9: unknown reference `${TOWN}`: write ${env:NAME}"),
    ("city: Leipzig", 'city: "${file:none.txt}"', "none.txt can't be read: No such file"),
    ("city: Leipzig", "[a, b]: c", "11:3: a key must be plain text"),
    ("to: other }", "to: other, history: summry }", "`history`: expected `full`, `summary`"),
    ("to: other }", "to: other, history: summry }", "did you mean `summary`?"),
    ("to: other }", "to: other, history: { lats: 2 } }", "(did you mean `last`?)"),
    ("to: other }", "to: other, history: { last: 0 } }", "`last`: expected at least 1"),
    ("to: other }", "to: other, history: 2 }", "`history`: expected `full`, `summary`"),
    ("model: main", "voice: { style: 3 }", "`style`: expected text, found a number"),
    ("model: main", "voice: { spede: 1 }", "unknown key `spede` (did you mean `speed`?)"),
    ("model: main", "voice: { speed: 9 }", "`speed`: expected at most 1.5"),
    ("version: 1", "version: 1\nbudgets: { silense: 3s }", "(did you mean `silence`?)"),
    ("version: 1", "version: 1\nbudgets: { silence: 0s }", "`silence`: expected more than 0"),
]


@pytest.mark.parametrize(("right", "wrong", "expected"), MISTAKES)
def test_a_mistake_is_found_at_its_line_and_column(shop, right: str, wrong: str, expected: str):
    assert right in TEAM
    shop.team(TEAM.replace(right, wrong, 1))
    found = shop.found()
    assert any(expected in problem for problem in found), found
    assert all(problem.startswith("agents/shop.yaml:") for problem in found)


def test_mistakes_far_apart_are_all_found_at_once(shop):
    text = TEAM
    planted = [MISTAKES[i] for i in (2, 5, 9, 14, 17, 24, 27, 28, 30, 33)]
    planted.append(("city: Leipzig", "city: ${env:TOWN}", "11:9: the environment variable TOWN"))
    expected = []
    for right, wrong, message in planted:
        if right in text and "\n" not in right:
            text = text.replace(right, wrong, 1)
            expected.append(message)
    shop.team(text)
    found = shop.found()
    assert len(expected) >= 8
    for message in expected:
        assert any(message.split(": ", 1)[0] in problem for problem in found), (message, found)
    positions = [tuple(map(int, problem.split(":")[1:3])) for problem in found]
    assert positions == sorted(positions)


def test_an_agent_that_nobody_hands_over_to_is_a_warning(shop):
    shop.team(TEAM.replace("    handoffs: [{ to: other }]\n", ""))
    (warning,) = shop.load().warnings
    assert warning.severity == "warning"
    assert (warning.line, warning.column) == (19, 3)
    assert "nobody hands over to the agent `other`" in warning.message


def test_a_tool_or_server_that_no_agent_uses_is_a_warning(shop):
    shop.team(TEAM.replace("    tools: [estimate]\n    mcp: [orders]\n", ""))
    messages = [warning.message for warning in shop.load().warnings]
    assert messages == [
        "no agent uses the MCP server `orders`",
        "no agent uses the tool `estimate`",
    ]


def test_warnings_come_with_the_errors(shop):
    shop.team(TEAM.replace("    handoffs: [{ to: other }]\n", "").replace("entry", "entri"))
    kinds = {problem.severity for problem in shop.problems()}
    assert kinds == {"error"}  # without an entry nothing can be said about reachability
    shop.team(TEAM.replace("handoffs: [{ to: other }]", "handoffs: [othr]"))
    assert [problem.severity for problem in shop.problems()] == ["error", "warning"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, "mcp.json:1:1: can't be read: no such file"),
        ('{"mcpServers": {', "mcp.json:1:17: not valid JSON"),
        ('{"server": {}}', 'mcp.json:1:1: expected {"mcpServers"'),
        ('{"mcpServers": {\n "orders": {}}}', "mcp.json:2:2: the server `orders` needs either a"),
        ("[]", 'mcp.json:1:1: expected {"mcpServers"'),
    ],
)
def test_a_wrong_mcp_json_is_reported_in_its_own_file(shop, config, expected: str):
    path = shop.root / "mcp_servers" / "mcp.json"
    path.unlink() if config is None else path.write_text(config)
    (problem,) = shop.found()
    assert problem.startswith("mcp_servers/" + expected)


def test_a_secret_never_shows_in_a_problem(shop):
    shop.team(TEAM.replace("provider: auto", 'provider: "${env:KEY}", temperature: "${env:KEY}"'))
    found = shop.found({"KEY": "sk-very-secret"})
    assert len(found) == 2
    assert "sk-very-secret" not in "\n".join(found)


def test_a_module_that_is_not_python_is_reported_in_its_own_file(shop):
    shop.write("tools/shipping.py", "async def estimate(:\n    pass\n")
    (problem,) = shop.found()
    assert problem.startswith("tools/shipping.py:1:20: not valid Python")


def test_checking_a_tool_never_runs_it(shop):
    shop.write("tools/shipping.py", "raise SystemExit('ran')\nasync def estimate(): ...\n")
    assert shop.load().team.tools.keys() == {"estimate"}


def test_a_tool_may_come_from_an_installed_package(shop):
    shop.team(TEAM.replace("tools.shipping:estimate", "json.decoder:JSONDecoder"))
    assert "no function `JSONDecoder`" in shop.found()[0]
    shop.team(TEAM.replace("tools.shipping:estimate", "textwrap:dedent"))
    assert shop.load()
