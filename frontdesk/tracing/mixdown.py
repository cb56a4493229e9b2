"""A whole call as one stereo file: the caller left, the agent right."""

import hashlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from frontdesk.tracing.audio import AudioStore, from_flac, mixes

LONGEST = 4 * 3600.0
"""Seconds of a call that are mixed at most: a wrong offset must not fill the disk."""
BLOCK = 10.0
"""Seconds mixed at once, so that a long call does not have to fit in memory."""

_mixing = threading.Lock()


def mixdown(audio: AudioStore, call_id: str, pieces: list[dict[str, Any]]) -> Path | None:
    """The call's stereo FLAC, made when it does not exist yet or pieces were added.

    None when none of its audio can be found. Blocks: not for the event loop.
    """
    pieces = [piece for piece in pieces if audio.locate(piece["key"]).exists()]
    if not pieces:
        return None
    folder = mixes(audio.root, call_id)
    content = "".join(f"{piece['key']}{piece['offset_ms']}" for piece in pieces)
    path = folder / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.flac"
    with _mixing:  # one at a time: it is heavy, and two requests must not make it twice
        if not path.exists():
            with audio.writing(path) as where:
                _write(where, audio, pieces)
            for stale in folder.glob("*.flac"):
                if stale != path:
                    stale.unlink(missing_ok=True)
    return path


def _write(where: Path | io.BytesIO, audio: AudioStore, pieces: list[dict[str, Any]]) -> None:
    rate = max(piece["rate"] for piece in pieces)
    with soundfile.SoundFile(
        where, "w", samplerate=rate, channels=2, format="FLAC", subtype="PCM_16"
    ) as file:
        for block in _blocks(audio, pieces, rate):
            cast(Any, file).write(block)


def _blocks(
    audio: AudioStore, pieces: list[dict[str, Any]], rate: int
) -> Iterator[NDArray[np.float32]]:
    placed = [
        (max(0, round(piece["offset_ms"] * rate / 1000)), piece)
        for piece in pieces
        if 0 <= piece["offset_ms"] / 1000 + piece["seconds"] <= LONGEST
    ]
    end = max((start + round(piece["seconds"] * rate) for start, piece in placed), default=0)
    step = round(BLOCK * rate)
    loaded: dict[str, NDArray[np.float32]] = {}
    for left in range(0, end, step):
        right = min(left + step, end)
        block = np.zeros((right - left, 2), np.float32)
        for start, piece in placed:
            if start >= right or start + round(piece["seconds"] * rate) <= left:
                loaded.pop(piece["key"], None)
                continue
            samples = loaded.get(piece["key"])
            if samples is None:
                samples = loaded[piece["key"]] = _load(audio, piece["key"], rate)
            begin, stop = max(start, left), min(start + len(samples), right)
            if stop > begin:
                lane = 0 if piece["role"] == "caller" else 1
                block[begin - left : stop - left, lane] += samples[begin - start : stop - start]
        yield np.clip(block, -1, 1)


def _load(audio: AudioStore, key: str, rate: int) -> NDArray[np.float32]:
    """A piece at the mix's rate; silence when its file is broken."""
    try:
        samples, own = from_flac(audio.read(audio.locate(key)))
    except OSError:
        return np.zeros(0, np.float32)
    return samples if own == rate else cast(Any, soxr).resample(samples, own, rate)
