from pathlib import Path
from textwrap import dedent

import pytest

from frontdesk.desk.loader import LoadedTeam, load_team
from frontdesk.desk.problems import DeskError, Problem

REPOSITORY = Path(__file__).parents[2]
TEAM = """\
version: 1
name: shop
entry: hello
agents:
  hello:
    description: Greets.
    instructions: hello.md
"""


class DeskFolder:
    """A desk in a temporary folder, written by a test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.team_file = root / "agents" / "shop.yaml"
        self.write("agents/shop.yaml", TEAM)
        self.write("agents/hello.md", "You greet.\n")

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def team(self, text: str) -> None:
        self.write("agents/shop.yaml", text)

    def load(self, env: dict[str, str] | None = None) -> LoadedTeam:
        return load_team(self.team_file, env or {})

    def problems(self, env: dict[str, str] | None = None) -> tuple[Problem, ...]:
        with pytest.raises(DeskError) as caught:
            self.load(env)
        return caught.value.problems

    def found(self, env: dict[str, str] | None = None) -> list[str]:
        """Problems as `file:line:column: …`, with files relative to the desk."""
        return [str(problem).replace(f"{self.root}/", "") for problem in self.problems(env)]


@pytest.fixture
def desk(tmp_path: Path) -> DeskFolder:
    return DeskFolder(tmp_path)


@pytest.fixture
def repository() -> Path:
    return REPOSITORY
