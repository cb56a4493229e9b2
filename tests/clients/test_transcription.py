"""Sessions that only listen, with the Agents SDK's speech to text and the stock client."""

import asyncio
import base64
from typing import Any

import numpy as np
import pytest
from agents.voice import OpenAIVoiceModelProvider, StreamedAudioInput, STTModelSettings
from openai import AsyncOpenAI

SPEECH = 0.3 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
SILENCE = np.zeros(24_000)
COMPLETED = "conversation.item.input_audio_transcription.completed"


def pcm(samples: np.ndarray) -> np.ndarray:
    return (samples * 32767).astype("<i2")


def encoded(samples: np.ndarray) -> str:
    return base64.b64encode(pcm(samples).tobytes()).decode()


async def turns(server, spoken: list[np.ndarray], **settings: Any) -> list[str]:
    """What the SDK's speech to text makes of some audio, turn by turn."""
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    model = OpenAIVoiceModelProvider(openai_client=client).get_stt_model("gpt-4o-transcribe")
    audio = StreamedAudioInput()
    async with asyncio.timeout(40):
        session = await model.create_session(
            audio,
            STTModelSettings(**settings),
            trace_include_sensitive_data=False,
            trace_include_sensitive_audio_data=False,
        )
        for piece in spoken:
            for begin in range(0, len(piece), 2400):
                await audio.add_audio(pcm(piece[begin : begin + 2400]))
        await audio.add_audio(None)
        heard = [words async for words in session.transcribe_turns()]
        await session.close()
    await client.close()
    return heard


async def test_the_agents_sdk_has_its_turns_transcribed(server):
    heard = await turns(server, [SPEECH, SILENCE, SPEECH, SPEECH, SILENCE])
    assert heard[:2] == ["one second of speech", "two seconds of speech"]


async def test_the_agents_sdk_gets_what_was_said_last_without_a_pause(server):
    detection = {"type": "server_vad"}
    heard = await turns(server, [SPEECH, SILENCE, SPEECH, SPEECH], turn_detection=detection)
    assert heard[-1] == "two seconds of speech"
    assert len(heard) == 2


@pytest.fixture
async def listening(server):
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    query: Any = {"intent": "transcription"}
    async with client.realtime.connect(extra_query=query) as connection, asyncio.timeout(40):
        yield connection
    await client.close()


async def until(connection, kind: str) -> list[Any]:
    events: list[Any] = []
    while not events or events[-1].type != kind:
        events.append(await connection.recv())
    return events


async def test_a_transcription_session_listens_from_the_start(listening):
    [created] = await until(listening, "session.created")
    session = created.session
    assert (session.type, session.object) == ("transcription", "realtime.transcription_session")
    assert session.audio.input.transcription.model == "instant: length of the audio"
    assert session.expires_at > 0
    assert not hasattr(session, "model")
    assert not hasattr(session.audio, "output")


async def test_speech_becomes_words_and_nobody_answers(listening):
    await listening.input_audio_buffer.append(audio=encoded(SPEECH))
    await listening.input_audio_buffer.append(audio=encoded(SILENCE))
    events = await until(listening, COMPLETED)
    kinds = [event.type for event in events]
    for kind in ("speech_started", "speech_stopped", "committed"):
        assert f"input_audio_buffer.{kind}" in kinds
    assert events[-1].transcript == "one second of speech"
    assert events[-1].usage.seconds > 1
    deltas = [e.delta for e in events if e.type.endswith("transcription.delta")]
    assert "".join(deltas) == events[-1].transcript
    assert not any(kind.startswith("response.") for kind in kinds)


async def test_a_transcription_session_refuses_to_answer_and_goes_on(listening):
    session: Any = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    await listening.session.update(session=session)
    await until(listening, "session.updated")
    await listening.response.create(event_id="r1")
    error = (await until(listening, "error"))[-1].error
    assert (error.event_id, error.param) == ("r1", "type")
    await listening.session.update(session={"type": "realtime"})
    assert (await until(listening, "error"))[-1].error.param == "session.type"
    await listening.input_audio_buffer.append(audio=encoded(SPEECH))
    await listening.input_audio_buffer.commit()
    assert (await until(listening, COMPLETED))[-1].transcript == "one second of speech"
    await listening.input_audio_buffer.commit(event_id="c1")
    error = (await until(listening, "error"))[-1].error
    assert (error.event_id, error.code) == ("c1", "input_audio_buffer_commit_empty")
