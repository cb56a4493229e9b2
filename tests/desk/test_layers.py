"""Includes beneath a team file, and overlays above it."""

import re

import pytest

from frontdesk.desk.loader import load_desk, load_team
from frontdesk.desk.problems import DeskError
from frontdesk.desk.schema import Lines

MODELS = """\
models:
  main: { provider: openai-compatible, base_url: "http://one/v1", temperature: 0.2 }
  fast: { provider: embedded }
lines: { sorry: Sorry! }
"""
TEAM = """\
version: 1
name: shop
include: [common/models.yaml]
entry: hello
lines: { waiting: Wait. }
agents:
  hello:
    description: Greets.
    instructions: hello.md
    examples: [one, two]
    handoffs: [other]
  other:
    description: Works.
    instructions: hello.md
"""


@pytest.fixture
def shop(desk):
    desk.write("agents/common/models.yaml", MODELS)
    desk.team(TEAM)
    return desk


def prod(shop, text: str):
    shop.write("agents/shop.prod.yaml", text)
    return load_team(shop.team_file, {}, "prod")


def prod_problems(shop, text: str) -> list[str]:
    with pytest.raises(DeskError) as caught:
        prod(shop, text)
    return [str(problem).replace(f"{shop.root}/", "") for problem in caught.value.problems]


def test_included_sections_are_part_of_the_team(shop):
    team = shop.load().team
    assert list(team.models) == ["main", "fast"]
    assert (team.lines.sorry, team.lines.waiting) == ("Sorry!", "Wait.")


def test_the_file_wins_over_what_it_includes_and_later_includes_over_earlier_ones(shop):
    shop.write("agents/common/more.yaml", "lines: { sorry: Later, waiting: Later }\n")
    shop.team(TEAM.replace("[common/models.yaml]", "[common/models.yaml, common/more.yaml]"))
    lines = shop.load().team.lines
    assert (lines.sorry, lines.waiting) == ("Later", "Wait.")


def test_an_included_file_may_include_others_beside_it(shop):
    shop.write("agents/common/models.yaml", f"include: [deep/lines.yaml]\n{MODELS}")
    shop.write("agents/common/deep/lines.yaml", "lines: { silence: Hm?, sorry: No }\n")
    lines = shop.load().team.lines
    assert (lines.silence, lines.sorry) == ("Hm?", "Sorry!")


def test_paths_and_secrets_of_an_included_file_are_relative_to_it(shop):
    agents = """\
    agents:
      third:
        description: "${file:words.txt}"
        instructions: third.md
    """
    shop.write("agents/common/agents.yaml", agents)
    shop.write("agents/common/words.txt", "Helps.\n")
    shop.write("agents/common/third.md", "You help.\n")
    shop.team(TEAM.replace("models.yaml]", "models.yaml, common/agents.yaml]"))
    loaded = shop.load()
    assert loaded.team.agents["third"].description == "Helps."
    assert loaded.prompt("third") == "You help."


def test_in_an_overlay_maps_merge_and_lists_and_single_values_replace(shop):
    team = prod(
        shop,
        """\
        models: { main: { base_url: "http://two/v1" } }
        agents: { hello: { examples: [three], description: Says hello. } }
        """,
    ).team
    assert team.models["main"].base_url == "http://two/v1"
    assert team.models["main"].temperature == 0.2
    assert team.agents["hello"].examples == ("three",)
    assert team.agents["hello"].description == "Says hello."
    assert team.agents["hello"].instructions == "hello.md"


def test_null_in_an_overlay_removes(shop):
    team = prod(shop, "agents: { other: null, hello: { handoffs: ~ } }\nlines: ~\n").team
    assert list(team.agents) == ["hello"]
    assert team.agents["hello"].handoffs == ()
    assert team.lines.sorry != "Sorry!"


