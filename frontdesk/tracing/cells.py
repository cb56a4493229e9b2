"""Content in the cells of the trace store: encrypted where there are keys, as it is where not.

A sealed cell is a BLOB whatever it was before; a letter within says what that was. Cells of both
kinds stand side by side, as keys may come later than calls.
"""

import re
import sqlite3
from functools import partial
from typing import Any

from frontdesk.encryption import Cipher, KeyGone, is_sealed

LOCKED = "(encrypted, and no key here opens it)"
_TEXT, _BYTES = b"t", b"b"
MIXED = "peaks"
"""A column whose cells may begin like sealed ones though they are none."""


class Cells:
    """Knows the keys. ``install`` it on each connection before that is used."""

    def __init__(self, cipher: Cipher | None = None) -> None:
        self._cipher = cipher or Cipher()

    def install_to_write(self, database: sqlite3.Connection) -> None:
        """SQL gets ``seal(x)`` and ``sealing()``; rows come as tuples, opened. What no key opens
        comes as it is stored, so that it can be stored again."""
        database.create_function("seal", 1, self.seal)
        database.create_function("sealing", 0, lambda: int(bool(self._cipher)))
        database.row_factory = self._to_write

    def install_to_read(self, database: sqlite3.Connection) -> None:
        """SQL gets ``said(x, y, words)`` and ``opened(x)``; cells of rows are opened when they are
        asked for by name. What no key opens is :data:`LOCKED`."""
        database.create_function("said", 3, self.said, deterministic=True)
        database.create_function("opened", 1, partial(self._shown, ""), deterministic=True)
        shown = self._shown

        class Row(sqlite3.Row):
            def __getitem__(self, name: Any) -> Any:
                value = super().__getitem__(name)
                return shown(name, value) if type(value) is bytes else value

        database.row_factory = Row

    def seal(self, value: Any) -> Any:
        """Text or bytes, encrypted. Nothing stays nothing."""
        if not self._cipher or not value or (isinstance(value, bytes) and is_sealed(value)):
            return value
        if isinstance(value, str):
            return self._cipher.seal(_TEXT + value.encode())
        return self.seal_bytes(value)

    def seal_bytes(self, value: bytes) -> bytes:
        """Bytes, encrypted, whatever they look like."""
        return self._cipher.seal(_BYTES + value)

    def said(self, caller: Any, answer: Any, words: str) -> bool:
        """Whether each of ``words`` begins a word of two sealed texts, as the index of clear ones
        finds them."""
        told = f"{self._shown('', caller)} {self._shown('', answer)}".lower()
        known = re.findall(r"\w+", told)
        wanted = re.findall(r"\w+", words.lower())
        return all(any(word.startswith(want) for word in known) for want in wanted)

    def _to_write(self, cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        # Nothing is sealed but bytes, and most rows have none.
        return tuple(map(self._opened, row)) if bytes in map(type, row) else row

    def _shown(self, name: str, value: Any) -> Any:
        opened = self._opened(value)
        if opened is not value or not _looks_sealed(value) or name == MIXED:
            return opened
        return _PLACEHOLDERS.get(name, LOCKED)

    def _opened(self, value: Any) -> Any:
        if not _looks_sealed(value):
            return value
        try:
            plain = self._cipher.open(value)
        except KeyGone:
            return value
        return plain[1:].decode() if plain[:1] == _TEXT else plain[1:]


_PLACEHOLDERS: dict[str, Any] = {
    "attributes": b'{"frontdesk.locked":"%s"}' % LOCKED.encode(),
    "events": b"[]",
}


def _looks_sealed(value: Any) -> bool:
    return isinstance(value, bytes) and is_sealed(value)
