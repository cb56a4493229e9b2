import json
from pathlib import Path

import pytest

import frontdesk
from frontdesk.desk.loader import load_desk
from frontdesk.desk.starter import CannotInit, init_desk


def test_the_desk_that_init_makes_loads_and_has_what_the_example_has(
    tmp_path: Path, repository: Path
):
    files = init_desk(tmp_path / "new")
    made, example = load_desk(tmp_path / "new", {}), load_desk(repository, {})
    assert made.team().version == example.team().version
    assert made.warnings == ()
    assert all(file.is_file() for file in files)
    assert not [file for file in files if "__pycache__" in file.parts]
    assert (tmp_path / "new/mcp_servers/orders/server.py").is_file()


def test_the_new_desk_has_the_schema_that_its_team_names(tmp_path: Path):
    init_desk(tmp_path / "new")
    assert json.loads((tmp_path / "new/docs/schema/team.json").read_text())["title"]


def test_an_empty_folder_will_do(tmp_path: Path):
    init_desk(tmp_path)
    assert load_desk(tmp_path, {}).team()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(CannotInit, match="is not empty: name a new folder"):
        init_desk(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_or_a_place_that_can_t_be_written_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotInit, match="is a file"):
        init_desk(tmp_path / "file")
    with pytest.raises(CannotInit, match="can't be written"):
        init_desk(tmp_path / "file" / "below")


def test_an_installed_package_brings_its_own_starter(tmp_path: Path, monkeypatch, repository: Path):
    package = tmp_path / "site-packages" / "frontdesk"
    for folder in ("agents", "tools", "mcp_servers"):
        (package / "_starter" / folder).mkdir(parents=True)
    (package / "_starter" / "agents" / "packaged.yaml").write_text("x")
    (package / "_starter" / "prices.yaml").write_text("version: 1")
    monkeypatch.setattr(frontdesk, "__file__", str(package / "__init__.py"))
    init_desk(tmp_path / "new")
    assert (tmp_path / "new" / "agents" / "packaged.yaml").is_file()
