"""Rules of approval: how they are written, what is wrong with them, which one fits a call."""

from pathlib import Path

import pytest
from mcp.types import ToolAnnotations

from frontdesk.desk.approvals import Rule, rules_for
from frontdesk.desk.changes import changes
from frontdesk.desk.drawing.graph import graph
from frontdesk.desk.loader import load_desk
from frontdesk.team.approvals import deciding
from frontdesk.team.asking import question
from tests.desk.conftest import TEAM

TOOLS = """\
tools:
  pay:
    call: tools.pay:pay
    approve: {approve}
"""


@pytest.fixture
def found(desk):
    """What is wrong with a team of these sections."""

    def found(sections):
        desk.write("tools/pay.py", "async def pay(amount: float) -> str: ...\n")
        text = TEAM + sections
        if "tools:" in sections:
            text = text.replace("    instructions", "    tools: [pay]\n    instructions")
        desk.team(text)
        return desk.found()

    return found


def test_a_rule_may_be_a_word_a_mapping_or_a_list(desk):
    desk.write("tools/pay.py", "async def pay(amount: float) -> str: ...\n")
    base = TEAM.replace("    instructions", "    tools: [pay]\n    instructions")
    for written, by in (
        ("spoken", ["spoken"]),
        ("{ by: screen, timeout: 5m }", ["screen"]),
        ("[{ by: nobody, when: { arguments: { amount: { under: 5 } } } }, { by: client }]", None),
    ):
        desk.team(base + TOOLS.format(approve=written))
        rules = desk.load().team.tools["pay"].approve
        assert [rule.by for rule in rules] == (by or ["nobody", "client"])


@pytest.mark.parametrize(
    ("approve", "place", "message"),
    [
        ("spokn", "12:14", "did you mean `spoken`?"),
        ("{ by: aloud }", "12:20", "expected `spoken`, `screen`, `client` or `nobody`"),
        ("{ bye: spoken }", "12:16", "unknown key `bye` (did you mean `by`?)"),
        ("{ when: {} }", "12:5", "the key `by` is missing"),
        ("{ by: spoken, timeout: 0s }", "12:37", "expected more than 0"),
        ("{ by: spoken, timeout: soon }", "12:37", "expected a duration"),
        ("{ by: spoken, ask: 'Pay {{ arg.amount }}?' }", "12:33", "unknown variable `arg`"),
        ("{ by: spoken, ask: 'Pay {{ args.amount }?' }", "12:33", "not a valid template"),
        (
            "{ by: spoken, when: { arguments: { amount: { ower: 5 } } } }",
            "12:59",
            "unknown key `ower` (did you mean `over`?)",
        ),
        ("[{ by: spoken, when: { destructiv: true } }]", "12:37", "did you mean `destructive`?"),
    ],
)
def test_a_mistake_in_a_rule_is_found_where_it_stands(found, approve, place, message):
    problems = found(TOOLS.format(approve=approve))
    assert any(p.startswith(f"agents/shop.yaml:{place}: ") and message in p for p in problems), (
        problems
    )


def test_a_glob_that_fits_no_tool_of_the_server_is_found(desk):
    desk.write("mcp_servers/mcp.json", '{"mcpServers": {"orders": {"url": "http://x/mcp"}}}')
    text = TEAM.replace("    instructions", "    mcp: [orders]\n    instructions")
    use = "mcp:\n  orders:\n    tools: {{ allow: [{allow}] }}\n"
    use += "    approve: {{ refnd_all: spoken }}\n"
    desk.team(text + use.format(allow="refund_all"))
    [problem] = desk.found()
    assert problem.startswith("agents/shop.yaml:12:16: `refnd_all` fits no tool")
    assert "did you mean `refund_all`?" in problem
    desk.team(text + use.format(allow='"re*"'))
    assert desk.load().team.mcp["orders"].approve["refnd_all"][0].by == "spoken"


def test_the_first_rule_that_fits_decides():
    policies = [
        {"refund_*": (Rule(by="spoken"),)},
        {"*": (Rule(by="screen"),), "find_*": (Rule(by="nobody"),)},
    ]
    assert [rule.by for rule in rules_for("refund_all", *policies)] == ["spoken", "screen"]
    assert [rule.by for rule in rules_for("find_order", *policies)] == ["screen", "nobody"]


def rule(by="spoken", **when):
    return Rule.model_validate({"by": by, "when": when})


