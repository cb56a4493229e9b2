"""What a team is read from, and read from again when its files hold something else."""

from pathlib import Path

import pytest

from frontdesk.desk.files import KeptFiles
from frontdesk.desk.loader import LoadedTeam, load_team
from frontdesk.desk.problems import DeskError

TEAM = """\
version: 1
name: shop
entry: hello
include: [common/lines.yaml]
models: { main: { api_key: "${file:../key}" } }
tools: { count: { call: tools.count:count } }
agents:
  hello: { description: Greets., instructions: prompts/hello.md, tools: [count] }
"""


@pytest.fixture
def shop(desk):
    desk.write("key", "secret\n")
    desk.write("agents/common/lines.yaml", "lines: { sorry: Sorry. }\n")
    desk.write("agents/prompts/hello.md", "You greet.")
    desk.write("agents/prompts/sale.md", "There is a sale.")
    desk.write("tools/count.py", "from .numbers import ten\ndef count() -> int:\n    return ten\n")
    desk.write("tools/numbers.py", "ten = 10\n")
    desk.team(TEAM)
    return desk


def names(loaded: LoadedTeam) -> set[str]:
    return {str(path.relative_to(loaded.root)) for path in loaded.sources}


def test_a_team_knows_all_files_that_it_was_read_from(shop):
    assert names(shop.load()) == {
        "agents/shop.yaml",
        "agents/common/lines.yaml",
        "agents/prompts/hello.md",
        "agents/prompts/sale.md",
        "tools/count.py",
        "tools/numbers.py",
    }


@pytest.mark.parametrize(
    "file",
    [
        "agents/shop.yaml",
        "agents/common/lines.yaml",
        "agents/prompts/hello.md",
        "agents/prompts/sale.md",
        "tools/count.py",
        "tools/numbers.py",
    ],
)
def test_the_version_covers_every_file_of_the_team(shop, file: str):
    before = shop.load().version
    path = shop.root / file
    path.write_text(path.read_text() + "# more\n")
    assert shop.load().version != before


def test_code_that_no_tool_names_and_installed_code_are_no_part_of_the_team(shop):
    shop.team(TEAM.replace("tools.count:count", "textwrap:dedent"))
    before = shop.load()
    shop.write("tools/numbers.py", "ten = 11\n")
    assert shop.load().version == before.version
    assert not [path for path in before.sources if path.suffix == ".py"]


def test_secrets_are_no_part_of_the_version_but_known_by_their_hashes(shop):
    before = shop.load()
    shop.write("key", "another\n")
    after = shop.load()
    assert after.version == before.version
    assert after.secrets != before.secrets
    assert not any(
        "secret" in text for text in (*before.sources.values(), *before.secrets.values())
    )
    assert after.team.models["main"].api_key.get_secret_value() == "another"


def test_a_version_is_read_again_from_what_it_was_made_of(shop):
    before = shop.load()
    for path in before.sources:
        path.unlink()
    again = load_team(shop.team_file, {}, source=KeptFiles(before.sources))
    assert again.version == before.version
    assert again.team == before.team
    assert again.prompt("hello") == "You greet."
    assert again.stored.keys() == {"hello", "sale"}
    assert again.sources == before.sources


def test_an_overlay_and_files_outside_of_the_desk_are_kept_too(shop, tmp_path: Path):
    shop.write("agents/shop.prod.yaml", "include: [../../shared.yaml]\n")
    shared = tmp_path.parent / "shared.yaml"
    shared.write_text("lines: { waiting: Wait. }\n")
    before = load_team(shop.team_file, {}, "prod")
    shared.unlink()
    again = load_team(shop.team_file, {}, "prod", KeptFiles(before.sources))
    assert again.version == before.version
    assert again.team.lines.waiting == "Wait."


def test_what_was_not_kept_is_missed(shop):
    kept = {path: text for path, text in shop.load().sources.items() if path.name != "hello.md"}
    with pytest.raises(DeskError, match=r"prompt file .*hello\.md does not exist"):
        load_team(shop.team_file, {}, source=KeptFiles(kept))
