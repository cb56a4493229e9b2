"""A team as something to keep: all that it was read from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from frontdesk.desk.files import KeptFiles, plain
from frontdesk.desk.loader import LoadedTeam, load_team


def made_of(loaded: LoadedTeam, overlay: str | None) -> dict[str, Any]:
    """What it takes to load a team again, as JSON has it; places are relative to the desk."""
    places = {os.path.relpath(path, plain(loaded.root)): t for path, t in loaded.sources.items()}
    path = os.path.relpath(plain(loaded.path), plain(loaded.root))
    return {"path": path, "overlay": overlay, "files": places}


def remade(root: Path, kept: Mapping[str, Any]) -> LoadedTeam:
    """The team that ``kept`` was made of. Raises `DeskError`."""
    source = KeptFiles({root / place: text for place, text in kept["files"].items()})
    return load_team(root / kept["path"], overlay=kept["overlay"], source=source)
