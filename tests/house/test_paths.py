"""Nothing in the tree tells of the machine that it was made on."""

import re
import subprocess
from pathlib import Path

import pytest

OF_A_MACHINE = re.compile(
    r"(?<![\w.])/(?:root|work|home/\w+|Users/\w+|opt/\w+)/"
    r"|https?://[\w.-]*(?:pypi|pythonhosted|artifactory|nexus|devpi)[\w.-]*"
)


def test_no_file_names_a_folder_of_a_machine_or_a_package_index(root: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    found: list[str] = []
    for name in listed.stdout.splitlines():
        path = root / name
        text = path.read_bytes().decode(errors="ignore") if path.is_file() else ""
        found += [f"{name}: {match.group()}" for match in OF_A_MACHINE.finditer(text)]
    assert not found


@pytest.mark.parametrize("path", [("root", "x"), ("home", "anna", "desk"), ("Users", "kim", "x")])
def test_such_a_name_would_be_found(path: tuple[str, ...]) -> None:
    assert OF_A_MACHINE.search("in /" + "/".join(path) + "/y")
