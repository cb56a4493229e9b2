"""The files of the house, read once."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def compose(root: Path) -> dict[str, Any]:
    return YAML(typ="safe").load((root / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def collector(root: Path) -> dict[str, Any]:
    return YAML(typ="safe").load((root / "tracing" / "collector.yaml").read_text(encoding="utf-8"))
