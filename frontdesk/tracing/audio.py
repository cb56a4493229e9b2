"""Audio beside the spans: FLAC files named by a random key, found through the store.

Spans hold only the ``uri``. A file is written once and never changes.
"""

import hashlib
import re
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from frontdesk.tracing.queries import PEAKS
from frontdesk.tracing.store import TraceStore

Role = Literal["caller", "agent"]
Pcm = NDArray[np.int16]
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class AudioRef:
    """Where a piece of audio will be found. ``uri`` and ``key`` are empty when it is not kept."""

    uri: str
    key: str
    seconds: float


class AudioStore:
    """Keeps pieces of a call's audio; encodes in the store's writer thread."""

    def __init__(self, root: Path, store: TraceStore, *, enabled: bool = True) -> None:
        self.root = root
        self._store = store
        self._enabled = enabled

    def put(
        self,
        *,
        call_id: str,
        role: Role,
        samples: NDArray[np.float32] | Pcm,
        rate: int,
        offset_ms: int,
        item_id: str,
    ) -> AudioRef:
        """Keep mono ``samples``, 16 bits or floats in [-1, 1], heard ``offset_ms`` after the call
        opened.

        Returns at once, never raises: nothing is kept of an empty array, when audio is switched
        off, or when the disk cannot follow; the reference then has no ``uri``.
        """
        seconds = len(samples) / rate
        if not self._enabled or not len(samples) or call_id in self._store.refused:
            return AudioRef("", "", seconds)
        key = secrets.token_hex(16)
        copy = _pcm(samples).reshape(-1)
        job = _AudioJob(key, self.locate(key), call_id, role, copy, rate, offset_ms, item_id)
        if not self._store.submit(job):
            return AudioRef("", "", seconds)
        return AudioRef(f"/api/audio/{key}", key, seconds)

    def read(self, uri: str) -> tuple[NDArray[np.float32], int]:
        """Samples and rate of what a reference's ``uri`` stands for. Raises :class:`OSError` when
        it is not here (another machine's, or not written any more), :class:`ValueError` for
        anything that is no such address."""
        return read_flac(self.locate(uri.rpartition("/")[2]))

    def locate(self, key: str) -> Path:
        """The file of a key. Raises :class:`ValueError` for anything that is not a key."""
        if not _KEY.fullmatch(key):
            raise ValueError("not an audio key: expected 32 hex digits")
        return self.root / key[:2] / f"{key}.flac"


def mixes(root: Path, call_id: str) -> Path:
    """The folder with the mixes of a whole call."""
    return root / "calls" / hashlib.sha256(call_id.encode()).hexdigest()[:32]


class _AudioJob:
    def __init__(
        self,
        key: str,
        path: Path,
        call_id: str,
        role: Role,
        samples: Pcm,
        rate: int,
        offset_ms: int,
        item_id: str,
    ) -> None:
        self._path = path
        self._samples = samples
        self._rate = rate
        self._values = (key, call_id, item_id, role, offset_ms, len(samples) / rate, rate)
        self._peaks = b""
        self.size = samples.nbytes

    def prepare(self) -> bool:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        write_flac(part, self._samples, self._rate)
        part.replace(self._path)
        self._peaks = peaks(self._samples, self._rate)
        self._samples = np.empty(0, np.int16)
        return True

    def write(self, database: sqlite3.Connection) -> None:
        database.execute(
            "INSERT OR REPLACE INTO audio (key, call_id, item_id, role, offset_ms, seconds, rate, "
            "peaks) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*self._values, self._peaks),
        )


def _pcm(samples: NDArray[np.float32] | Pcm) -> Pcm:
    """A copy in 16 bits: what waits for the disk takes half the memory so."""
    if samples.dtype == np.int16:
        return np.array(samples, np.int16)
    whole = np.rint(samples * np.float32(32768)).clip(-32768, 32767)
    return np.nan_to_num(whole, copy=False).astype(np.int16)


def peaks(samples: Pcm, rate: int) -> bytes:
    """Loudest sample of each fiftieth of a second, as one byte of 0 to 255."""
    count = -(-len(samples) * PEAKS // rate)
    starts = (np.arange(count) * rate) // PEAKS
    above = np.maximum.reduceat(samples, starts).astype(np.int32)
    below = np.minimum.reduceat(samples, starts).astype(np.int32)
    return np.round(np.maximum(above, -below) / 32768 * 255).astype(np.uint8).tobytes()


def write_flac(path: Path, samples: Pcm, rate: int) -> None:
    """Write 16-bit FLAC. Raises :class:`OSError`."""
    try:
        cast(Any, soundfile).write(path, samples, rate, format="FLAC", subtype="PCM_16")
    except soundfile.SoundFileError as error:
        path.unlink(missing_ok=True)
        raise OSError(f"{path}: {error}") from error


def read_flac(path: Path) -> tuple[NDArray[np.float32], int]:
    """Samples and rate. Raises :class:`OSError` for a file that is missing or broken."""
    try:
        samples, rate = cast(Any, soundfile).read(path, dtype="float32")
    except soundfile.SoundFileError as error:
        raise OSError(f"{path}: {error}") from error
    return samples, rate
