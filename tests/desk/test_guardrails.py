"""Guardrails in a team file: each mistake is found where it is."""

import pytest

from frontdesk.desk.changes import changes
from frontdesk.desk.drawing.graph import graph
from frontdesk.desk.drawing.mermaid import mermaid
from frontdesk.desk.drawing.svg import svg

TEAM = """\
version: 1
name: shop
entry: hello
models:
  main: {{ provider: openai }}
  own: {{ provider: embedded }}
guardrails:
  first: {first}
defaults:
  guardrails: {{ output: [first] }}
agents:
  hello:
    description: Greets.
    instructions: hello.md
    guardrails: {agent}
"""


@pytest.fixture
def found(desk):
    """What is wrong with a team whose guardrail ``first`` and whose agent's are these."""

    def found(first="{ pii: [card] }", agent="{}"):
        desk.team(TEAM.format(first=first, agent=agent))
        return desk.found()

    return found


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("{}", "expected one of pii, words, pattern, call, prompt, found none of them"),
        ("{ pii: [card], words: [x] }", "found pii and words"),
        ("{ words: [] }", "`words` is empty"),
        ("{ pii: [crad] }", "did you mean `card`?"),
        ("{ pii: [card], countries: [kp] }", "`countries`: expected"),
        ("{ pii: [card], mode: replcae }", "did you mean `replace`?"),
        ("{ words: [x], mode: replace }", "`mode: replace` of `words` needs a `replacement`"),
        ("{ words: [x], replacement: y }", "`replacement` has no meaning"),
        ("{ words: [x], countries: [us] }", "`countries` has no meaning with `words`"),
        ("{ words: [x], model: main }", "`model` has no meaning with `words`"),
        ("{ words: [x], mode: audit, say: no }", "`say` has no meaning"),
        ("{ pattern: '[' }", "not a regular expression"),
        ("{ words: [x], hold: soon }", "expected a duration"),
        ("{ words: [x], on_timeout: skip }", "`on_timeout`: expected `pass` or `block`"),
        ("{ words: [x], hodl: 1s }", "unknown key `hodl` (did you mean `hold`?)"),
        ("{ call: shipping }", "expected module:function"),
        ("{ call: 'tools.none:none' }", "no module `tools.none`"),
        ("{ prompt: judge.md }", "the prompt file"),
        ("{ prompt: hello.md, model: mian }", "no model `mian` under `models` (did you mean"),
        ("{ prompt: hello.md, model: own }", "the embedded model cannot judge"),
    ],
)  # fmt: skip
def test_a_wrong_guardrail_is_found(found, first, message):
    [problem] = found(first)
    assert message in problem
    assert problem.startswith("agents/shop.yaml:8:")


def test_names_that_lead_nowhere_are_found(found, desk):
    [problem] = found(agent="{ input: [frist] }")
    assert problem == (
        "agents/shop.yaml:15:27: no guardrail `frist` under `guardrails` (did you mean `first`?)"
    )
    desk.write("tools/x.py", "def f() -> str: ...\n")
    tools = "tools:\n  x: { call: 'tools.x:f', guardrails: { results: [frist] } }\n"
    desk.team(TEAM.format(first="{ pii: [card] }", agent="{}\n    tools: [x]") + tools)
    [problem] = desk.found()
    assert "agents/shop.yaml:18:" in problem


def test_what_a_caller_says_cannot_be_replaced_by_a_function(desk, found):
    desk.write("tools/g.py", "def f(text): ...\n")
    [problem] = found("{ call: 'tools.g:f', mode: replace }", "{ input: [first] }")
    assert "of what a caller says only pii, words and pattern are replaced" in problem


def test_arguments_cannot_be_replaced(desk):
    desk.write("tools/x.py", "def f() -> str: ...\n")
    tools = "tools:\n  x: { call: 'tools.x:f', guardrails: { arguments: [first] } }\n"
    first = "{ pii: [card], mode: replace }"
    desk.team(TEAM.format(first=first, agent="{}\n    tools: [x]") + tools)
    [problem] = desk.found()
    assert "arguments can be refused (block) or noted (audit)" in problem


def test_what_nothing_uses_and_who_may_not_be_able_to_judge_is_a_warning(desk):
    text = TEAM.format(first="{ pii: [card] }", agent="{}")
    text = text.replace("own: { provider: embedded }", "own: { provider: auto }")
    more = "  second: { prompt: hello.md, model: own }\ndefaults"
    desk.team(text.replace("defaults", more))
    told = [warning.message for warning in desk.load().warnings]
    assert told[0].startswith("nothing uses the guardrail `second`")
    assert "`own` is the embedded model where OPENAI_API_KEY is not set" in told[1]
    assert len(desk.load({"OPENAI_API_KEY": "k"}).warnings) == 1


def test_a_judge_s_prompt_is_filled_in_and_part_of_the_version(desk):
    desk.write("agents/judge.md", "Watch over {{ shop }}.")
    text = TEAM.format(first="{ prompt: judge.md }", agent="{}") + "variables: { shop: Lamps }\n"
    desk.team(text)
    loaded = desk.load()
    assert loaded.judges == {"first": "Watch over Lamps."}
    desk.write("agents/judge.md", "Watch {{ shop }}.")
    assert desk.load().version != loaded.version
    desk.write("agents/judge.md", "Watch over {{ shpo }}.")
    [problem] = desk.found()
    assert problem.startswith(
        "agents/judge.md:1:15: unknown variable `shpo` (did you mean `shop`?)"
    )


def test_a_change_of_guardrails_is_told_and_they_are_drawn(desk):
    desk.team(TEAM.format(first="{ pii: [card] }", agent="{}"))
    before = desk.load()
    desk.team(TEAM.format(first="{ pii: [card, iban], hold: 1s }", agent="{ input: [first] }"))
    after = desk.load()
    told = {(change.sign, change.where, change.after) for change in changes(before, after)}
    assert told == {
        ("+", "guardrails.first.pii", "iban"),
        ("~", "guardrails.first.hold", "1"),
        ("+", "agents.hello.guardrails.input", "first"),
    }
    drawn = graph(after.team)
    assert drawn.nodes["hello"].guardrails == ("first",)
    assert "guarded by first" in svg(drawn)
    assert "guarded by first" in mermaid(drawn)