def test_what_an_overlay_includes_lies_between_it_and_the_team(shop):
    shop.write("agents/common/strict.yaml", "lines: { sorry: Strict, waiting: Strict }\n")
    lines = prod(shop, "include: [common/strict.yaml]\nlines: { waiting: Now }\n").team.lines
    assert (lines.sorry, lines.waiting) == ("Strict", "Now")


def test_a_team_without_an_overlay_of_the_name_stays_as_it_is(shop):
    assert load_team(shop.team_file, {}, "prod").version == shop.load().version


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        ("lines: { sory: x }", "shop.prod.yaml:1:10: unknown key `sory` (did you mean `sorry`?)"),
        ("agents: { hello: { model: man } }", "shop.prod.yaml:1:27: no model `man` under `models`"),
        ("agents:\n  hello: { mdel: x }", "shop.prod.yaml:2:12: unknown key `mdel`"),
        ("agents: { hello: { instructions: no.md } }", "shop.prod.yaml:1:34: the prompt file"),
        ("entry: ${env:NONE}", "shop.prod.yaml:1:8: the environment variable NONE is not set"),
        ("entry: a\nentry: b", "shop.prod.yaml:2:1: duplicate key `entry`, first on line 1"),
        ("[entry]", "shop.prod.yaml:1:1: expected sections"),
        ("a: [", "shop.prod.yaml:2:1: not valid YAML"),
        ("agents: { other: null }", "shop.yaml:11:16: no agent `other` under `agents`"),
        ("models: { main: { temperature: 9 } }", "shop.prod.yaml:1:32: `temperature`: expected at"),
        ("models: { main: null, fast: null, x: 3 }", "shop.prod.yaml:1:38: `x`: expected a map"),
        ("lines: { sorry: 7 }", "shop.prod.yaml:1:17: `sorry`: expected text, found a number"),
        ("tools:\n  f: { call: 'no:f' }", "shop.prod.yaml:2:14: no module `no`"),
        (
            "tools:\n  f: { call: 'textwrap:dedent', answer: '{{ nothing }}' }",
            "shop.prod.yaml:2:41: unknown variable `nothing`",
        ),
    ],
)
def test_a_mistake_in_an_overlay_is_reported_there(shop, overlay: str, expected: str):
    found = prod_problems(shop, overlay + "\n")
    assert any(problem.startswith(f"agents/{expected}") for problem in found), found


def test_a_mistake_in_an_included_file_is_reported_there_with_all_others(shop):
    shop.write("agents/common/models.yaml", MODELS.replace("embedded", "embeded"))
    shop.team(TEAM.replace("entry", "entri"))
    assert [problem.split(": ")[0] for problem in shop.found()] == [
        "agents/common/models.yaml:3:21",
        "agents/shop.yaml:1:1",
        "agents/shop.yaml:4:1",
    ]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("[common/model.yaml]", "3:11: the included file"),
        ("[common/model.yaml]", "(did you mean `models.yaml`?)"),
        ("common/models.yaml", "3:10: `include`: expected a list of files"),
        ("[common]", "3:11: the included file"),
        ("[shop.yaml]", "3:11: files include one another in a circle: shop.yaml → shop.yaml"),
        ("[beside.yaml]", "3:11: beside.yaml would count as a team of its own (include files"),
        ("[{ file: x }]", "3:11: the included file"),
        ("7", "3:10: `include`: expected a list of files"),
        ("", "3:1: `include`: expected a list of files"),
    ],
)
def test_a_wrong_include_is_reported_where_it_stands(shop, include: str, expected: str):
    shop.write("agents/beside.yaml", MODELS)
    shop.team(TEAM.replace("[common/models.yaml]", include))
    found = shop.found()
    assert any(p.startswith("agents/shop.yaml:") and expected in p for p in found), found


def test_files_that_include_one_another_are_an_error_in_the_last_of_them(shop):
    shop.write("agents/common/models.yaml", "include: [other.yaml]\n")
    shop.write("agents/common/other.yaml", "lines: {}\ninclude: [models.yaml]\n")
    (found,) = shop.found()
    assert found.startswith("agents/common/other.yaml:2:11: files include one another in a circle:")
    assert found.endswith("shop.yaml → models.yaml → other.yaml → models.yaml")


