"""Audio as it comes and goes: wire formats to samples and back, and sound files."""

from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]
import soxr  # pyright: ignore[reportMissingTypeStubs]

from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples
from frontdesk.voice.g711 import ALAW, MULAW, Pcm
from frontdesk.voice.resample import Resampler

AudioFormat = Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
WIRE_RATE = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
"""Samples a second of each wire format."""
WIRE_BYTES = {"audio/pcm": 2, "audio/pcmu": 1, "audio/pcma": 1}
"""Bytes a sample of each wire format."""
AUDIBLE = 0.01
"""Amplitude (full scale 1) from which a sample counts as heard: 40 dB below full scale."""
_STEP = np.float32(1 / 32768)
_LAWS = {"audio/pcmu": MULAW, "audio/pcma": ALAW}


class AudioFileError(ValueError):
    """A sound file that cannot be read; the message names the file and the mend."""


def pcm16_to_samples(data: bytes) -> Samples:
    """Signed 16-bit little-endian to float; an odd last byte is an error (``ValueError``)."""
    return int16_to_samples(np.frombuffer(data, "<i2"))


def int16_to_samples(pcm: Pcm) -> Samples:
    """16-bit integers to float."""
    samples = pcm.astype(np.float32)
    samples *= _STEP
    return samples


def samples_to_int16(samples: Samples) -> Pcm:
    """Float to 16-bit integers, clipped at full scale; the inverse of :func:`pcm16_to_samples`."""
    scaled = samples * np.float32(32768)
    np.rint(scaled, out=scaled)
    np.minimum(scaled, 32767, out=scaled)
    np.maximum(scaled, -32768, out=scaled)
    return scaled.astype(np.int16)


def samples_to_pcm16(samples: Samples) -> bytes:
    """Float to signed 16-bit little-endian."""
    return samples_to_int16(samples).astype("<i2", copy=False).tobytes()


def first_audible(samples: Samples) -> int | None:
    """Index of the first sample that can be heard; None in silence."""
    loud = np.abs(samples) >= AUDIBLE
    return int(loud.argmax()) if loud.any() else None


def wire_ms(audio_format: str, size: int) -> float:
    """Milliseconds in ``size`` bytes of a wire format."""
    return size * 1000 / (WIRE_BYTES[audio_format] * WIRE_RATE[audio_format])


class InputDecoder:
    """Decodes one call's incoming audio to 16 kHz. Chunks may end inside a sample."""

    def __init__(self, audio_format: str = "audio/pcm") -> None:
        self.format = _known(audio_format)
        self._resample = Resampler(WIRE_RATE[audio_format], INPUT_RATE)
        self._odd = b""

    def decode(self, data: bytes) -> Samples:
        """The next bytes of the stream as samples; about 1 to 3 ms stay in the resampler."""
        if law := _LAWS.get(self.format):
            return self._resample(law.decode(data))
        if self._odd or len(data) & 1:
            data = self._odd + data
            whole = len(data) & ~1
            data, self._odd = data[:whole], data[whole:]
        return self._resample(pcm16_to_samples(data))


class OutputEncoder:
    """Encodes one call's outgoing 24 kHz speech."""

    def __init__(self, audio_format: str = "audio/pcm") -> None:
        self.format = _known(audio_format)
        self._law = _LAWS.get(audio_format)
        self._resample = Resampler(OUTPUT_RATE, WIRE_RATE[audio_format])

    def encode(self, pcm: Pcm) -> bytes:
        """The next samples as bytes; telephone formats keep about 3 ms back until :meth:`flush`."""
        if self._law is None:
            return pcm.astype("<i2", copy=False).tobytes()
        return self._law.encode(samples_to_int16(self._resample(int16_to_samples(pcm))))

    def flush(self) -> bytes:
        """What is left of the utterance. The encoder is then ready for the next."""
        if self._law is None:
            return b""
        return self._law.encode(samples_to_int16(self._resample.flush()))


def _known(audio_format: str) -> AudioFormat:
    if audio_format not in WIRE_RATE:
        raise ValueError(
            f"unknown audio format {audio_format!r}; use one of {', '.join(WIRE_RATE)}"
        )
    return cast("AudioFormat", audio_format)


def resample(samples: Samples, rate_in: int, rate_out: int) -> Samples:
    """A whole recording at another rate."""
    if rate_in == rate_out or not len(samples):
        return samples
    return cast("Any", soxr).resample(samples, rate_in, rate_out).astype(np.float32)


def read_wav(path: Path | str, rate: int = INPUT_RATE) -> Samples:
    """Read a sound file as mono samples at ``rate``.

    Any sample rate, any number of channels (averaged), 8, 16, 24, 32 bit and float; WAV, FLAC,
    OGG and MP3. Raises :class:`AudioFileError`.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioFileError(f"{path}: no such file; give the path of a sound file (WAV, 16 bit)")
    try:
        frames, found = cast("Any", soundfile).read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioFileError(
            f"{path}: no sound file that can be read ({error}); convert it to WAV, 16 bit"
        ) from error
    if not len(frames):
        raise AudioFileError(f"{path}: the file holds no audio; record it again")
    mono = np.nan_to_num(frames.mean(axis=1), posinf=1.0, neginf=-1.0)
    return resample(np.clip(mono, -1, 1).astype(np.float32), found, rate)


def write_wav(path: Path | str, left: Samples, right: Samples, rate: int) -> None:
    """Write a stereo WAV, 16 bit; the shorter side is filled up with silence. Raises
    :class:`AudioFileError`."""
    frames = np.zeros((max(len(left), len(right)), 2), np.float32)
    frames[: len(left), 0] = left
    frames[: len(right), 1] = right
    try:
        with Path(path).open("wb") as file:  # libsndfile would not say why it cannot
            samples = samples_to_int16(frames)
            cast("Any", soundfile).write(file, samples, rate, format="WAV", subtype="PCM_16")
    except (soundfile.SoundFileError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AudioFileError(f"{path}: the recording cannot be written: {reason}") from error
