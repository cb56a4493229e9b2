"""The files of sound in a folder of audio, of this process or of another that writes to it."""

import os
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

AUDIO = "audio"
"""The folder, within that of the data."""


def sound_files(folder: Path) -> Generator[tuple[Path, os.stat_result]]:
    """All of them, mixes too."""
    for pattern in ("??/*", "calls/*/*"):
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):  # a half written one has its name by now
                yield path, path.stat()


def sound_bytes(folder: Path) -> int:
    """How much all of them take."""
    return sum(found.st_size for _, found in sound_files(folder))
