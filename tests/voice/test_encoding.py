import io
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from frontdesk.voice.audio import pcm16_to_samples
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.encoding import stream_encoder

TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * OUTPUT_RATE) / OUTPUT_RATE)).astype(np.float32)
CHUNK = OUTPUT_RATE // 5


def encoded(file_format, samples=TONE):
    encoder = stream_encoder(file_format)
    parts = [encoder.encode(samples[at : at + CHUNK]) for at in range(0, len(samples), CHUNK)]
    return [*parts, encoder.finish()]


def pitch(samples, rate):
    spectrum = np.abs(np.fft.rfft(samples))
    return np.argmax(spectrum) * rate / len(samples)


@pytest.mark.parametrize("file_format", ["mp3", "opus", "flac", "wav"])
def test_a_file_sounds_as_what_was_encoded(file_format):
    data = b"".join(encoded(file_format))
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == OUTPUT_RATE
    assert len(samples) == pytest.approx(len(TONE), abs=0.15 * rate)
    assert pitch(samples, rate) == pytest.approx(440, abs=2)
    assert np.abs(samples[rate : 2 * rate]).max() == pytest.approx(0.3, abs=0.03)


def test_pcm_is_the_bare_samples():
    samples = pcm16_to_samples(b"".join(encoded("pcm")))
    assert np.allclose(samples, TONE, atol=1 / 32768)


@pytest.mark.parametrize("file_format", ["mp3", "opus", "wav", "pcm"])
def test_what_was_sent_can_be_played_before_the_end(file_format):
    begun = b"".join(encoded(file_format)[:-3])
    if file_format == "pcm":
        samples = pcm16_to_samples(begun)
    else:
        blocks = soundfile.blocks(io.BytesIO(begun), blocksize=CHUNK, dtype="float32")
        samples = np.concatenate([*blocks])
    assert len(samples) > OUTPUT_RATE


def test_flac_is_sent_whole_as_its_readers_want_to_know_the_length():
    parts = encoded("flac")
    assert not any(parts[:-1])
    assert soundfile.info(io.BytesIO(parts[-1])).frames == len(TONE)


def test_an_mp3_plays_without_gaps_between_what_was_encoded_apart():
    samples, rate = soundfile.read(io.BytesIO(b"".join(encoded("mp3"))), dtype="float32")
    blocks = np.abs(samples[rate // 2 : 2 * rate]).reshape(-1, rate // 100).max(axis=1)
    assert blocks.min() > 0.25
    assert max(abs(a - b) for a, b in pairwise(blocks)) < 0.05
