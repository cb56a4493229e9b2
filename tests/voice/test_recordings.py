import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.audio import AudioFileError
from frontdesk.voice.base import INPUT_RATE
from frontdesk.voice.encoding import stream_encoder
from frontdesk.voice.recordings import Recording


def read(data):
    recording = Recording(io.BytesIO(data))
    try:
        return np.concatenate([*recording.blocks()])
    finally:
        recording.close()


def file(samples, rate, **how):
    made = io.BytesIO()
    soundfile.write(made, samples, rate, **how)
    return made.getvalue()


def tone(rate, seconds=1.0, channels=1):
    at = np.arange(int(rate * seconds)) / rate
    mono = 0.3 * np.sin(2 * np.pi * 220 * at)
    return np.stack([mono] * channels, axis=1)


KINDS = {
    "wav 8 kHz": (8000, 1, {"format": "WAV", "subtype": "PCM_16"}),
    "wav stereo float": (48_000, 2, {"format": "WAV", "subtype": "FLOAT"}),
    "wav g711": (8000, 1, {"format": "WAV", "subtype": "ULAW"}),
    "flac 24 bit": (44_100, 2, {"format": "FLAC", "subtype": "PCM_24"}),
    "mp3": (44_100, 2, {"format": "MP3", "subtype": "MPEG_LAYER_III"}),
    "vorbis": (22_050, 1, {"format": "OGG", "subtype": "VORBIS"}),
    "opus": (48_000, 1, {"format": "OGG", "subtype": "OPUS"}),
    "seven channels": (16_000, 7, {"format": "WAV", "subtype": "PCM_16"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_sound_file_becomes_16_khz_mono(kind):
    rate, channels, how = KINDS[kind]
    samples = read(file(tone(rate, 7, channels), rate, **how))
    assert len(samples) == pytest.approx(7 * INPUT_RATE, abs=0.1 * INPUT_RATE)
    spectrum = np.abs(np.fft.rfft(samples[: 6 * INPUT_RATE]))
    assert np.argmax(spectrum) / 6 == pytest.approx(220, abs=1)
    assert np.abs(samples[INPUT_RATE:-INPUT_RATE]).max() == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize("file_format", ["mp3", "wav", "opus", "flac"])
def test_what_the_speech_endpoint_makes_can_be_read_back(file_format, capfd):
    sound = tone(24_000, 20)[:, 0].astype(np.float32)
    encoder = stream_encoder(file_format)
    samples = read(encoder.encode(sound) + encoder.finish())
    assert len(samples) == pytest.approx(20 * INPUT_RATE, abs=0.15 * INPUT_RATE)
    assert np.abs(samples[INPUT_RATE : 19 * INPUT_RATE]).reshape(-1, 160).max(axis=1).min() > 0.2
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "empty"),
        (b"Example data", "cannot be read"),
        (b"\0\0\0\x20ftypM4A " + bytes(64), "M4A"),
        (b"\x1a\x45\xdf\xa3" + bytes(64), "WebM"),
        (b"RIFF\xff\xff\xff\xffWAVE", "cannot be read"),
        (file(tone(500), 500, format="WAV"), "500 Hz"),
    ],
)
def test_what_is_no_sound_file_is_refused_with_the_mend(data, named):
    with pytest.raises(AudioFileError, match=named) as refused:
        read(data)
    assert "send WAV, FLAC, MP3" in str(refused.value)


def test_samples_that_are_no_numbers_are_silence():
    broken = np.array([0.5, np.nan, np.inf, -np.inf] * 4000, np.float32)
    samples = read(file(broken, INPUT_RATE, format="WAV", subtype="FLOAT"))
    assert np.isfinite(samples).all()


@given(st.data())
def test_a_damaged_file_is_read_or_refused_and_never_worse(data):
    kind = data.draw(st.sampled_from(["FLAC", "MP3", "OGG", "WAV"]))
    made = bytearray(file(tone(16_000), 16_000, format=kind))
    for _ in range(data.draw(st.integers(1, 8))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(made)))
    try:
        samples = read(bytes(made[:cut]))
    except AudioFileError:
        return
    assert np.isfinite(samples).all()
