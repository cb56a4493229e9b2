"""The streaming transcriber against a server that speaks OpenAI's Realtime API, on real sockets."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from frontdesk.desk.voice import SpeechToTextChoice, TurnDetection
from frontdesk.voice.base import SpeechError, Transcript
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.instant.speech import InstantSpeech
from frontdesk.voice.instant.turns import AlwaysFinished
from frontdesk.voice.listener import Listener, SpeechStopped
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.openai.live_transcription import LiveTranscriber, create
from tests.providers import SpeechPeer, speech_peer


@pytest.fixture
async def peer() -> AsyncIterator[SpeechPeer]:
    async with speech_peer() as peer:
        yield peer


@pytest.fixture
async def stt(peer: SpeechPeer) -> AsyncIterator[LiveTranscriber]:
    choice = {"provider": "openai-compatible", "base_url": peer.url, "stream": True}
    model: Any = create(SpeechToTextChoice.model_validate({**choice, "model": "gpt-4o-transcribe"}))
    yield model
    await model.aclose()


def seconds(count: float) -> np.ndarray:
    return np.zeros(round(16_000 * count), np.float32)


async def turn(stt: LiveTranscriber, **asked: Any) -> Transcript:
    stream = stt.stream(**asked)
    for _ in range(10):
        stream.push(seconds(0.1))
    try:
        return await stream.transcript()
    finally:
        await stream.aclose()


async def test_sound_is_there_before_its_words_are_asked_for(
    peer: SpeechPeer, stt: LiveTranscriber
) -> None:
    stream = stt.stream(language="ko", prompt="lamps", logprobs=True)
    for _ in range(20):
        stream.push(seconds(0.05))
    while peer.appended < 0.9:
        await peer.came.wait()
        peer.came.clear()
    peer.lines.append(" 안녕하세요 ")
    heard = await stream.transcript()
    await stream.aclose()
    assert (heard.text, heard.seconds, heard.language, heard.failed) == (
        "안녕하세요",
        1.0,
        "ko",
        (),
    )
    assert peer.heard == [pytest.approx(1.0)]
    assert heard.logprobs is not None
    assert heard.usage is not None and heard.usage["total_tokens"] == 12
    (session,) = peer.sessions
    assert session["type"] == "transcription"
    assert session["include"] == ["item.input_audio_transcription.logprobs"]
    assert session["audio"]["input"]["turn_detection"] is None
    assert session["audio"]["input"]["transcription"] == {
        "model": "gpt-4o-transcribe",
        "language": "ko",
        "prompt": "lamps",
    }


async def test_a_turn_that_goes_on_after_a_guess_is_all_its_pieces(
    peer: SpeechPeer, stt: LiveTranscriber
) -> None:
    peer.lines = deque(["I want to order", "two lamps."])
    stream = stt.stream()
    stream.push(seconds(1))
    guess = asyncio.create_task(stream.transcript())
    await asyncio.sleep(0)
    guess.cancel()  # as when the caller goes on
    stream.push(seconds(2))
    assert (await stream.transcript()).text == "I want to order two lamps."
    stream.push(seconds(0.05))
    assert (await stream.transcript()).text == "I want to order two lamps."
    await stream.aclose()
    assert peer.heard == [pytest.approx(1.0), pytest.approx(2.0)]
    assert peer.asked == []


async def test_turns_share_a_socket_and_each_has_its_own_session(
    peer: SpeechPeer, stt: LiveTranscriber
) -> None:
    peer.lines = deque(["one", "two", "three"])
    said = [(await turn(stt, language=code)).text for code in ("en", "en", "de")]
    assert said == ["one", "two", "three"]
    assert peer.sockets == 1
    languages = [s["audio"]["input"]["transcription"]["language"] for s in peer.sessions]
    assert languages == ["en", "de"]


async def test_a_turn_whose_words_nobody_wants_leaves_nothing_to_the_next(
    peer: SpeechPeer, stt: LiveTranscriber
) -> None:
    stream = stt.stream()
    stream.push(seconds(5))
    await stream.aclose()
    peer.lines.append("only this")
    assert (await turn(stt)).text == "only this"
    assert (peer.heard, peer.sockets) == ([pytest.approx(1.0)], 1)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("refuse", "HTTP 403"),
        ("drop", "1011"),
        ("silent", "said nothing for 0.2 s"),
        ("error", "no such model"),
        ("failed", "it was too loud"),
    ],
)
async def test_what_the_socket_does_not_understand_is_uploaded_whole(
    peer: SpeechPeer, stt: LiveTranscriber, fault: str, why: str
) -> None:
    peer.fault = fault
    stt.patience = 0.2 if fault == "silent" else 10
    peer.lines = deque(["saved", "again", "well"])
    heard = await turn(stt)
    assert (heard.text, heard.model) == ("saved", "127.0.0.1: gpt-4o-transcribe")
    (attempt,) = heard.failed
    assert attempt.model == "127.0.0.1: gpt-4o-transcribe"
    assert why in attempt.error
    assert [asked["seconds"] for asked in peer.asked] == [1.0]
    peer.fault = ""
    before = peer.sockets
    assert (await turn(stt)).text == "again"  # too soon for another socket
    assert (len(peer.asked), peer.sockets) == (2, before)
    stt.sockets._not_before = 0.0  # as after a while
    assert (await turn(stt)).failed == ()
    assert (len(peer.asked), peer.sockets) == (2, before + 1)


async def test_when_the_upload_fails_too_the_turn_has_no_words(
    peer: SpeechPeer, stt: LiveTranscriber
) -> None:
    peer.fault = "refuse"
    stream = stt.stream()
    stream.push(seconds(1))
    peer.lines.clear()
    peer.fault = "upload"
    with pytest.raises(SpeechError, match="HTTP 503: out of order"):
        await asyncio.wait_for(stream.transcript(), 30)
    await stream.aclose()


async def test_it_is_warm_when_a_socket_is_open(peer: SpeechPeer, stt: LiveTranscriber) -> None:
    await stt.warm_up()
    assert (peer.knocks, peer.sockets, len(peer.sessions)) == (1, 1, 1)
    peer.lines.append("at once")
    await turn(stt)
    assert peer.sockets == 1


@pytest.mark.parametrize(
    ("model", "stream", "live", "rest"),
    [
        ("gpt-realtime-whisper", None, True, "gpt-transcribe"),
        ("gpt-transcribe", None, False, "gpt-transcribe"),
        ("gpt-transcribe", True, True, "gpt-transcribe"),
        ("gpt-live-transcribe", False, False, "gpt-transcribe"),
    ],
)
async def test_which_models_stream_by_themselves(
    model: str, stream: bool | None, live: bool, rest: str
) -> None:
    choice = SpeechToTextChoice(
        provider="openai-compatible", base_url="http://127.0.0.1:1/v1", model=model, stream=stream
    )
    made = create(choice)
    assert isinstance(made, LiveTranscriber) is live
    uploads: Any = made.rest if isinstance(made, LiveTranscriber) else made
    assert uploads.model == rest
    await made.aclose()


async def test_a_call_streams_while_the_caller_speaks(
    peer: SpeechPeer, stt: LiveTranscriber, sound: Any
) -> None:
    models = VoiceModels(stt, InstantSpeech(), EnergyActivity, AlwaysFinished())
    over: asyncio.Future[SpeechStopped] = asyncio.get_running_loop().create_future()

    def hear(event: Any) -> None:
        if isinstance(event, SpeechStopped):
            over.set_result(event)

    ear = Listener(models, TurnDetection(type="server_vad"), hear)
    ear.push(sound("hush 400", "talk 1200"))
    while peer.appended < 1.0:  # the caller still speaks
        await peer.came.wait()
        peer.came.clear()
    assert peer.heard == []
    peer.lines.append("while I spoke")
    ear.push(sound("hush 900"))
    segment = (await asyncio.wait_for(over, 30)).segment
    assert (await segment.transcript).text == "while I spoke"
    assert len(peer.heard) == 1 and segment.speculated
    await ear.aclose()


async def test_our_own_server_may_be_who_transcribes(server: Any) -> None:
    where = {"provider": "openai-compatible", "base_url": f"{server.url}/v1", "stream": True}
    stt: Any = create(SpeechToTextChoice.model_validate({**where, "model": "gpt-4o-transcribe"}))
    await stt.warm_up()
    heard = await turn(stt, language="en", prompt="lamps")
    assert (heard.text, heard.language) == ("one second of speech", "en")
    stream = stt.stream(language="ko")
    stream.push(seconds(1))
    assert (await stream.transcript()).text == "one second of speech"
    stream.push(seconds(2))  # the caller went on
    both = await stream.transcript()
    await stream.aclose()
    given_up = stt.stream(language="ko")
    given_up.push(seconds(5))
    await given_up.aclose()
    others = await asyncio.gather(turn(stt), turn(stt), turn(stt, logprobs=True))
    await stt.aclose()
    assert (both.text, both.seconds) == ("one second of speech two seconds of speech", 3.0)
    assert [each.text for each in others] == ["one second of speech"] * 3
    assert all((each.model, each.failed) == (None, ()) for each in (heard, both, *others))
