"""Turns of the caller, found by the server or ended by the client: section 2.6."""

from typing import Any

from frontdesk.conformance import audio
from frontdesk.conformance.reply import in_order, must
from frontdesk.conformance.rules.base import TRANSCRIPTION
from frontdesk.conformance.session import Session
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Event, Failed

area = Area("turns", "voice activity, push-to-talk, transcripts, idle callers")

TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
WHISPER = {"model": "whisper-1"}


async def speak(session: Session, pause: float = 1.5) -> None:
    """Say the recorded sentence, then be silent."""
    await session.append(audio.speech())
    await session.append(audio.silence(pause))


def listening(**detection: Any) -> dict[str, Any]:
    """Audio config with this turn detection, and transcripts."""
    return {"input": {"turn_detection": detection, "transcription": WHISPER}}


@area.scenario(
    "input_audio_buffer.append",
    "session.audio.input.turn_detection.server_vad",
    "session.audio.input.transcription",
)
async def a_spoken_turn_comes_in_order(bench: Bench) -> None:
    """Speech starts, stops, is committed, becomes an item and is answered (2.6)."""
    async with bench.session(detect=True, audio=listening(type="server_vad")) as session:
        await speak(session)
        events = await session.until("response.done")
        in_order(events, [*TURN, "response.created", "response.output_audio.delta"])
        item = next(e["item"] for e in events if e["type"] == "conversation.item.added")
        must(item.get("role") == "user", "the user's item first", item)
        part = item["content"][0]
        must(part.get("type") == "input_audio", "content input_audio", item)
        told = [event["type"] for event in events]
        if f"{TRANSCRIPTION}.completed" not in told:
            event = await session.expect(f"{TRANSCRIPTION}.completed", f"{TRANSCRIPTION}.failed")
            must(event["type"].endswith("completed"), "a transcript", event)


@area.scenario("session.audio.input.turn_detection.server_vad.create_response")
async def a_turn_may_be_left_to_the_client(bench: Bench) -> None:
    """create_response false: the turn is committed and nobody answers until asked (1.3a)."""
    given = listening(type="server_vad", create_response=False)
    async with bench.session(detect=True, audio=given) as session:
        await speak(session)
        events = await session.until(f"{TRANSCRIPTION}.completed")
        in_order(events, TURN)
        events += await session.settled()
        none(events, "response.created")
        (await session.ask()).must_be("completed")


@area.scenario(
    "session.audio.input.turn_detection.semantic_vad",
    "session.audio.input.turn_detection.semantic_vad.eagerness",
)
async def a_turn_is_found_by_its_sense(bench: Bench) -> None:
    """semantic_vad: the same events; at eagerness high the wait is 2 s at most (1.3a)."""
    given = listening(type="semantic_vad", eagerness="high")
    async with bench.session(detect=True, audio=given) as session:
        await speak(session, 4.0)
        in_order(await session.until("response.created"), [*TURN, "response.created"])


@area.scenario("session.audio.input.turn_detection.server_vad.silence_duration_ms")
async def a_longer_silence_is_waited_for(bench: Bench) -> None:
    """silence_duration_ms: a pause shorter than it does not end the turn (1.3a)."""
    given = listening(type="server_vad", silence_duration_ms=3_000, create_response=False)
    async with bench.session(detect=True, audio=given) as session:
        await speak(session, 1.2)
        events = await session.until("input_audio_buffer.speech_started")
        await session.append(audio.silence(4.0))
        events += await session.until("input_audio_buffer.committed")
        stopped = next(e for e in events if e["type"] == "input_audio_buffer.speech_stopped")
        late = stopped["audio_end_ms"] - len(audio.speech()) * 1000 / audio.RATE
        must(late > -500, "speech_stopped behind the speech", stopped)
        starts = [e for e in events if e["type"] == "input_audio_buffer.speech_started"]
        must(len(starts) == 1, "one turn", starts[-1])


@area.scenario("session.audio.input.turn_detection.server_vad.prefix_padding_ms")
async def speech_begins_before_it_was_noticed(bench: Bench) -> None:
    """audio_start_ms includes prefix_padding_ms (2.6)."""
    starts: list[int] = []
    for padding in (0, 800):
        given = listening(type="server_vad", prefix_padding_ms=padding, create_response=False)
        async with bench.session(detect=True, audio=given) as session:
            await session.append(audio.silence(1.5))
            await speak(session)
            events = await session.until("input_audio_buffer.committed")
            start = next(e for e in events if e["type"] == "input_audio_buffer.speech_started")
            starts.append(start["audio_start_ms"])
    earlier = starts[0] - starts[1] >= 400
    must(earlier, "with 800 ms of padding an earlier start", f"audio_start_ms {starts}")


