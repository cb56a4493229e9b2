"""What a speech server answers, as samples, whatever it takes for an answer.

Raw PCM is asked for. Servers also send WAV with a header, other rates, or a whole MP3, FLAC or Ogg
file; some say what is wrong with status 200, in JSON or on a page.
"""

import asyncio
import io
import re
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]

from frontdesk.voice.audio import int16_to_samples, resample
from frontdesk.voice.base import OUTPUT_RATE, Samples, SpeechError
from frontdesk.voice.openai.client import readable
from frontdesk.voice.resample import Resampler

_RATES = range(8_000, 192_001)
_MOST_HEADER = 64 * 1024
_MOST_FILE = 32 * 1024 * 1024
_PCM = 1
_EXTENSIBLE = 0xFFFE
_FILES = (b"ID3", b"OggS", b"fLaC")


@dataclass(frozen=True, slots=True)
class _Form:
    """16-bit PCM: samples a second, of so many channels."""

    rate: int = OUTPUT_RATE
    channels: int = 1


async def samples_of(data: AsyncIterator[bytes], content_type: str) -> AsyncIterator[Samples]:
    """24 kHz samples, as they come where the format lets them. Raises
    :class:`~frontdesk.voice.base.SpeechError` when the answer is no sound, or none at all."""
    head = await anext(data, b"")
    while len(head) < 12 and (more := await anext(data, b"")):
        head += more
    kind = content_type.partition(";")[0].strip().lower()
    if not head:
        raise SpeechError("the answer is empty")
    if kind.startswith("text/") or kind == "application/json" or head[:1] == b"<":
        raise SpeechError(f"the answer is no sound but {readable(head.decode(errors='replace'))}")
    if head.startswith(_FILES) or (kind in ("audio/mpeg", "audio/mp3") and head[0] == 0xFF):
        yield await _whole(head, data)
        return
    form = _Form(_told_rate(content_type))
    if head.startswith(b"RIFF"):
        while (found := _wav(head)) is None:
            if len(head) > _MOST_HEADER or not (more := await anext(data, b"")):
                raise SpeechError("the answer begins like WAV, and has no sound in it")
            head += more
        form, begin = found
        if form is None:  # not 16 bits: read as the file that it is
            yield await _whole(head, data)
            return
        head = head[begin:]
    async for samples in _stream(form, head, data):
        yield samples


async def _stream(form: _Form, head: bytes, data: AsyncIterator[bytes]) -> AsyncIterator[Samples]:
    """Whole frames; what is left of an odd chunk waits for the next."""
    resampler = None
    if form.rate != OUTPUT_RATE:  # its filter may take 0.1 s to compute, the first time
        resampler = await asyncio.to_thread(Resampler, form.rate, OUTPUT_RATE)
    frame = 2 * form.channels
    rest, chunk = b"", head
    while chunk:
        rest += chunk
        whole = len(rest) // frame * frame
        if whole:
            samples = _mono(rest[:whole], form.channels)
            rest = rest[whole:]
            yield resampler(samples) if resampler else samples
        chunk = await anext(data, b"")
    if resampler:
        yield resampler.flush()


def _mono(pcm: bytes, channels: int) -> Samples:
    values = np.frombuffer(pcm, "<i2")
    if channels > 1:
        mixed = values.reshape(-1, channels).astype(np.float32).mean(axis=1)
        return cast("Samples", mixed / np.float32(32768))
    return int16_to_samples(values)


async def _whole(head: bytes, data: AsyncIterator[bytes]) -> Samples:
    """A file in one piece. The caller waits for all of it, so a server that streams is better."""
    file = bytearray(head)
    async for chunk in data:
        file += chunk
        if len(file) > _MOST_FILE:
            raise SpeechError("the answer is a sound file of more than 32 MB")
    return await asyncio.to_thread(_decoded, bytes(file))


def _decoded(file: bytes) -> Samples:
    try:
        frames, rate = cast("Any", soundfile).read(
            io.BytesIO(file), dtype="float32", always_2d=True
        )
    except soundfile.SoundFileError as error:
        raise SpeechError("the answer is a sound file that cannot be read") from error
    return resample(frames.mean(axis=1).astype(np.float32), rate, OUTPUT_RATE)


def _wav(head: bytes) -> tuple[_Form | None, int] | None:
    """The form of a WAV and where its samples begin; None as long as that is not known."""
    at, form, is_pcm = 12, _Form(), False
    while at + 8 <= len(head):
        name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if name == b"data":
            return (form if is_pcm else None), at + 8
        if name == b"fmt " and at + 24 <= len(head):
            code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at + 8)
            is_pcm = code in (_PCM, _EXTENSIBLE) and bits == 16 and channels > 0 and rate in _RATES
            form = _Form(rate, channels) if is_pcm else form
        at += 8 + size + size % 2
    return None


def _told_rate(content_type: str) -> int:
    """Of ``audio/pcm;rate=16000``."""
    told = re.search(r";\s*(?:sample[-_]?)?rate\s*=\s*\"?(\d+)", content_type, re.IGNORECASE)
    return int(told[1]) if told and int(told[1]) in _RATES else OUTPUT_RATE
