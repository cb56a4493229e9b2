import re
from pathlib import Path

import pytest

from frontdesk.desk.loader import load_desk, load_team
from frontdesk.desk.problems import DeskError


def test_the_example_desk_loads_without_a_warning(repository: Path):
    desk = load_desk(repository, {})
    loaded = desk.team()
    assert desk.warnings == ()
    assert desk.mcp_config == repository / "mcp_servers" / "mcp.json"
    assert loaded.team.entry == "frontdesk"
    assert len(loaded.team.agents) >= 4
    assert loaded.root == repository


def test_a_minimal_team_loads_with_defaults(desk):
    loaded = desk.load()
    assert loaded.team.models.keys() == {"main"}
    assert loaded.prompt("hello") == "You greet."


def test_the_version_changes_with_the_yaml_and_with_a_prompt_and_not_otherwise(desk):
    first = desk.load().version
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert desk.load().version == first
    desk.write("agents/hello.md", "You greet warmly.")
    second = desk.load().version
    desk.team(desk.team_file.read_text() + "description: A shop.\n")
    assert len({first, second, desk.load().version}) == 3


def test_the_version_does_not_depend_on_secrets(desk):
    desk.team(desk.team_file.read_text() + 'models: { main: { api_key: "${env:KEY}" } }\n')
    versions = {desk.load({"KEY": key}).version for key in ("one", "two")}
    assert len(versions) == 1


def test_a_call_s_variables_go_over_the_team_s(desk):
    desk.team(desk.team_file.read_text() + "variables: { city: Leipzig }\n")
    desk.write("agents/hello.md", "{{ agent.name }} of {{ team.name }} in {{ city }}")
    loaded = desk.load()
    assert loaded.prompt("hello") == "hello of shop in Leipzig"
    assert loaded.prompt("hello", {"city": "Bonn"}) == "hello of shop in Bonn"
    assert loaded.prompt("hello", {"team": "forged"}).startswith("hello of shop")


def test_values_given_by_a_call_are_never_run_as_a_template(desk):
    desk.team(desk.team_file.read_text() + "variables: { caller: nobody }\n")
    desk.write("agents/hello.md", "Caller: {{ caller }}")
    assert desk.load().prompt("hello", {"caller": "{{ 7 * 7 }}"}) == "Caller: {{ 7 * 7 }}"


def test_the_problems_of_all_teams_come_together(desk):
    text = desk.team_file.read_text()
    desk.write("agents/a.yaml", text.replace("entry: hello", "entry: helo"))
    desk.write("agents/b.yaml", text.replace("version: 1", "version: 2"))
    with pytest.raises(DeskError) as caught:
        load_desk(desk.root, {})
    assert {problem.file.name for problem in caught.value.problems} == {"a.yaml", "b.yaml"}


def test_two_teams_with_one_name_are_refused(desk):
    desk.write("agents/zweite.yaml", desk.team_file.read_text())
    with pytest.raises(DeskError, match=r"zweite.yaml:1:1: the name `shop` is taken by"):
        load_desk(desk.root, {})


def test_a_team_is_found_by_name_and_the_only_one_without(desk):
    only = load_desk(desk.root, {})
    assert only.team() is only.team("shop")
    desk.write("agents/b.yaml", desk.team_file.read_text().replace("name: shop", "name: bank"))
    two = load_desk(desk.root, {})
    assert two.team("bank").team.name == "bank"
    with pytest.raises(LookupError, match="say which team: this desk has bank, shop"):
        two.team()
    with pytest.raises(LookupError, match="did you mean `shop`"):
        two.team("shopp")


def test_a_folder_that_is_no_desk_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(DeskError, match="frontdesk init"):
        load_desk(tmp_path, {})
    (tmp_path / "agents").mkdir()
    with pytest.raises(DeskError, match=r"expected a \.yaml file"):
        load_desk(tmp_path, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "1:1: can't be read: no such file"),
        (b"", "1:1: the file is empty"),
        (b"# only a comment\n", "1:1: the file is empty"),
        (b"version: 1\nname: caf\xe9\n", "2:10: the file is not UTF-8 text (save it as UTF-8)"),
        (b"- a\n- b\n", "1:1: expected a mapping that begins with `version: 1`, found a list"),
        (b"version: 1\n\tname: x\n", "indent with spaces, not tabs"),
        (b"a: [1, 2\nb: 3\n", "2:2: not valid YAML"),
        (b"a: 1\n---\nb: 2\n", "2:1: not valid YAML: but found another document"),
        (b"a: *nowhere\n", "1:4: not valid YAML: found undefined alias"),
        (b"#" * 300_000, "1:1: the file is over 256 KiB"),
        (b"{a: " * 5_000, "nested"),
        (b"\x00\x01", "not valid YAML"),
    ],
)
def test_a_file_that_can_t_be_read_as_yaml_says_why(tmp_path: Path, content, message: str):
    path = tmp_path / "team.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DeskError) as caught:
        load_team(path, {})
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_byte_order_mark_and_windows_line_ends_are_fine(desk):
    text = desk.team_file.read_text().replace("\n", "\r\n")
    desk.team_file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert desk.load().team.name == "shop"
