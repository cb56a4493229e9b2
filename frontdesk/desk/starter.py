"""The starter desk: what ``frontdesk init`` puts into a new folder."""

import shutil
from pathlib import Path

import frontdesk
from frontdesk.desk.json_schema import write_schemas
from frontdesk.desk.prices import FILE as PRICES

FOLDERS = ("agents", "tools", "mcp_servers")


class CannotInit(Exception):
    """The desk can't be made there; the message says why and what to do."""


def starter_folder() -> Path:
    """Where the starter desk lies: inside an installed package, or at the top of a checkout."""
    package = Path(frontdesk.__file__).parent
    packaged = package / "_starter"
    return packaged if packaged.is_dir() else package.parent


def init_desk(target: Path) -> list[Path]:
    """Copy the starter desk to ``target`` and return the files made.

    Raises `CannotInit` when ``target`` holds something already or can't be written.
    """
    if target.is_dir() and any(target.iterdir()):
        raise CannotInit(f"{target} is not empty: name a new folder, or empty this one")
    if target.exists() and not target.is_dir():
        raise CannotInit(f"{target} is a file: name a new folder")
    source = starter_folder()
    try:
        for folder in FOLDERS:
            ignore = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
            shutil.copytree(source / folder, target / folder, ignore=ignore)
        shutil.copy(source / PRICES, target / PRICES)
        write_schemas(target / "docs" / "schema")
        (target / ".gitignore").write_text(".frontdesk/\n__pycache__/\n", encoding="utf-8")
    except OSError as error:
        raise CannotInit(f"{target} can't be written: {error.strerror or error}") from error
    return sorted(path for path in target.rglob("*") if path.is_file())
