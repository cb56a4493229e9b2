from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.audio import (
    AudioFileError,
    InputDecoder,
    OutputEncoder,
    pcm16_to_samples,
    read_wav,
    resample,
    samples_to_int16,
    samples_to_pcm16,
    wire_ms,
    write_wav,
)
from frontdesk.voice.g711 import ALAW, MULAW, Law
from frontdesk.voice.resample import Resampler

RATES = [(24_000, 16_000), (8_000, 16_000), (24_000, 8_000), (48_000, 16_000), (16_000, 16_000)]


def tone(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def chunks(data, sizes):
    at = 0
    while at < len(data):
        size = sizes[at % len(sizes)]
        yield data[at : at + size]
        at += size


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@given(st.binary(max_size=400).filter(lambda b: len(b) % 2 == 0))
def test_pcm16_survives_the_way_to_float_and_back(data: bytes) -> None:
    assert samples_to_pcm16(pcm16_to_samples(data)) == data


def test_samples_beyond_full_scale_are_clipped_not_wrapped() -> None:
    assert samples_to_pcm16(np.array([2.0, -2.0], np.float32)) == b"\xff\x7f\x00\x80"


@pytest.mark.parametrize(
    ("law", "code", "value"),
    [
        (MULAW, 0xFF, 0),
        (MULAW, 0x7F, 0),
        (MULAW, 0x00, -32124),
        (MULAW, 0x80, 32124),
        (MULAW, 0xFE, 8),
        (ALAW, 0xD5, 8),
        (ALAW, 0x55, -8),
        (ALAW, 0xAA, 32256),
        (ALAW, 0x2A, -32256),
    ],
)
def test_g711_decodes_the_known_codes(law: Law, code: int, value: int) -> None:
    assert law.decode(bytes([code]))[0] * 32768 == value


@pytest.mark.parametrize(("law", "subtype"), [(MULAW, "ULAW"), (ALAW, "ALAW")])
def test_g711_decodes_every_code_as_libsndfile_does(law: Law, subtype: str, tmp_path: Path) -> None:
    codes = bytes(range(256))
    raw = tmp_path / "codes.raw"
    raw.write_bytes(codes)
    expected, _ = soundfile.read(
        raw, channels=1, samplerate=8000, format="RAW", subtype=subtype, dtype="int16"
    )
    assert np.array_equal(law.decode(codes) * 32768, expected)


@pytest.mark.parametrize("law", [MULAW, ALAW])
def test_g711_encodes_to_the_code_whose_value_is_nearest(law: Law) -> None:
    pcm = np.arange(-32768, 32768, dtype=np.int32)
    values = np.sort(law.decode(bytes(range(256))) * 32768)
    coded = law.decode(law.encode(pcm.astype(np.int16))) * 32768
    step = np.abs(values[None, :] - pcm[::97, None]).min(axis=1)
    assert np.all(np.abs(coded[::97] - pcm[::97]) <= step + np.abs(pcm[::97]) / 32 + 8)
    assert np.all(np.diff(coded) >= 0)


@pytest.mark.parametrize("law", [MULAW, ALAW])
def test_g711_codes_survive_decoding_and_encoding(law: Law) -> None:
    values = law.decode(bytes(range(256)))
    again = law.decode(law.encode((values * 32768).astype(np.int16)))
    assert np.array_equal(again, values)


@pytest.mark.parametrize(("rate_in", "rate_out"), RATES)
def test_resampling_keeps_the_length_and_the_times(rate_in: int, rate_out: int) -> None:
    whole = tone(440, rate_in)
    resampler = Resampler(rate_in, rate_out)
    out = np.concatenate([*(resampler(c) for c in chunks(whole, [160, 31, 7])), resampler.flush()])
    assert len(out) == rate_out
    middle = slice(rate_out // 10, -rate_out // 10)
    assert np.max(np.abs(out[middle] - tone(440, rate_out)[middle])) < 2e-3


@pytest.mark.parametrize(("rate_in", "rate_out"), RATES)
@given(sizes=st.lists(st.integers(1, 500), min_size=1, max_size=8))
def test_resampling_does_not_depend_on_the_chunks(
    rate_in: int, rate_out: int, sizes: list[int]
) -> None:
    noise = np.random.default_rng(1).standard_normal(1500).astype(np.float32)
    one, many = Resampler(rate_in, rate_out), Resampler(rate_in, rate_out)
    expected = np.concatenate([one(noise), one.flush()])
    got = np.concatenate([*(many(c) for c in chunks(noise, sizes)), many.flush()])
    assert np.allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize(("rate_in", "rate_out"), RATES)
def test_seconds_in_one_go_are_resampled_as_in_pieces(rate_in: int, rate_out: int) -> None:
    noise = np.random.default_rng(1).standard_normal(100_000).astype(np.float32)
    one, many = Resampler(rate_in, rate_out), Resampler(rate_in, rate_out)
    expected = np.concatenate([*(many(c) for c in chunks(noise, [4999])), many.flush()])
    assert np.allclose(np.concatenate([one(noise), one.flush()]), expected, atol=1e-5)


@pytest.mark.parametrize(("rate_in", "rate_out"), RATES)
def test_resampling_holds_back_less_than_four_milliseconds(rate_in: int, rate_out: int) -> None:
    resampler = Resampler(rate_in, rate_out)
    given_ms = got_ms = 0.0
    for _ in range(50):
        given_ms += 20
        got_ms += len(resampler(np.zeros(rate_in // 50, np.float32))) * 1000 / rate_out
        assert given_ms - got_ms < 4


def test_a_tone_above_the_new_limit_is_removed_and_one_below_kept() -> None:
    assert level(Resampler(24_000, 8_000)(tone(5_500, 24_000))[200:-200]) < 0.0005
    assert level(Resampler(24_000, 16_000)(tone(10_000, 24_000))[200:-200]) < 0.0005
    assert level(Resampler(24_000, 16_000)(tone(6_500, 24_000))[200:-200]) > 0.34


def test_speech_band_noise_comes_out_as_soxr_makes_it() -> None:
    noise = soxr.resample(np.random.default_rng(2).standard_normal(6_000), 6_000, 24_000)
    noise = noise.astype(np.float32)
    ours = Resampler(24_000, 16_000)
    out = np.concatenate([ours(noise), ours.flush()])
    theirs = resample(noise, 24_000, 16_000)
    middle = slice(500, -500)
    assert level(out[middle] - theirs[middle]) < 0.003 * level(theirs[middle])


@pytest.mark.parametrize("audio_format", ["audio/pcm", "audio/pcmu", "audio/pcma"])
def test_what_is_encoded_decodes_to_the_same_sound(audio_format: str) -> None:
    encoder, decoder = OutputEncoder(audio_format), InputDecoder(audio_format)
    data = encoder.encode(samples_to_int16(tone(440, 24_000))) + encoder.flush()
    assert wire_ms(audio_format, len(data)) == 1000
    heard = np.concatenate([decoder.decode(c) for c in chunks(data, [333, 20, 1])])
    expected = tone(440, 16_000)[: len(heard)]
    assert len(heard) > 15_900
    assert level(heard[800:-800] - expected[800:-800]) < 0.012


def test_a_chunk_may_end_inside_a_sample() -> None:
    data = samples_to_pcm16(tone(300, 24_000, 0.1))
    whole, split = InputDecoder(), InputDecoder()
    expected = whole.decode(data)
    got = np.concatenate([split.decode(data[i : i + 3]) for i in range(0, len(data), 3)])
    assert np.allclose(got, expected, atol=1e-6)


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"audio/opus.*audio/pcmu"):
        InputDecoder("audio/opus")


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_of_any_kind_is_read_as_mono(
    rate: int, subtype: str, channels: int, tmp_path: Path
) -> None:
    path = tmp_path / "in.wav"
    sound = tone(440, rate, 0.5)
    soundfile.write(path, np.stack([sound] * channels, axis=1), rate, subtype=subtype)
    heard = read_wav(path, 16_000)
    assert abs(len(heard) - 8_000) <= 2
    assert heard.dtype == np.float32
    assert level(heard[400:-400] - tone(440, 16_000, 0.5)[400 : len(heard) - 400]) < 0.01


def test_a_file_that_is_no_sound_is_named_with_the_mend(tmp_path: Path) -> None:
    text = tmp_path / "talk.wav"
    text.write_text("hello")
    with pytest.raises(AudioFileError, match=r"talk\.wav.*convert it to WAV"):
        read_wav(text)
    with pytest.raises(AudioFileError, match=r"gone\.wav: no such file"):
        read_wav(tmp_path / "gone.wav")
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0, np.float32), 16_000)
    with pytest.raises(AudioFileError, match="no audio"):
        read_wav(empty)


def test_a_stereo_wav_holds_both_sides_at_full_length(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    write_wav(path, tone(440, 24_000, 0.2), tone(660, 24_000, 0.4), 24_000)
    frames, rate = soundfile.read(path)
    assert frames.shape == (9_600, 2)
    assert rate == 24_000
    assert np.abs(frames[5_000:, 0]).max() == 0
    assert np.abs(frames[5_000:, 1]).max() > 0.4