@pytest.mark.parametrize(
    ("condition", "value", "fits"),
    [
        ({"over": 100}, 100, False),
        ({"over": 100}, 100.01, True),
        ({"over": 100}, "250", True),
        ({"over": 100}, "a lot", True),
        ({"over": 100}, None, True),
        ({"over": 100}, True, True),
        ({"over": 100}, float("nan"), True),
        ({"at_least": 5, "under": 10}, 10, False),
        ({"at_most": 5}, 5, True),
        ({"equals": "EUR"}, "eur", True),
        ({"equals": "EUR"}, "USD", False),
        ({"equals": 3}, "3", True),
        ({"equals": True}, 1, False),
        ({"one_of": ["a", "b"]}, "c", False),
        ({"one_of": ["a", 2]}, 2, True),
        ({"given": True}, None, False),
        ({"given": False}, None, True),
    ],
)
def test_conditions_on_arguments(condition, value, fits):
    args = {} if value is None else {"amount": value}
    rules = (rule(arguments={"amount": condition}),)
    assert (deciding(rules, args, None, is_mcp=False) is not None) is fits


def test_what_cannot_be_compared_never_lets_a_call_through():
    free = (rule("nobody", arguments={"amount": {"under": 10}}), rule("screen"))
    assert deciding(free, {"amount": 5}, None, is_mcp=False).by == "nobody"
    assert deciding(free, {"amount": "little"}, None, is_mcp=False).by == "screen"
    assert deciding(free, {}, None, is_mcp=False).by == "screen"


def test_a_part_of_an_argument_is_named_with_dots():
    rules = (rule(arguments={"order.total": {"over": 10}}),)
    assert deciding(rules, {"order": {"total": 11}}, None, is_mcp=False)
    assert not deciding(rules, {"order": {"total": 9}}, None, is_mcp=False)


@pytest.mark.parametrize(
    ("hints", "reads", "destroys"),
    [
        (None, False, True),
        (ToolAnnotations(), False, True),
        (ToolAnnotations(read_only_hint=True), True, False),
        (ToolAnnotations(destructive_hint=False), False, False),
        (ToolAnnotations(read_only_hint=True, destructive_hint=True), True, False),
    ],
)
def test_hints_are_read_by_the_protocols_defaults(hints, reads, destroys):
    for when, value in ({"read_only": True}, reads), ({"destructive": True}, destroys):
        assert bool(deciding((rule(**when),), {}, hints, is_mcp=True)) is value
        assert deciding((rule(**when),), {}, None, is_mcp=False) is None


def test_the_question_reads_everything_back():
    schema = {"properties": {"order_number": {"title": "Order Number"}}}
    args = {"order_number": "48271", "amount": 120.0, "express": True, "note": "x" * 300}
    words = question(None, "{{ action }}: {{ arguments }}", "pay_back", args, schema)
    assert words.startswith("pay back: order number 4 8 2 7 1, amount 120, express yes, note xxx")
    assert words.endswith("(and so on, 300 characters)")


def test_a_template_that_cannot_be_filled_in_gives_way_to_the_default():
    words = question("{{ args.nothing }}", "{{ action }}?", "pay_back", {}, {})
    assert words == "pay back?"
    assert question("{{ 1 / 0 }}", "{{ nothing }}", "pay", {"a": 1}, {}).startswith("pay: a 1.")


def test_the_example_loads_without_a_word(repository: Path):
    desk = load_desk(repository / "agents" / "examples" / "goodwill")
    team = desk.teams["goodwill"]
    assert not team.warnings
    rules = rules_for("pay_back", team.team.policies.approve)
    assert deciding(rules, {"amount": 101}, None, is_mcp=False).by == "screen"
    assert deciding(rules, {"amount": 100}, None, is_mcp=False).by == "spoken"


def test_the_drawing_says_who_approves(repository: Path):
    team = load_desk(repository / "agents" / "examples" / "goodwill").teams["goodwill"].team
    assert graph(team).nodes["goodwill"].tools == (
        "pay_back (approval: screen, spoken)",
        "cancel_order (approval: spoken)",
    )


def test_a_changed_rule_is_told_in_meaning(desk, tmp_path: Path):
    base = TEAM + "policies: { approve: { 'pay_*': { by: spoken, timeout: TIME } } }\n"
    desk.team(base.replace("TIME", "1m"))
    before = desk.load()
    desk.team(base.replace("TIME", "60s"))
    assert changes(before, desk.load()) == []
    desk.team(base.replace("TIME", "2m"))
    [change] = changes(before, desk.load())
    assert (change.sign, change.where) == ("~", "policies.approve.pay_*.1.timeout")
    assert (change.before, change.after) == ("60", "120")


def test_an_argument_that_the_function_has_not_is_found(found):
    rule = "{ by: spoken, when: { arguments: { amout: { over: 5 }, amount.x: { over: 1 } } } }"
    [problem] = found(TOOLS.format(approve=rule))
    assert problem.startswith("agents/shop.yaml:12:49: `pay` has no argument `amout`")
    assert problem.endswith("(did you mean `amount`?)")
