"""The embedded models themselves, from their wheels."""

import asyncio
import hashlib
import importlib.util
import re
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from frontdesk.desk.voice import SpeechToTextChoice, TextToSpeechChoice, Voice
from frontdesk.voice.audio import read_wav, resample
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples
from frontdesk.voice.embedded import hibari, moonshine, silero, smart_turn
from frontdesk.voice.embedded.logmel import log_mel
from frontdesk.voice.embedded.weights import find
from frontdesk.voice.listener import Listener
from frontdesk.voice.models import build_voice
from frontdesk.voice.segment import ListenerEvent, SpeechStarted, SpeechStopped
from frontdesk.voice.speaker import Speaker
from tests.pitch import pitch

pytestmark = pytest.mark.embedded

SENTENCES = [
    "Hello there, I would like to know where my order is.",
    "My parcel has not arrived yet.",
    "What is your return policy?",
    "Please cancel it and send me the refund.",
    "Can you tell me when the shop opens on Monday?",
]


@pytest.fixture(scope="module")
def mouth() -> hibari.HibariSpeech:
    return hibari.create(TextToSpeechChoice())


@pytest.fixture(scope="module")
def ear() -> moonshine.MoonshineTranscriber:
    return moonshine.create(SpeechToTextChoice())


async def say(mouth: hibari.HibariSpeech, text: str) -> Samples:
    """``text`` as the caller would send it: 16 kHz, without the model's padding."""

    async def once():
        yield text

    chunks = [chunk.audio async for chunk in Speaker(mouth).speak(once())]
    return resample(np.concatenate(chunks), OUTPUT_RATE, INPUT_RATE)


