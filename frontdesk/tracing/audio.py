"""Audio beside the spans: FLAC files named by a random key, found through the store.

Spans hold only the ``uri``. A file is written once and never changes. Where there are keys it is
sealed: a Fernet token's bytes in place of FLAC's.
"""

import hashlib
import io
import re
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from frontdesk.encryption import Cipher, KeyGone, is_sealed
from frontdesk.tracing.queries import PEAKS
from frontdesk.tracing.stores import PieceRow, Store

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
    """Keeps pieces of the audio of those calls that it ``keeps``; encodes in the store's writer
    thread."""

    def __init__(
        self,
        root: Path,
        store: Store,
        *,
        keeps: Callable[[str], bool],
        cipher: Cipher | None = None,
    ) -> None:
        self.root = root
        self._cipher = cipher or Cipher()
        self._store = store
        self._keeps = keeps

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

        Returns at once, never raises: nothing is kept of an empty array, when the call's audio is
        not to be kept, or when the disk cannot follow; the reference then has no ``uri``.
        """
        seconds = len(samples) / rate
        wanted = len(samples) and call_id not in self._store.refused and self._keeps(call_id)
        if not wanted:
            return AudioRef("", "", seconds)
        key = secrets.token_hex(16)
        copy = _pcm(samples).reshape(-1)
        piece = _Piece(self, key, call_id, role, copy, rate, offset_ms, item_id)
        if not self._store.add_piece(piece):
            return AudioRef("", "", seconds)
        return AudioRef(f"/api/audio/{key}", key, seconds)

    def sound(self, uri: str) -> tuple[NDArray[np.float32], int]:
        """Samples and rate of what a reference's ``uri`` stands for. Raises :class:`OSError` when
        it is not here (another machine's, or not written any more) or no key opens it,
        :class:`ValueError` for anything that is no such address."""
        return from_flac(self.read(self.locate(uri.rpartition("/")[2])))

    def locate(self, key: str) -> Path:
        """The file of a key. Raises :class:`ValueError` for anything that is not a key."""
        if not _KEY.fullmatch(key):
            raise ValueError("not an audio key: expected 32 hex digits")
        return self.root / key[:2] / f"{key}.flac"

    @contextmanager
    def writing(self, path: Path) -> Generator[Path | io.BytesIO]:
        """Where to write the FLAC of a file that will be there at once and whole: on the disk, or
        in memory where it is to be sealed. Raises :class:`OSError`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._cipher:
            yield (clear := io.BytesIO())
            self.write(path, clear.getvalue())
            return
        part = path.with_suffix(".part")
        try:
            yield part
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def write(self, path: Path, flac: bytes) -> None:
        """Write a FLAC to a file that will be there at once and whole. Raises :class:`OSError`."""
        data = self._cipher.seal(flac) if self._cipher else flac
        part = path.with_suffix(".part")
        try:
            try:
                part.write_bytes(data)
            except FileNotFoundError:  # of 256 folders, so mostly it is there
                path.parent.mkdir(parents=True, exist_ok=True)
                part.write_bytes(data)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def is_sealed(self, path: Path) -> bool:
        """Whether a file holds anything but FLAC. Raises :class:`OSError`."""
        with path.open("rb") as file:
            return is_sealed(file.read(1))

    def read(self, path: Path) -> bytes:
        """The FLAC of a file. Raises :class:`OSError` for one that is missing, or that no key
        opens."""
        data = path.read_bytes()
        try:
            return self._cipher.open(data) if is_sealed(data) else data
        except KeyGone as error:
            raise OSError(f"{path.name} cannot be read: {error}") from None


def mixes(root: Path, call_id: str) -> Path:
    """The folder with the mixes of a whole call."""
    return root / "calls" / hashlib.sha256(call_id.encode()).hexdigest()[:32]


class _Piece:
    def __init__(
        self,
        audio: AudioStore,
        key: str,
        call_id: str,
        role: Role,
        samples: Pcm,
        rate: int,
        offset_ms: int,
        item_id: str,
    ) -> None:
        self._audio = audio
        self._path = audio.locate(key)
        self._samples = samples
        self._rate = rate
        self._values = (key, call_id, item_id, role, offset_ms, len(samples) / rate, rate)
        self._peaks = b""
        self.size = samples.nbytes

    def prepare(self) -> bool:
        # In memory, as libsndfile has each file of its own synced with the disk when it closes it.
        write_flac(flac := io.BytesIO(), self._samples, self._rate)
        self._audio.write(self._path, flac.getvalue())
        self._peaks = peaks(self._samples, self._rate)
        self._samples = np.empty(0, np.int16)
        return True

    def row(self) -> PieceRow:
        return PieceRow(*self._values, self._peaks)


def _pcm(samples: NDArray[np.float32] | Pcm) -> Pcm:
    """A copy in 16 bits: what waits for the disk takes half the memory so."""
    if samples.dtype == np.int16:
        return np.array(samples, np.int16)
    whole = samples * np.float32(32768)
    np.rint(whole, out=whole)
    np.clip(whole, -32768, 32767, out=whole)
    if not np.isfinite(whole.sum()):  # what is not a number is not clipped
        np.nan_to_num(whole, copy=False)
    return whole.astype(np.int16)


def peaks(samples: Pcm, rate: int) -> bytes:
    """Loudest sample of each fiftieth of a second, as one byte of 0 to 255."""
    count = -(-len(samples) * PEAKS // rate)
    starts = (np.arange(count) * rate) // PEAKS
    above = np.maximum.reduceat(samples, starts).astype(np.int32)
    below = np.minimum.reduceat(samples, starts).astype(np.int32)
    return np.round(np.maximum(above, -below) / 32768 * 255).astype(np.uint8).tobytes()


def write_flac(where: Path | io.BytesIO, samples: Pcm, rate: int) -> None:
    """Write 16-bit FLAC, as quickly as it can be: the next levels save 6 % of the disk for an
    eighth more time. Raises :class:`OSError`."""
    try:
        cast(Any, soundfile).write(
            where, samples, rate, format="FLAC", subtype="PCM_16", compression_level=0
        )
    except soundfile.SoundFileError as error:
        raise OSError(str(error)) from error


def from_flac(flac: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples and rate. Raises :class:`OSError` for what is broken."""
    try:
        samples, rate = cast(Any, soundfile).read(io.BytesIO(flac), dtype="float32")
    except soundfile.SoundFileError as error:
        raise OSError(str(error)) from error
    return samples, rate
