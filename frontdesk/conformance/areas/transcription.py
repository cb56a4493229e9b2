"""Sessions that only transcribe: ``?intent=transcription`` (sections 1.3a and 3.5)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from frontdesk.conformance import audio
from frontdesk.conformance.areas.turns import TURN, WHISPER, none, speak
from frontdesk.conformance.reply import in_order, must
from frontdesk.conformance.rules.base import TRANSCRIPTION
from frontdesk.conformance.session import Session
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import several

area = Area("transcription", "sessions of type transcription")


@asynccontextmanager
async def transcribing(bench: Bench, **given: Any) -> AsyncGenerator[Session]:
    """A transcription session, configured as the VoicePipeline does it."""
    async with bench.connection(intent="transcription") as session:
        session.config = (await session.expect("session.created"))["session"]
        config = {"transcription": WHISPER, **given}
        await session.configure("transcription", audio={"input": config})
        yield session


@area.scenario("session.type")
async def the_session_says_what_it_is(bench: Bench) -> None:
    """session.created of type transcription, without a model in the address (1.3a)."""
    async with bench.connection(intent="transcription") as session:
        told = (await session.next("session.created"))["session"]
        must(told.get("type") == "transcription", "session.type transcription", told)
        kind = "realtime.transcription_session"
        must(told.get("object") == kind, f"object {kind}", told)


@area.scenario("session.audio.input.transcription")
async def a_spoken_turn_is_written_down_and_not_answered(bench: Bench) -> None:
    """TranscriptionOnly: turn events, then completed; no response (2.6)."""
    async with transcribing(bench, turn_detection={"type": "server_vad"}) as session:
        await speak(session)
        events = await session.until(f"{TRANSCRIPTION}.completed")
        in_order(events, TURN)
        must(bool(events[-1]["transcript"].strip()), "some words", events[-1])
        none(events + await session.settled(), "response.created")


@area.scenario("input_audio_buffer.commit")
async def the_client_may_end_the_turn(bench: Bench) -> None:
    """turn_detection null: commit, then the transcript (3.5)."""
    async with transcribing(bench, turn_detection=None) as session:
        await session.append(audio.speech())
        await session.send("input_audio_buffer.commit")
        await session.expect(f"{TRANSCRIPTION}.completed")


@area.scenario()
async def an_empty_commit_at_the_end_has_its_code(bench: Bench) -> None:
    """The Agents SDK's speech-to-text matches code and event_id (1.3a, 3.5)."""
    async with transcribing(bench, turn_detection={"type": "semantic_vad"}) as session:
        error = await session.refused("input_audio_buffer.commit")
        expected = "code input_audio_buffer_commit_empty"
        must(error.get("code") == "input_audio_buffer_commit_empty", expected, str(error))


@area.scenario()
async def nobody_answers_there(bench: Bench) -> None:
    """response.create is an error in a transcription session; the socket stays open (1.3a)."""
    async with transcribing(bench, turn_detection=None) as session:
        await session.refused("response.create")


@area.scenario("session.type")
async def a_session_keeps_its_type(bench: Bench) -> None:
    """session.update of the other type is refused, and names session.type (1.3a)."""
    async with transcribing(bench, turn_detection=None) as session:
        given = {"type": "realtime", "instructions": "Talk."}
        await session.refused("session.update", "session.type", session=given)


@area.scenario("session.include")
async def probabilities_are_told_where_the_model_has_them(bench: Bench) -> None:
    """include is echoed or refused by name; when taken, logprobs are well formed (1.3a)."""
    include = ["item.input_audio_transcription.logprobs"]
    async with transcribing(bench, turn_detection=None) as session:
        await session.send("session.update", session={"type": "transcription", "include": include})
        event = (await session.until("session.updated", "error"))[-1]
        if event["type"] == "error":
            param = str(event["error"].get("param"))
            must(param.startswith("session.include"), "param session.include", event)
            return
        await session.append(audio.speech())
        await session.send("input_audio_buffer.commit")
        event = await session.expect(f"{TRANSCRIPTION}.completed")
        for probability in several(event, "logprobs"):
            must(probability["logprob"] <= 0, "logprobs of 0 at most", event)