@area.scenario("input_audio_buffer.commit", "session.audio.input.turn_detection")
async def without_detection_the_client_ends_the_turn(bench: Bench) -> None:
    """DisableVAD: a commit makes an item and nothing else; then response.create (1.3a)."""
    async with bench.session() as session:
        await speak(session)
        none(await session_quiet(session), "input_audio_buffer.speech_started")
        await speak(session)
        await session.send("input_audio_buffer.commit")
        events = await session.until("conversation.item.done")
        in_order(events, TURN[2:])
        events += await session.settled()
        none(events, "response.created")
        (await session.ask()).must_be("completed")


async def session_quiet(session: Session) -> list[Event]:
    """What came until the server had taken all audio, which is then dropped."""
    return await session.settled()


@area.scenario("input_audio_buffer.clear")
async def cleared_audio_is_gone(bench: Bench) -> None:
    """input_audio_buffer.clear answers cleared; a commit then has nothing (1.3a)."""
    async with bench.session() as session:
        await session.append(audio.speech())
        await session.send("input_audio_buffer.clear")
        await session.expect("input_audio_buffer.cleared")
        error = await session.refused("input_audio_buffer.commit")
        code = error.get("code")
        expected = "code input_audio_buffer_commit_empty"
        must(code == "input_audio_buffer_commit_empty", expected, str(code))


@area.scenario("input_audio_buffer.commit")
async def a_tenth_of_a_second_is_the_least(bench: Bench) -> None:
    """A commit needs 100 ms of audio (1.3a)."""
    async with bench.session() as session:
        await session.append(audio.speech()[: audio.RATE // 20])
        error = await session.refused("input_audio_buffer.commit")
        expected = "code input_audio_buffer_commit_empty"
        must(error.get("code") == "input_audio_buffer_commit_empty", expected, str(error))


@area.scenario("session.audio.input.transcription")
async def words_follow_the_item_they_belong_to(bench: Bench) -> None:
    """Two turns have a transcript each, for their own item, with its usage (2.6)."""
    given = {"input": {"transcription": {**WHISPER, "language": "en"}}}
    async with bench.session(audio=given) as session:
        for _ in range(2):
            await session.append(audio.speech())
            await session.send("input_audio_buffer.commit")
            committed = await session.expect("input_audio_buffer.committed")
            event = await session.expect(f"{TRANSCRIPTION}.completed")
            same = event["item_id"] == committed["item_id"]
            must(same, f"item_id {committed['item_id']}", event)
            must(event.get("usage", {}).get("type") in ("tokens", "duration"), "usage", event)


@area.scenario("session.audio.input.transcription")
async def nothing_is_transcribed_unless_asked_for(bench: Bench) -> None:
    """transcription null: no transcript events (1.3a)."""
    async with bench.session() as session:
        await session.append(audio.speech())
        await session.send("input_audio_buffer.commit")
        events = await session.until("conversation.item.done")
        events += (await session.ask()).events
        none(events, f"{TRANSCRIPTION}.delta", f"{TRANSCRIPTION}.completed")


@area.scenario("session.audio.input.turn_detection.server_vad.idle_timeout_ms")
async def a_silent_caller_is_asked(bench: Bench) -> None:
    """idle_timeout_ms after the answer was played: timeout, commit, item, response (2.6)."""
    given = listening(type="server_vad", idle_timeout_ms=5_000)
    async with bench.session(detect=True, audio=given) as session:
        reply = await session.ask("Say exactly: Hi.")
        played = len(reply.audio) / 48_000
        limit = 5 + played + session.target.timeout
        events = await session.until("input_audio_buffer.timeout_triggered", limit=limit)
        event = events[-1]
        must(event["audio_end_ms"] >= event["audio_start_ms"], "a span of audio", event)
        events = await session.until("response.created")
        in_order(events, [*TURN[2:], "response.created"])


def none(events: list[Event], *types: str) -> None:
    """Raises :class:`Failed` when one of these came."""
    for event in events:
        if event["type"] in types:
            raise Failed(f"no {event['type']}", event)
