"""The files that a team is read from: those on disk, or those that an older version was made of."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from os.path import normpath
from pathlib import Path


class Files:
    """The files on disk. Remembers what was read of them: together that is the team."""

    def __init__(self) -> None:
        self.texts: dict[Path, str] = {}
        self.secrets: dict[Path, str] = {}
        """Hashes of the files that ``${file:…}`` named. Their texts are not for keeping."""

    def read(self, path: Path, largest: int) -> bytes | None:
        """The bytes of a file, None when there are more than ``largest``. Raises ``OSError``."""
        return None if path.stat().st_size > largest else path.read_bytes()

    def is_file(self, path: Path) -> bool:
        return path.is_file()

    def glob(self, folder: Path, pattern: str) -> list[Path]:
        """The files below ``folder``, in order."""
        return sorted(path for path in folder.glob(pattern) if path.is_file())

    def remember(self, path: Path, text: str) -> None:
        """Keep what was read of ``path``."""
        self.texts[plain(path)] = text

    def remember_secret(self, path: Path, text: str) -> None:
        """Keep what tells whether the secret in ``path`` has changed."""
        self.secrets[plain(path)] = sha256(text.encode()).hexdigest()


class KeptFiles(Files):
    """Files by their place and text, wherever they have gone since."""

    def __init__(self, texts: Mapping[Path, str]) -> None:
        super().__init__()
        self._kept = {plain(path): text for path, text in texts.items()}

    def read(self, path: Path, largest: int) -> bytes | None:
        if plain(path) not in self._kept:
            raise FileNotFoundError(path)
        return self._kept[plain(path)].encode()

    def is_file(self, path: Path) -> bool:
        return plain(path) in self._kept

    def glob(self, folder: Path, pattern: str) -> list[Path]:
        below = [path for path in self._kept if path.is_relative_to(plain(folder))]
        depth = len(plain(folder).parts) + 1
        name = pattern.rpartition("/")[2]
        deep = pattern.startswith("**/")
        return sorted(p for p in below if p.match(name) and (deep or len(p.parts) == depth))


def plain(path: Path) -> Path:
    """One name for one file: absolute, without ``..``."""
    return Path(normpath(path.absolute()))


def same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one place, which need not be there any more."""
    return os.path.realpath(one) == os.path.realpath(other)


_files: ContextVar[Files | None] = ContextVar("files", default=None)


def files() -> Files:
    """The files that are being read from now."""
    return _files.get() or Files()


@contextmanager
def reading(source: Files) -> Generator[Files]:
    """Within it, everything that belongs to a team is read from ``source``.

    A context and no parameter: whatever is added to a team file one day, a word list or a second
    kind of prompt, belongs to its version without a word.
    """
    token = _files.set(source)
    try:
        yield source
    finally:
        _files.reset(token)
