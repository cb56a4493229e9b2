"""Spoken input: a shipped recording, made with our own embedded voice."""

import base64
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 24_000
SUBTYPES = {"audio/pcm": "PCM_16", "audio/pcmu": "ULAW", "audio/pcma": "ALAW"}
PCM = "audio/pcm"


@cache
def speech() -> Samples:
    """“What are your opening hours?”, 24 kHz."""
    data = files("frontdesk.conformance").joinpath("speech.flac").read_bytes()
    samples: Any
    samples, _ = soundfile.read(BytesIO(data), dtype="float32")  # pyright: ignore[reportUnknownMemberType]
    return samples


def silence(seconds: float) -> Samples:
    return np.zeros(round(RATE * seconds), np.float32)


def rate(kind: str) -> int:
    return RATE if kind == PCM else 8_000


def encoded(samples: Samples, kind: str = PCM) -> bytes:
    """Raw audio in one of the three formats of the wire."""
    if kind != PCM:
        samples = soxr.resample(samples, RATE, rate(kind))
    target = BytesIO()
    soundfile.write(  # pyright: ignore[reportUnknownMemberType]
        target, samples, rate(kind), format="RAW", subtype=SUBTYPES[kind], endian="LITTLE"
    )
    return target.getvalue()


def decoded(audio: bytes, kind: str = PCM) -> Samples:
    """The samples of raw audio, at its own rate."""
    samples: Any
    samples, _ = soundfile.read(  # pyright: ignore[reportUnknownMemberType]
        BytesIO(audio),
        dtype="float32",
        format="RAW",
        subtype=SUBTYPES[kind],
        samplerate=rate(kind),
        channels=1,
        endian="LITTLE",
    )
    return samples


def frames(samples: Samples, kind: str = PCM, milliseconds: int = 100) -> list[str]:
    """What to append: base64 of so many milliseconds each."""
    audio = encoded(samples, kind)
    step = rate(kind) * milliseconds // 1000 * (2 if kind == PCM else 1)
    return [base64.b64encode(audio[at : at + step]).decode() for at in range(0, len(audio), step)]
