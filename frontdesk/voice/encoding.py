"""Speech as a sound file that grows: what is encoded can be played before the rest is made."""

import io
import struct
from typing import Any, Literal, Protocol, cast

import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]

from frontdesk.voice.audio import samples_to_int16, samples_to_pcm16
from frontdesk.voice.base import OUTPUT_RATE, Samples

FileFormat = Literal["mp3", "opus", "flac", "wav", "pcm"]
_MP3 = {
    "format": "MP3",
    "subtype": "MPEG_LAYER_III",
    "bitrate_mode": "CONSTANT",
    "compression_level": 0.6,
}
"""64 kbit/s. Constant, so that players tell the length of a file that does not say it."""
_UNKNOWN = 0xFFFF_FFFF
"""A size in a WAV header that says: until the end."""


class StreamEncoder(Protocol):
    """Encodes one utterance of 24 kHz speech, mono."""

    def encode(self, samples: Samples) -> bytes:
        """The next samples; what is ready of the file, which may be nothing."""
        ...

    def finish(self) -> bytes:
        """The rest of the file."""
        ...


def stream_encoder(file_format: FileFormat) -> StreamEncoder:
    """An encoder for one utterance: ``pcm`` is 16 bit, little-endian, without a header; ``opus``
    comes in Ogg; lossless formats have 16 bits.

    FLAC is ready only at the end: common readers fail at one that does not say how long it is."""
    if file_format == "mp3":
        return _Compressed(_OneWay(), _MP3)
    if file_format == "opus":
        return _Compressed(_OneWay(), {"format": "OGG", "subtype": "OPUS"})
    if file_format == "flac":
        return _Compressed(_Whole(), {"format": "FLAC", "subtype": "PCM_16"})
    return _Plain(_wav_header() if file_format == "wav" else b"")


class _Plain:
    def __init__(self, header: bytes) -> None:
        self._header = header

    def encode(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + samples_to_pcm16(samples)

    def finish(self) -> bytes:
        return self.encode(np.zeros(0, np.float32))


class _Compressed:
    def __init__(self, written: "_OneWay | _Whole", options: dict[str, Any]) -> None:
        self._written = written
        self._file = cast("Any", soundfile).SoundFile(
            written, "w", OUTPUT_RATE, channels=1, **options
        )

    def encode(self, samples: Samples) -> bytes:
        self._file.write(samples_to_int16(samples))
        return self._written.take()

    def finish(self) -> bytes:
        self._file.close()
        return self._written.take(closed=True)


class _OneWay(io.RawIOBase):
    """A file for libsndfile that is sent while it is written.

    At the end of an MP3, libsndfile goes back to write lengths into the first frame, which is
    long gone; it plays without them."""

    def __init__(self) -> None:
        self._ready = bytearray()
        self._at = self._end = 0

    def take(self, *, closed: bool = False) -> bytes:
        taken = bytes(self._ready)
        self._ready.clear()
        return taken

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._ready += data[max(0, self._end - self._at) :]
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at


class _Whole(io.BytesIO):
    def take(self, *, closed: bool = False) -> bytes:
        return self.getvalue() if closed else b""


def _wav_header() -> bytes:
    rate, width = OUTPUT_RATE, 2
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * width, width, 8 * width)
    size = struct.pack("<I", _UNKNOWN)
    head = b"RIFF" + size + b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form
    return head + b"data" + size
