"""When a turn begins and ends on the wire, by each field of ``turn_detection``, in the time of the
audio."""

import asyncio

import numpy as np

from frontdesk.voice.finished import SHORTEST_MS

WINDOW_MS = 32
SPOKEN_MS = 400


async def turn(phone, detection, words="Where is my order?", *, silence_ms=600):
    """Milliseconds from the first sample of speech back to the start that is told, and from its
    last on to the end."""
    detection = {"create_response": False, **detection}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    await phone.append(np.zeros(24_000, np.float32))
    await phone.settled()
    begun = phone.call._parts.ears.received_ms
    await phone.begin_to_speak(words, SPOKEN_MS)
    for _ in range(silence_ms // WINDOW_MS):
        await phone.fall_silent(WINDOW_MS)
        for _ in range(10):  # the models answer at once: in no time of the audio
            await asyncio.sleep(0)
    started = (await phone.until("input_audio_buffer.speech_started"))[-1]["audio_start_ms"]
    stopped = (await phone.until("input_audio_buffer.speech_stopped"))[-1]["audio_end_ms"]
    return begun - started, stopped - begun - SPOKEN_MS


async def test_server_vad_ends_a_turn_after_its_silence_whatever_was_said(phone):
    for silence_ms in (200, 500, 1500):
        detection = {"type": "server_vad", "silence_duration_ms": silence_ms}
        _, waited = await turn(phone, detection, "my number is", silence_ms=silence_ms + 100)
        assert 0 <= waited - silence_ms <= 2 * WINDOW_MS


async def test_a_turn_begins_so_long_before_the_voice_as_its_padding_says(phone):
    for padding_ms in (0, 300, 800):
        before, _ = await turn(phone, {"type": "server_vad", "prefix_padding_ms": padding_ms})
        assert abs(before - padding_ms) <= WINDOW_MS


async def test_what_is_under_the_threshold_is_no_turn(phone):
    detection = {"type": "server_vad", "threshold": 1.0}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    await phone.begin_to_speak("hello")
    await phone.fall_silent(1000)
    await phone.settled()
    assert "input_audio_buffer.speech_started" not in phone.types


async def test_eagerness_is_how_long_an_unfinished_sentence_is_waited_for(phone):
    for eagerness, open_ms in (("low", 3000), ("medium", 2100), ("auto", 2100), ("high", 1500)):
        detection = {"type": "semantic_vad", "eagerness": eagerness}
        _, waited = await turn(phone, detection, "my number is", silence_ms=open_ms + 100)
        assert abs(waited - open_ms) <= 2 * WINDOW_MS


async def test_a_whole_question_is_over_at_once(phone):
    _, waited = await turn(phone, {"type": "semantic_vad"})
    assert SHORTEST_MS - WINDOW_MS <= waited <= SHORTEST_MS + 2 * WINDOW_MS
