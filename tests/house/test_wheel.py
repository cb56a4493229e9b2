"""The wheel holds what an installed Frontdesk needs, and nothing of the tree besides."""

import subprocess
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

TRAVELS = {
    "agents": "frontdesk/_starter/agents",
    "tools": "frontdesk/_starter/tools",
    "mcp_servers": "frontdesk/_starter/mcp_servers",
    "tracing": "frontdesk/_tracing",
    "frontdesk": "frontdesk",
    "prices.yaml": "frontdesk/_starter/prices.yaml",
}
"""Folders and files of the tree, and where they lie in the wheel."""


@pytest.fixture(scope="module")
def names(root: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("dist")
    wheel = next(WheelBuilder(str(root)).build(directory=str(folder)))
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def files(root: Path) -> list[Path]:
    """What is committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [Path(line) for line in listed.stdout.splitlines() if (root / line).is_file()]


def test_the_wheel_holds_the_code_the_starter_desk_and_the_dashboard_and_no_more(
    names: set[str], files: list[Path]
) -> None:
    expected = {
        Path(TRAVELS[file.parts[0]], *file.parts[1:]).as_posix()
        for file in files
        if file.parts[0] in TRAVELS
    }
    assert names == expected


def test_an_installed_frontdesk_finds_its_desk_pages_and_scripts_in_it(names: set[str]) -> None:
    assert {
        "frontdesk/_starter/agents/support.yaml",
        "frontdesk/_starter/tools/shipping.py",
        "frontdesk/_starter/mcp_servers/mcp.json",
        "frontdesk/_starter/mcp_servers/orders/server.py",
        "frontdesk/_tracing/dashboard/templates/talk.html",
        "frontdesk/_tracing/dashboard/static/base.css",
        "frontdesk/_tracing/dashboard/static/talk/capture.js",
        "frontdesk/state/scripts/append.lua",
        "frontdesk/cli/demo.yaml",
        "frontdesk/launch.py",
        "frontdesk/py.typed",
    } <= names
