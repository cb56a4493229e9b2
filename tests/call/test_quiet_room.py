"""What a call makes of noise, and of the agent's own voice that comes back from a loudspeaker."""

import numpy as np
import pybase64
import pytest
from agents.testing import assistant_message

from frontdesk.voice import noise

DETECTION = {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}


def babble(seconds, rate, seed=1):
    """Like speech: syllables, each with a spectrum of its own."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(int(seconds * 8)):
        size = rate // 8
        levels = 10 ** (rng.uniform(-35, 0, 9) / 20)
        at = np.linspace(0, 4000, 9)
        shape = np.interp(np.fft.rfftfreq(size, 1 / rate), at, levels, right=0)
        parts.append(np.fft.irfft(np.fft.rfft(rng.normal(0, 1, size)) * shape, size))
    sound = np.concatenate(parts)
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


async def answered_aloud(house, phone):
    """The agent speaks for six seconds; the sound that was sent."""

    async def synthesize(text, **how):
        yield babble(6, 24_000)

    house.tts.synthesize = synthesize
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    deltas = phone.of("response.output_audio.delta")
    sent = b"".join(pybase64.b64decode(delta["delta"]) for delta in deltas)
    return np.frombuffer(sent, "<i2").astype(np.float32) / 32768


async def hears_back(phone, sent, extra=None):
    """The microphone picks the agent up from the loudspeaker, a fifth of a second late."""
    late = np.concatenate((np.zeros(4800, np.float32), 0.3 * sent))
    heard = late if extra is None else late + np.resize(extra, len(late))
    for at in range(0, len(heard), 480):
        await phone.append(heard[at : at + 480])
    await phone.settled()


@pytest.mark.parametrize(("guard", "starts"), [("on", 0), ("off", 1)])
async def test_the_agents_voice_from_a_loudspeaker_is_no_turn_of_the_caller(
    build_house, guard, starts
):
    house = await build_house(voice={"echo_guard": guard})
    phone = await house.place(defaults=DETECTION)
    sent = await answered_aloud(house, phone)
    house.stt.lines.append("good day")
    await hears_back(phone, sent[:48_000])
    assert len(phone.of("input_audio_buffer.speech_started")) == starts
    if starts:
        await phone.send("input_audio_buffer.clear")


async def test_a_caller_who_speaks_over_the_loudspeaker_is_heard_and_kept_as_it_came(build_house):
    house = await build_house(voice={"echo_guard": "on"})
    phone = await house.place(defaults=DETECTION)
    sent = await answered_aloud(house, phone)
    await hears_back(phone, sent[:48_000])
    assert not phone.of("input_audio_buffer.speech_started")
    house.stt.lines.append("wait a moment")
    house.script([assistant_message("Yes?")])
    caller = 2 * babble(1, 24_000, seed=2)
    await phone.append(caller)
    await phone.fall_silent(900)
    await phone.until("input_audio_buffer.committed")
    await phone.until("response.done")


@pytest.mark.skipif(noise.available(), reason="the extra noise is installed")
async def test_where_noise_cannot_be_reduced_the_session_says_so(phone):
    wanted = {"noise_reduction": {"type": "far_field"}}
    shown = await phone.configure(audio={"input": wanted})
    assert shown["audio"]["input"]["noise_reduction"] is None


@pytest.mark.skipif(not noise.available(), reason="the extra noise is not installed")
async def test_noise_is_taken_out_from_the_next_sound_on_and_null_stops_that(phone):
    for wanted, told in (
        ({"type": "far_field"}, {"type": "far_field", "strength": 1.0}),
        ({"strength": 0.5}, {"type": "far_field", "strength": 0.5}),
        (None, None),
        ({"strength": 0.0}, {"type": "near_field", "strength": 0.0}),
    ):
        shown = await phone.configure(audio={"input": {"noise_reduction": wanted}})
        assert shown["audio"]["input"]["noise_reduction"] == told
        cleaning = phone.call._parts.ears._cleaning
        assert (cleaning is not None) == bool(told and told["strength"])
        await phone.fall_silent(50)
    assert phone.call._parts.ears.received_ms == pytest.approx(200, abs=4)


@pytest.mark.skipif(not noise.available(), reason="the extra noise is not installed")
async def test_the_recording_keeps_the_noise_that_the_listener_is_spared(build_house):
    house = await build_house(voice={"noise_reduction": {"type": "near_field"}})
    detection = {"turn_detection": None, "noise_reduction": {"type": "near_field"}}
    phone = await house.place(defaults={"audio": {"input": detection}})
    hiss = np.random.default_rng(1).normal(0, 0.02, 3 * 24_000).astype(np.float32)
    await phone.append(hiss)
    house.stt.lines.append("hello")
    taken = []
    keep = phone.call._parts.hearing.committed
    phone.call._parts.hearing.committed = lambda item, segment: (
        taken.append(segment),
        keep(item, segment),
    )
    await phone.send("input_audio_buffer.commit")
    await phone.until("input_audio_buffer.committed")
    await phone.settled()
    [segment] = taken
    heard, kept = (np.sqrt(np.mean(s[32_000:] ** 2)) for s in (segment.audio, segment.recorded))
    assert heard < 0.5 * kept
    assert len(segment.recorded) == len(segment.audio)
