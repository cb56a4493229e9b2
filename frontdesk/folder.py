"""Data folders have names: workers may share one, change theirs, and keep things elsewhere that
belong to what lies in it."""

import secrets
from pathlib import Path

NAME = "folder"
"""The file in a data folder that has its name."""


def name_of(data: Path) -> str:
    """The name of a data folder. It is made when it has none, as is the folder. Raises
    :class:`OSError`."""
    file = data / NAME
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        data.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{secrets.token_hex(4)}")
        part.write_text(f"{secrets.token_hex(8)}\n", encoding="ascii")
        try:
            file.hardlink_to(part)  # the first of two processes gives the name
        except FileExistsError:
            pass
        finally:
            part.unlink()
        return file.read_text(encoding="ascii").strip()
