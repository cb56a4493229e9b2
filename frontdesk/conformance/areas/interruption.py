"""Cutting in: by speech, by the client, and what was heard: section 2.7."""

from functools import partial

from frontdesk.conformance import audio
from frontdesk.conformance.areas.text import LONG
from frontdesk.conformance.areas.turns import listening, none, speak
from frontdesk.conformance.reply import Reply, in_order, must
from frontdesk.conformance.session import Session
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Skipped

area = Area("interruption", "barge-in, cancel, truncate")

CLOSERS = [
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
STORY = "Tell me a story in five sentences."


@area.scenario("session.audio.input.turn_detection.server_vad.interrupt_response")
async def speech_cuts_a_response_off(bench: Bench) -> None:
    """speech_started, closers with item status incomplete, response.done cancelled by
    turn_detected, then the new turn (2.7 a)."""
    async with bench.session(detect=True, audio=listening(type="server_vad")) as session:
        reply = await _cut_in(session)
        reply.must_be("cancelled", "turn_detected")
        in_order(reply.events, ["input_audio_buffer.speech_started", "response.done"])
        if reply.of("response.content_part.added"):
            reply.in_order(CLOSERS)
        for item in reply.output:
            must(item.get("status") == "incomplete", "item.status incomplete", reply.done_event)
        (await session.reply()).must_be("completed")


async def _cut_in(session: Session) -> Reply:
    """Speak as soon as a long response has begun; it must not be over by then."""
    for _ in range(3):
        await session.write(LONG)
        await session.send("response.create")
        await speak(session)
        events = await session.until("response.created")
        reply = await session.reply(events)
        if reply.done.get("status") != "completed":
            return reply
        if "input_audio_buffer.speech_started" in [event["type"] for event in reply.events]:
            return reply  # it should have been cancelled
        await session.until("response.done")  # the answer to what was spoken
    raise Skipped("each response was complete before the speech was heard")


async def _not_cut_off(kind: str, bench: Bench) -> None:
    given = listening(type=kind, interrupt_response=False, create_response=False)
    async with bench.session(detect=True, audio=given) as session:
        await session.write(STORY)
        await session.send("response.create")
        await speak(session, 5.0 if kind == "semantic_vad" else 1.5)
        reply = await session.reply()
        reply.must_be("completed")
        if "input_audio_buffer.committed" not in [event["type"] for event in reply.events]:
            await session.expect("input_audio_buffer.committed")


for _kind in ("server_vad", "semantic_vad"):
    area.add(
        f"speech found by {_kind} cuts nothing off when it may not",
        "interrupt_response false: the response goes on to its end (1.3a).",
        partial(_not_cut_off, _kind),
        (f"session.audio.input.turn_detection.{_kind}.interrupt_response",),
    )


@area.scenario("response.cancel")
async def a_spoken_response_is_cancelled(bench: Bench) -> None:
    """response.cancel: closers, response.done cancelled by client_cancelled (2.7 b)."""
    async with bench.session() as session:
        reply = await session.cancelled_reply(LONG)
        if reply.of("response.content_part.added"):
            reply.in_order(CLOSERS)
        none(await session.settled(), "response.output_audio.delta", "response.done")


@area.scenario("conversation.item.truncate")
async def what_was_not_heard_is_cut_from_the_answer(bench: Bench) -> None:
    """truncated tells the place, and the transcript beyond it is dropped (2.7 c)."""
    async with bench.session() as session:
        reply = await session.ask(STORY)
        item = reply.item("message")
        whole: str = item["content"][0]["transcript"]
        half = len(reply.audio) // 48 // 2
        await _truncate(session, item["id"], half)
        event = await session.expect("conversation.item.truncated")
        must(event["audio_end_ms"] == half, f"audio_end_ms {half}", event)
        must(event["item_id"] == item["id"], f"item_id {item['id']}", event)
        await session.send("conversation.item.retrieve", item_id=item["id"])
        event = await session.expect("conversation.item.retrieved")
        kept = event["item"]["content"][0].get("transcript") or ""
        cut = len(kept) < len(whole) and whole.startswith(kept.rstrip())
        must(cut, f"only the beginning of {whole[:60]!r}…", event)
        (await session.ask("Go on.")).must_be("completed")


@area.scenario("conversation.item.truncate")
async def nothing_heard_is_nothing_said(bench: Bench) -> None:
    """A truncate at 0 ms leaves no words (2.7 c; livekit does so, 3.4)."""
    async with bench.session() as session:
        item = (await session.ask(STORY)).item("message")
        await _truncate(session, item["id"], 0)
        await session.expect("conversation.item.truncated")
        await session.send("conversation.item.retrieve", item_id=item["id"])
        event = await session.expect("conversation.item.retrieved")
        kept = (event["item"]["content"][0].get("transcript") or "").strip()
        must(kept == "", "no words", event)


@area.scenario("conversation.item.truncate")
async def more_than_was_said_cannot_be_heard(bench: Bench) -> None:
    """audio_end_ms beyond the audio is an error, and only assistant audio can be cut (2.7 c)."""
    async with bench.session() as session:
        reply = await session.ask("Say exactly: Hi.")
        fields = {"content_index": 0, "audio_end_ms": 3_600_000}
        item_id = reply.item("message")["id"]
        await session.refused("conversation.item.truncate", item_id=item_id, **fields)
        mine = await session.write("Mine.")
        fields = {"content_index": 0, "audio_end_ms": 0}
        await session.refused("conversation.item.truncate", item_id=mine["id"], **fields)


@area.scenario("conversation.item.truncate")
async def an_answer_is_cut_while_it_is_spoken(bench: Bench) -> None:
    """Cancel, truncate, retrieve at barge-in, as the clients send them (2.7)."""
    async with bench.session() as session:
        await session.write(LONG)
        await session.send("response.create")
        delta = await session.expect("response.output_audio.delta")
        await session.send("response.cancel")
        await _truncate(session, delta["item_id"], 10)
        await session.send("conversation.item.retrieve", item_id=delta["item_id"])
        await session.until("conversation.item.truncated", "error")
        event = await session.expect("conversation.item.retrieved")
        must(event["item"].get("id") == delta["item_id"], f"item {delta['item_id']}", event)


@area.scenario("conversation.item.delete")
async def an_answer_can_be_taken_back(bench: Bench) -> None:
    """A finished answer is deleted like any item (1.3a)."""
    async with bench.session() as session:
        item = (await session.ask("Say exactly: Hi.")).item("message")
        await session.send("conversation.item.delete", item_id=item["id"])
        event = await session.expect("conversation.item.deleted")
        must(event["item_id"] == item["id"], f"item_id {item['id']}", event)
        await session.append(audio.silence(0.1))


@area.scenario("output_audio_buffer.clear")
async def there_is_no_output_buffer_to_clear(bench: Bench) -> None:
    """output_audio_buffer.clear is for WebRTC and phones: over a WebSocket it does nothing, or is
    refused as any bad event (1.1)."""
    async with bench.session() as session:
        event_id = await session.send("output_audio_buffer.clear")
        await session.send("input_audio_buffer.clear")
        events = await session.until("input_audio_buffer.cleared", "error")
        told = events[-1].get("error") or {"event_id": event_id}
        must(told["event_id"] == event_id, f"an error for {event_id}, or none", events[-1])
        await session.settled()


async def _truncate(session: Session, item_id: str, milliseconds: int) -> None:
    fields = {"content_index": 0, "audio_end_ms": milliseconds}
    await session.send("conversation.item.truncate", item_id=item_id, **fields)