def test_one_file_may_be_included_by_two_others(shop):
    shop.write("agents/common/a.yaml", "include: [models.yaml]\n")
    shop.write("agents/common/b.yaml", "include: [models.yaml]\n")
    shop.team(TEAM.replace("[common/models.yaml]", "[common/a.yaml, common/b.yaml]"))
    assert list(shop.load().team.models) == ["main", "fast"]


def test_includes_that_multiply_are_stopped(shop):
    for number in range(12):
        name = f"{number + 1}.yaml"
        shop.write(f"agents/common/{number}.yaml", f"include: [{name}, {name}]\n")
    shop.write("agents/common/12.yaml", "lines: {}\n")
    shop.team(TEAM.replace("models.yaml]", "0.yaml]"))
    assert any("more than 50 files are included" in problem for problem in shop.found())


def test_an_included_file_that_is_no_mapping_or_no_yaml_is_reported_in_it(shop):
    for text, expected in (("[a]\n", "1:1: expected sections of a team"), ("a: [\n", "not valid")):
        shop.write("agents/common/models.yaml", text)
        (found,) = shop.found()
        assert re.match("agents/common/models.yaml:[0-9:]+ ", found)
        assert expected in found


def test_the_version_covers_every_layer(shop):
    plain = shop.load().version
    overlaid = prod(shop, "lines: { sorry: Prod }\n").version
    shop.write("agents/common/models.yaml", MODELS + "description: more\n")
    assert len({plain, overlaid, shop.load().version}) == 3


def test_an_overlay_is_no_team_of_the_desk(shop):
    prod(shop, "lines: { sorry: Prod }\n")
    plain = load_desk(shop.root, {})
    assert list(plain.teams) == ["shop"]
    assert plain.team().team.lines.sorry == "Sorry!"
    assert load_desk(shop.root, {}, "prod").team().team.lines.sorry == "Prod"


def test_an_overlay_that_no_team_has_is_an_error_with_the_nearest(shop):
    prod(shop, "lines: { sorry: Prod }\n")
    with pytest.raises(DeskError, match=r"no team has an overlay `prd`.*did you mean `prod`"):
        load_desk(shop.root, {}, "prd")


def test_an_overlay_without_its_team_is_an_error(shop):
    shop.write("agents/shopp.prod.yaml", "lines: {}\n")
    with pytest.raises(DeskError, match=r"shopp.prod.yaml:1:1: named as an overlay of shopp.yaml"):
        load_desk(shop.root, {})


def test_the_path_of_an_overlay_stands_for_its_team_with_it(shop):
    version = prod(shop, "lines: { sorry: Prod }\n").version
    assert load_team(shop.root / "agents" / "shop.prod.yaml", {}).version == version


def test_a_prompt_named_from_two_folders_is_one_file(shop):
    shop.write("agents/hello.md", "Hello {{ nobody }}.\n")
    third = "agents: { third: { description: d, instructions: ../hello.md } }\n"
    shop.write("agents/common/models.yaml", third)
    problems = [line for line in shop.found() if "warning" not in line]
    assert [problem.split(" ")[0] for problem in problems] == ["agents/hello.md:1:10:"]


def test_the_overlay_of_the_example_desk_changes_what_it_says(repository):
    plain, prod = (load_desk(repository, {}, overlay).team().team for overlay in (None, "prod"))
    assert (prod.models["main"].provider, prod.models["main"].timeout) == ("openai", 8.0)
    assert (prod.voice.tts.voice, prod.voice.tts.style) == ("marin", plain.voice.tts.style)
    assert prod.mcp["orders"].timeout == 3.0
    assert prod.mcp["orders"].phrases == plain.mcp["orders"].phrases
    assert prod.lines.unknown == Lines().unknown != plain.lines.unknown
    assert prod.agents == plain.agents