def hush(ms: int) -> Samples:
    noise = np.random.default_rng(5).normal(0, 0.0005, INPUT_RATE * ms // 1000)
    return noise.astype(np.float32)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def errors(said: str, heard: str) -> int:
    """Words that differ, by the longest common runs."""
    one, other = words(said), words(heard)
    runs = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return max(len(one), len(other)) - sum(run.size for run in runs)


async def test_what_one_model_says_the_other_hears(mouth, ear) -> None:
    wrong = total = 0
    for sentence in SENTENCES:
        stream = ear.stream()
        stream.push(np.concatenate((hush(200), await say(mouth, sentence), hush(100))))
        heard = await stream.transcript()
        wrong += errors(sentence, heard.text)
        total += len(words(sentence))
    assert wrong / total < 0.08


async def test_a_reply_of_many_clauses_loses_no_word_and_doubles_none(mouth, ear) -> None:
    reply = (
        "Let me see, the lamp left our warehouse this morning and it comes on Thursday. "
        "Here is what it has:\n- It is made of steel.\n- It costs **$49**.\nShall I send it?"
    )
    stream = ear.stream()
    stream.push(np.concatenate((hush(200), await say(mouth, reply), hush(100))))
    said = reply.replace("**$49**", "forty nine dollars")
    assert errors(said, (await stream.transcript()).text.replace("$49", "forty nine dollars")) <= 2


async def test_speech_longer_than_the_model_takes_is_heard_in_parts(mouth, ear) -> None:
    spoken = [await say(mouth, sentence) for sentence in SENTENCES * 2]
    stream = ear.stream()
    for part in spoken:
        stream.push(np.concatenate((part, hush(250))))
    heard = await stream.transcript()
    assert heard.seconds > 24
    said = " ".join(SENTENCES * 2)
    assert errors(said, heard.text) / len(words(said)) < 0.1


async def test_words_are_those_of_the_whole_however_the_speech_came(mouth, ear) -> None:
    speech = np.concatenate([await say(mouth, sentence) for sentence in SENTENCES[:3]])
    at_once, by_and_by = ear.stream(), ear.stream()
    at_once.push(speech)
    looks = 0
    for at in range(0, len(speech), INPUT_RATE // 5):
        by_and_by.push(speech[at : at + INPUT_RATE // 5])
        if under_way := asyncio.all_tasks() - {asyncio.current_task()}:
            looks += 1
            await asyncio.wait(under_way)
    assert looks
    assert (await by_and_by.transcript()).text == (await at_once.transcript()).text


async def test_a_transcript_is_told_while_a_look_ahead_is_under_way(mouth, ear) -> None:
    speech = await say(mouth, SENTENCES[0])
    stream, other = ear.stream(), ear.stream()
    stream.push(speech[:-1600])
    await asyncio.sleep(0)
    assert not ear.idle
    stream.push(speech[-1600:])
    other.push(speech)
    assert (await stream.transcript()).text == (await other.transcript()).text


async def test_each_token_comes_with_its_probability_if_asked(mouth, ear) -> None:
    speech = await say(mouth, SENTENCES[2])
    sure, plain = ear.stream(logprobs=True), ear.stream()
    sure.push(speech)
    plain.push(speech)
    heard, other = await sure.transcript(), await plain.transcript()
    assert heard.logprobs is not None
    assert "".join(token["token"] for token in heard.logprobs).strip() == heard.text
    assert all(token["logprob"] <= 0 for token in heard.logprobs)
    assert heard.confidence is not None
    assert 0.5 < heard.confidence <= 1
    assert (other.text, other.logprobs) == (heard.text, None)


async def test_noise_is_heard_with_less_confidence_than_words(mouth, ear) -> None:
    noise = np.random.default_rng(2).normal(0, 0.05, INPUT_RATE).astype(np.float32)
    hiss, speech = ear.stream(), ear.stream()
    hiss.push(noise)
    speech.push(await say(mouth, SENTENCES[1]))
    unsure = (await hiss.transcript()).confidence
    confident = (await speech.transcript()).confidence
    assert unsure is not None
    assert confident is not None
    assert unsure < confident


async def test_a_moment_too_short_for_words_is_empty_text(ear) -> None:
    stream = ear.stream()
    assert (await stream.transcript()).text == ""
    stream.push(hush(50))
    assert (await stream.transcript()).text == ""


def fraction_of_speech(samples: Samples) -> float:
    make = silero.load()
    assert make is not None
    activity = make()
    size = activity.window
    windows = [samples[i : i + size] for i in range(0, len(samples) - size, size)]
    return float(np.mean([activity(window) > 0.5 for window in windows]))


async def test_speech_is_seen_and_silence_and_noise_are_not(mouth) -> None:
    assert fraction_of_speech(await say(mouth, SENTENCES[0])) > 0.75
    assert fraction_of_speech(np.zeros(INPUT_RATE * 2, np.float32)) == 0
    noise = np.random.default_rng(1).normal(0, 0.05, INPUT_RATE * 3).astype(np.float32)
    assert fraction_of_speech(noise) < 0.02


async def test_the_state_of_one_call_is_not_that_of_another(mouth) -> None:
    speech = await say(mouth, SENTENCES[1])
    make = silero.load()
    assert make is not None
    alone, mixed, other = make(), make(), make()
    expected, got = [], []
    for i in range(0, len(speech) - 512, 512):
        expected.append(alone(speech[i : i + 512]))
        got.append(mixed(speech[i : i + 512]))
        other(hush(32))
    assert got == expected
    mixed.reset()
    assert mixed(speech[:512]) == pytest.approx(expected[0])


async def test_finished_sentences_are_judged_finished_and_broken_ones_less_so(mouth) -> None:
    model = smart_turn.load()
    assert model is not None
    spoken = [await say(mouth, sentence) for sentence in SENTENCES]
    whole = [await model.probability(speech) for speech in spoken]
    broken = [
        await model.probability(np.concatenate((speech[: len(speech) // 2], hush(150))))
        for speech in spoken
    ]
    assert sum(p > 0.5 for p in whole) >= 4
    assert np.mean(broken) < np.mean(whole) - 0.2
    assert 0 <= await model.probability(np.zeros(0, np.float32)) <= 1


def test_our_features_are_those_the_model_was_trained_on() -> None:
    path = find("turn/smart_turn/_whisper_features.py")
    assert path is not None
    spec = importlib.util.spec_from_file_location("their_features", path)
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    noise = np.random.default_rng(4).normal(0, 0.1, 128_000).astype(np.float32)
    noise[:64_000] = 0
    expected = theirs.compute_whisper_log_mel_features(noise, do_normalize=True)
    assert np.abs(log_mel(noise) - expected).max() < 2e-3


async def test_calls_heard_together_hear_what_each_would_alone(mouth) -> None:
    make = silero.load()
    assert make is not None
    speech = await say(mouth, SENTENCES[0])
    streams = [np.roll(speech, 777 * n)[: 20 * 512].reshape(20, 512) for n in range(5)]
    alone = [[activity(window) for window in stream] for stream in streams for activity in [make()]]
    activities = [make() for _ in streams]
    together = [
        await asyncio.gather(*(a.soon(s[n]) for a, s in zip(activities, streams, strict=True)))
        for n in range(20)
    ]
    assert np.allclose(np.transpose(together), alone, atol=1e-4)


async def test_a_window_given_up_does_not_disturb_the_others() -> None:
    make = silero.load()
    assert make is not None
    one, other = make(), make()
    dropped, kept = one.soon(hush(32)), other.soon(hush(32))
    dropped.cancel()
    assert await kept < 0.1
    assert await one.soon(hush(32)) < 0.1


async def answered(listener: Listener) -> None:
    """Real time would be 20 ms; the models' answers only need to come before more audio does."""
    if listener._awaited is not None:
        await asyncio.wait({listener._awaited})
        await asyncio.sleep(0)
    await asyncio.gather(*listener._tasks._running, return_exceptions=True)


async def test_a_pause_in_an_open_sentence_does_not_end_the_turn(
    mouth,
) -> None:
    models = build_voice(Voice(), "embedded")
    await models.warm_up()
    first, rest = await say(mouth, "I would like to"), await say(mouth, "return two of the shirts.")
    first = first[: np.flatnonzero(np.abs(first) > 0.02)[-1]]
    heard = np.concatenate((hush(600), first, hush(700), rest, hush(6000)))
    events: list[ListenerEvent] = []
    listener = Listener(models, {"type": "semantic_vad"}, events.append)
    for at in range(0, len(heard), 320):
        listener.push(heard[at : at + 320])
        await answered(listener)
        if events and isinstance(events[-1], SpeechStopped):
            break
    started, *_, stopped = events
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert not any(isinstance(event, SpeechStarted | SpeechStopped) for event in events[1:-1])
    text = (await stopped.segment.transcript).text
    assert errors("I would like to return two of the shirts", text) <= 1
    await listener.aclose()


async def test_silence_and_noise_are_no_turn() -> None:
    models = build_voice(Voice(), "embedded")
    events: list[ListenerEvent] = []
    listener = Listener(models, {"type": "semantic_vad"}, events.append)
    noise = np.random.default_rng(2).normal(0, 0.03, INPUT_RATE * 4).astype(np.float32)
    for at in range(0, len(noise), 320):
        listener.push(noise[at : at + 320])
        await answered(listener)
    assert events == []
    await listener.aclose()


async def test_a_voice_that_is_not_here_is_the_default_voice_and_nothing_is_fetched(
    mouth, caplog: pytest.LogCaptureFixture
) -> None:
    chunks = [c async for c in mouth.synthesize("Yes.", voice="marin")]
    chunks += [c async for c in mouth.synthesize("No.", voice="emma")]
    assert sum(map(len, chunks)) > OUTPUT_RATE
    assert "marin is not on this machine" in caplog.text


async def test_faster_speech_is_shorter(mouth) -> None:
    async def length(speed: float) -> int:
        chunks = [len(c) async for c in mouth.synthesize(SENTENCES[0], speed=speed)]
        return sum(chunks)

    assert await length(1.4) < 0.85 * await length(1.0)


async def test_a_real_recording_is_heard(ear) -> None:
    spec = importlib.util.find_spec("moonshine_voice")
    assert spec is not None
    assert spec.origin is not None
    recording = Path(spec.origin).parent / "assets" / "two_cities.wav"
    stream = ear.stream()
    stream.push(read_wav(recording)[: 14 * INPUT_RATE])
    heard = (await stream.transcript()).text.lower()
    for phrase in ("it was the best of times", "age of wisdom"):
        assert phrase in heard


def test_the_weights_are_those_that_the_page_on_models_lists() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    listed = re.findall(r"\| `([\w./-]+)` \| `([0-9a-f]{64})` \|", page)
    assert len(listed) == 7
    for name, digest in listed:
        package, _, inside = name.partition("/")
        spec = importlib.util.find_spec(package)
        assert spec is not None
        (folder,) = spec.submodule_search_locations or ()
        assert hashlib.sha256((Path(folder) / inside).read_bytes()).hexdigest() == digest


async def test_a_voice_can_be_had_lower_and_higher_as_long_and_as_clear(mouth, ear) -> None:
    lengths: list[int] = []
    heights: list[float] = []
    for voice in ("heart-low", "heart", "heart-high"):
        sound = np.concatenate([c async for c in mouth.synthesize(SENTENCES[0], voice=voice)])
        stream = ear.stream()
        stream.push(resample(sound, OUTPUT_RATE, INPUT_RATE))
        assert errors(SENTENCES[0], (await stream.transcript()).text) <= 1
        heights.append(pitch(sound))
        lengths.append(len(sound))
    assert heights[0] < 0.93 * heights[1] < 0.93 * 0.93 * heights[2]
    assert max(lengths) < 1.2 * min(lengths)
