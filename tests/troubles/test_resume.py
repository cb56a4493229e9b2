"""A client whose connection broke comes back and goes on where it was."""

import asyncio
import socket
import struct
from typing import Any

import pytest

TEXTS = (
    "response.output_text.delta",
    "response.output_audio_transcript.delta",
    "conversation.item.input_audio_transcription.delta",
)


@pytest.fixture(scope="module")
def server(server_process, tmp_path_factory, desk):
    """One that keeps calls as long as it does by default; some tests kill it."""
    environ = {"FRONTDESK_WORKER": "w1", "FRONTDESK_RESUME_SECONDS": "20"}
    server = server_process(tmp_path_factory.mktemp("resume"), desk=desk, environ=environ)
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


def cut(line):
    """Cut the connection with a TCP reset."""
    raw = line.socket.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.socket.transport.abort()


def token(line):
    return line.events[0]["resume"]["token"]


def told(events):
    """What was told, texts that came in pieces as one, and without what concerns one client."""
    told: list[dict[str, Any]] = []
    for event in events:
        if event["type"] in ("session.created", "error"):
            continue
        last = told[-1] if told else {}
        same = all(last.get(name) == event.get(name) for name in ("type", "item_id"))
        if event["type"] in TEXTS and same:
            told[-1] = {**event, "delta": last["delta"] + event["delta"]}
        else:
            told.append(event)
    return told


async def until_all_is_said(line, response_id):
    while True:
        event = await line.until("response.done")
        if event["response"]["id"] == response_id:
            return


@pytest.mark.parametrize("broken", ["cut", "unnoticed"])
async def test_what_a_broken_connection_missed_is_told_on_the_next_one(server, dial, broken):
    line = await dial(server)
    witness = await dial(server, line.call_id)
    await line.write("Tell me everything.")
    await line.send("response.create")
    response_id = (await line.until("response.created"))["response"]["id"]
    await line.until("response.output_audio_transcript.delta")
    before, sound, seen = [*line.events], dict(line.sound_ms), line.seen
    if broken == "cut":
        cut(line)
    back = await dial(server, resume=token(line), after=seen)
    created = back.events[0]
    assert (created["session"]["id"], created["resume"]["replay"]) == (line.call_id, "events")
    assert token(back) != token(line)
    if broken == "unnoticed":
        assert (await line.until_closed())[0] == 4001
    await until_all_is_said(witness, response_id)
    if not any(e["type"] == "response.done" for e in back.events):
        await until_all_is_said(back, response_id)
    assert told(before + back.events) == told(witness.events)
    (item_id,) = witness.sound_ms
    heard = sound.get(item_id, 0.0) + back.sound_ms.get(item_id, 0.0)
    assert heard == pytest.approx(witness.sound_ms[item_id])  # what was not sent, too
    assert (await back.ask("Still there?"))["status"] == "completed"
    await back.socket.close()
    assert (await witness.until_closed())[0] == 1000


async def test_after_a_kill_the_store_tells_what_was_missed_and_the_call_goes_on(server, dial):
    line = await dial(server)
    witness = await dial(server, line.call_id)
    await line.configure(output_modalities=["text"])
    seen = line.seen
    await line.ask("What do you know?")
    await witness.until("response.done")
    server.kill()
    server.start()
    back = await dial(server, resume=token(line), after=seen)
    assert back.events[0]["resume"]["replay"] == "events"
    await back.until("response.done")
    known = next(i for i, e in enumerate(line.events) if e["event_id"] == seen)
    assert told(line.events[: known + 1] + back.events) == told(witness.events)
    assert (await back.ask("Still there?"))["status"] == "completed"
    assert all(e["event_id"].startswith("event_2_") for e in back.events[-3:])
    again = await dial(server, resume=token(back), after=line.seen)  # of the time before the kill
    since = [event for event in told(back.events) if event["event_id"].startswith("event_2_")]
    while told(again.events)[-1:] != since[-1:]:
        await again.recv()
    assert told(again.events) == since


async def test_a_token_is_good_until_the_next_one_was_shown(server, dial):
    line = await dial(server)
    lost = await dial(server, resume=token(line))  # say that this answer did not arrive
    back = await dial(server, resume=token(line))
    assert (await lost.until_closed())[0] == 4001
    again = await dial(server, resume=token(back))
    for old in (line, lost):
        refused = await dial(server, resume=token(old))
        assert refused.events[0]["error"]["code"] == "invalid_resume_token"
        assert (await refused.until_closed())[0] == 1008
    assert (await again.ask("Still there?"))["status"] == "completed"


async def test_who_has_no_token_of_the_call_does_not_get_it(server, dial):
    line, other = await dial(server), await dial(server)
    signed, _, _ = token(line).rpartition(".")
    forged = f"{signed}.{'0' * 64}"
    for asked in (
        {"resume": forged},
        {"resume": "nonsense"},
        {"resume": token(other), "call_id": line.call_id},
    ):
        refused = await dial(server, **asked)
        assert refused.events[0]["error"]["code"] == "invalid_resume_token", asked
    refused = await dial(server, after=line.seen)
    assert refused.events[0]["error"]["code"] == "invalid_value"
    assert (await line.ask("Still there?"))["status"] == "completed"


@pytest.mark.parametrize("after", ["event_5f2c", "event_9_9", "event_1_999999"])
async def test_who_names_no_event_of_the_call_gets_its_items(server, dial, after):
    line = await dial(server)
    await line.configure(output_modalities=["text"])
    await line.ask("Hello?")
    back = await dial(server, resume=token(line), after=after)
    assert back.events[0]["resume"]["replay"] == "items"
    while len(back.events) < 5:
        await back.recv()
    items = [e for e in line.events if e["type"] == "conversation.item.done"]
    got = [e for e in back.events if e["type"] == "conversation.item.done"]
    assert [(e["item"], e["previous_item_id"]) for e in got] == [
        (e["item"], e["previous_item_id"]) for e in items
    ]
    from_the_start = await dial(server, resume=token(back), after="0")
    assert from_the_start.events[0]["resume"]["replay"] == "events"
    await from_the_start.until("response.done")


async def test_a_client_that_knows_nothing_of_it_gets_a_new_call(server, dial):
    line = await dial(server)
    cut(line)
    other = await dial(server)
    assert other.call_id != line.call_id
    assert not other.events[0]["resume"].keys() - {"token", "seconds"}


async def test_one_that_only_names_the_call_is_its_caller_when_nobody_else_is(server, dial, get):
    line = await dial(server)
    await line.ask("Hello?")
    cut(line)
    async with asyncio.timeout(40):  # the news that it broke may take a moment
        while True:
            back = await dial(server, line.call_id)
            if "resume" in back.events[0]:
                break
            await back.socket.close()
    assert back.call_id == line.call_id
    assert (await back.ask("Still there?"))["status"] == "completed"
    stored = get(server, f"/api/calls/{line.call_id}/conversation")
    assert stored["ended"] is None
    await back.socket.close()
