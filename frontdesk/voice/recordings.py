"""Sound files of any length as 16 kHz speech, read piece by piece."""

from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]
import soxr  # pyright: ignore[reportMissingTypeStubs]

from frontdesk.voice.audio import AudioFileError
from frontdesk.voice.base import INPUT_RATE, Samples

_RATES = (1000, 768_000)
_BLOCK = 1 << 18
"""Values read at a time, of all channels together: 1 MiB."""
_MEND = "send WAV, FLAC, MP3, or Ogg with Opus or Vorbis"


class Recording:
    """A sound file as :meth:`blocks` of mono samples. Reading blocks: use it from a thread.

    Any sample rate and any number of channels (averaged). Raises
    :class:`~frontdesk.voice.audio.AudioFileError` for what is no sound file, or none we read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = _open(file)
        self.rate: int = self._file.samplerate
        if not _RATES[0] <= self.rate <= _RATES[1]:
            raise AudioFileError(f"a sample rate of {self.rate} Hz is none of speech; {_MEND}")

    def blocks(self) -> Iterator[Samples]:
        """The samples, some seconds at a time."""
        convert = cast("Any", soxr).ResampleStream(self.rate, INPUT_RATE, 1, dtype="float32")
        frames = max(1, _BLOCK // self._file.channels)
        last = False
        while not last:
            block = self._read(frames)
            last = len(block) < frames
            mono = np.nan_to_num(block.mean(axis=1), posinf=1.0, neginf=-1.0)
            yield convert.resample_chunk(np.clip(mono, -1, 1).astype(np.float32), last=last)

    def _read(self, frames: int) -> Samples:
        try:
            return self._file.read(frames, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise AudioFileError(f"the sound file is damaged ({error})") from error

    def close(self) -> None:
        self._file.close()


class _Forward(cast("Any", soundfile).SoundFile):
    """Reads on and on: asked whether it can seek, the library would do so after each block, which
    makes gaps in an MP3, and would need to know how long a FLAC file is."""

    def seekable(self) -> bool:
        return False


def _open(file: BinaryIO) -> Any:
    head = file.read(12)
    file.seek(0)
    if not head:
        raise AudioFileError(f"the file is empty; {_MEND}")
    try:
        return _Forward(file)
    except (soundfile.SoundFileError, TypeError) as error:
        kind = _kind(head)
        raise AudioFileError(f"{kind} cannot be read; {_MEND}") from error


def _kind(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return "MP4 and M4A (AAC)"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "WebM"
    return "this kind of file"
