"""What was kept before there were keys, or with older ones, sealed with the newest."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontdesk.encryption import Cipher, KeyGone, is_sealed
from frontdesk.tracing import schema
from frontdesk.tracing.cells import MIXED, Cells

COLUMNS = {
    "span": ("error", "words", "attributes", "events"),
    "trace": ("error", "caller", "answer"),
    "call": ("text",),
    "audio": ("peaks",),
    "score": ("comment",),
}
"""Where content stands, but for the index of words, which sealed calls are not in."""
BATCH = 200
"""Rows a transaction: workers write in between."""


@dataclass
class Resealed:
    """How many rows and files were sealed anew, and how many no key opens: those stay as they
    are."""

    rows: int = 0
    files: int = 0
    locked: int = 0


def reseal(path: Path, audio: Path, cipher: Cipher) -> Resealed:
    """Seal the store at ``path`` and the files under ``audio``. Can be broken off and repeated.
    Raises :class:`sqlite3.Error` and :class:`OSError`."""
    done = Resealed()
    database = schema.connect(path, Cells(cipher))
    try:
        database.row_factory = None  # cells as they are
        for table, columns in COLUMNS.items():
            _rows(database, table, columns, cipher, done)
        # Words that were indexed in the clear, and what SQLite keeps of rows that were replaced.
        database.execute("DELETE FROM doc")
        database.execute("INSERT INTO doc (doc) VALUES ('optimize')")
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.close()
    for file in _files(audio):
        _file(file, cipher, done)
    return done


def _rows(
    database: sqlite3.Connection,
    table: str,
    columns: tuple[str, ...],
    cipher: Cipher,
    done: Resealed,
) -> None:
    names, places = ", ".join(columns), ", ".join(f"{name} = ?" for name in columns)
    select = f"SELECT rowid, {names} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"
    update = f"UPDATE {table} SET {places} WHERE rowid = ?"
    last = -1
    while True:
        database.execute("BEGIN IMMEDIATE")
        try:
            found = database.execute(select, (last, BATCH)).fetchall()
            for rowid, *cells in found:
                try:
                    fresh = [_cell(n, c, cipher) for n, c in zip(columns, cells, strict=True)]
                except KeyGone:
                    done.locked += 1
                    continue
                if fresh != cells:
                    database.execute(update, (*fresh, rowid))
                    done.rows += 1
        finally:
            database.execute("COMMIT")
        if not found:
            return
        last = found[-1][0]


def _cell(name: str, value: Any, cipher: Cipher) -> Any:
    if not isinstance(value, bytes) or not is_sealed(value):
        return Cells(cipher).seal(value)
    if cipher.is_newest(value):
        return value
    try:
        return cipher.seal(cipher.open(value))
    except KeyGone:
        if name == MIXED:
            return Cells(cipher).seal_bytes(value)
        raise


def _files(audio: Path) -> Iterator[Path]:
    for path in audio.glob("calls/*/*.flac"):
        path.unlink(missing_ok=True)  # mixed from the pieces, and mixed again when asked for
    yield from audio.glob("??/*.flac")


def _file(path: Path, cipher: Cipher, done: Resealed) -> None:
    data = path.read_bytes()
    if is_sealed(data):
        if cipher.is_newest(data):
            return
        try:
            data = cipher.open(data)
        except KeyGone:
            done.locked += 1
            return
    part = path.with_suffix(".part")
    part.write_bytes(cipher.seal(data))
    part.replace(path)
    done.files += 1
