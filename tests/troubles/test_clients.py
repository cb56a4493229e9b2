"""Clients that vanish, flood, dawdle or talk nonsense: the server and the other calls live on."""

import asyncio
import json
import socket
import struct
from base64 import b64encode

import pytest
from websockets.exceptions import ConnectionClosed


def reset(line):
    """Cut the connection with a TCP reset, as a phone without reception does at best."""
    raw = line.socket.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.socket.transport.abort()


@pytest.mark.parametrize("moment", ["mid-speech", "mid-answer"])
async def test_a_client_that_vanishes_leaves_its_call_behind(
    server, dial, get, calls_end, sounds, moment
):
    line = await dial(server)
    await line.write("Remember this.")
    await line.until("conversation.item.done")
    if moment == "mid-speech":
        await line.speak(sounds.speech)
        await line.until("input_audio_buffer.speech_started")
    else:
        await line.send("response.create")
        await line.until("response.output_audio_transcript.delta")
    reset(line)
    await calls_end(server)
    stored = get(server, f"/api/calls/{line.call_id}/conversation")
    assert stored["items"][0]["item"]["content"][0]["text"] == "Remember this."
    assert stored["ended"] == "the client left"
    again = await dial(server, line.call_id)
    assert (await again.ask("I am back."))["status"] == "completed"
    stored = get(server, f"/api/calls/{line.call_id}/conversation")
    assert "in_progress" not in {kept["item"]["status"] for kept in stored["items"]}


async def test_a_vanished_client_heard_only_what_was_played_to_it(server, dial, get, calls_end):
    line = await dial(server)
    await line.write("Tell me everything.")
    await line.send("response.create")
    whole = (await line.until("response.done"))["response"]["output"][0]
    reset(line)
    await calls_end(server)
    stored = get(server, f"/api/calls/{line.call_id}/conversation")["items"][-1]
    assert stored["item"]["id"] == whole["id"]
    assert len(stored["heard"]) < len(whole["content"][0]["transcript"])


async def test_a_second_client_on_a_call_steers_it_and_both_hear_the_answer(
    server, dial, calls_end
):
    caller = await dial(server)
    second = await dial(server, caller.call_id)
    assert second.call_id == caller.call_id
    await second.write("Say something.")
    await second.send("response.create")
    heard = (await caller.until("response.done"))["response"]
    assert (await second.until("response.done"))["response"] == heard
    await second.socket.close()
    assert (await caller.ask("Still there?"))["status"] == "completed"
    third = await dial(server, caller.call_id)
    await caller.socket.close()
    assert (await third.until_closed())[0] == 1000
    await calls_end(server)


async def test_of_two_clients_on_one_call_the_one_that_resumes_it_has_it(server, dial, calls_end):
    older = await dial(server)
    await older.ask("Hello?")
    newer = await dial(server, older.call_id, resume=True)
    code, reason = await older.until_closed()
    assert (code, reason) == (4001, "the call goes on at another connection")
    assert (await newer.ask("Still there?"))["status"] == "completed"
    await newer.socket.close()
    await calls_end(server)


async def test_many_clients_that_resume_one_call_leave_one_of_them(server, dial, get, calls_end):
    first = await dial(server)
    await first.ask("Hello?")
    lines = await asyncio.gather(*(dial(server, first.call_id, resume=True) for _ in range(5)))
    assert all(line.call_id == first.call_id for line in lines)
    closed = {asyncio.create_task(line.until_closed()): line for line in (first, *lines)}
    while len(closed) > 1:
        done, _ = await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            assert task.result()[0] == 4001
            del closed[task]
    ((task, left),) = closed.items()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await left.write("Only me.")
    await left.until("conversation.item.done")
    assert get(server, "/healthz")["calls"] == 1
    await left.socket.close()
    await calls_end(server)


NONSENSE = [
    "",
    "hello",
    "[]",
    "null",
    "{",
    '{"type": 7}',
    '{"type": "no.such.event"}',
    '{"type": "session.update"}',
    '{"type": "session.update", "session": {"type": "realtime", "audio": {"input": 3}}}',
    '{"type": "conversation.item.create", "item": {"type": "message", "role": "king"}}',
    '{"type": "input_audio_buffer.append", "audio": "@@@"}',
    '{"type": "input_audio_buffer.append", "audio": 5}',
    '{"type": "conversation.item.truncate", "item_id": "x", "content_index": 0}',
    '{"type": "response.create", "response": {"max_output_tokens": "many"}}',
    "[" * 100_000,
    '{"a":' * 5_000 + "1" + "}" * 5_000,
    '{"type": "session.update", "event_id": "\\ud800", "session": {"type": "realtime"}}',
    b"\x00\xff\xfe binary",
    b"",
]


async def test_each_malformed_frame_gets_an_error_and_the_call_goes_on(server, dial):
    line = await dial(server)
    for frame in NONSENSE:
        await line.socket.send(frame)
        error = (await line.until("error"))["error"]
        assert error["type"] == "invalid_request_error"
        assert error["message"]
    assert (await line.ask("Still there?"))["status"] == "completed"


async def test_a_broken_websocket_frame_ends_only_its_own_call(server, dial, calls_end):
    line, other = await dial(server), await dial(server)
    line.socket.transport.write(b"\xff" * 64)  # reserved bits, no mask
    assert (await line.until_closed())[0] == 1002
    assert (await other.ask("Still there?"))["status"] == "completed"
    await other.socket.close()
    await calls_end(server)


async def test_a_frame_too_big_for_the_server_ends_only_its_own_call(server, dial, calls_end):
    line, other = await dial(server), await dial(server)
    with pytest.raises(ConnectionClosed):
        await line.socket.send("x" * (33 * 1024 * 1024))
        await line.recv()
    assert line.socket.close_code == 1009
    assert (await other.ask("Still there?"))["status"] == "completed"
    await other.socket.close()
    await calls_end(server)


async def test_a_flood_stops_at_the_socket_and_other_calls_are_answered(server, dial, calls_end):
    flooding, other = await dial(server), await dial(server)
    await other.ask("Hello?")
    before = server.resident
    audio = b64encode(bytes(1_500_000)).decode()
    frame = json.dumps({"type": "input_audio_buffer.append", "audio": audio})

    async def flood():
        while True:
            await flooding.socket.send(frame)

    flooder = asyncio.create_task(flood())
    for _ in range(3):
        assert (await other.ask("Still there?"))["status"] == "completed"
    grown = server.resident - before
    flooder.cancel()
    await asyncio.gather(flooder, return_exceptions=True)
    reset(flooding)
    assert grown < 100 * 1024 * 1024
    await other.socket.close()
    await calls_end(server)


@pytest.fixture
async def choked(server, dial):
    """A client that asked for 60 MB and reads none of it, and another one beside it."""
    line, other = await dial(server), await dial(server)
    await line.write("x" * 1_000_000)
    item_id = (await line.until("conversation.item.done"))["item"]["id"]
    line.socket.transport.pause_reading()
    for count in (10, 50):  # the first fill the socket: from then on, sending waits
        for _ in range(count):
            await line.send("conversation.item.retrieve", item_id=item_id)
        assert (await other.ask("Still there?"))["status"] == "completed"
    await other.socket.close()
    return line


async def test_a_client_that_reads_too_slowly_is_dropped_and_told_why(choked, server, calls_end):
    choked.socket.transport.resume_reading()
    assert await choked.until_closed() == (1013, "the client reads too slowly")
    await calls_end(server)


async def test_a_client_that_never_reads_is_given_up(choked, server, get, calls_end):
    before = server.resident
    await calls_end(server)
    assert server.resident - before < 10 * 1024 * 1024
    ended = get(server, f"/api/calls/{choked.call_id}/conversation")["ended"]
    assert ended == "the client reads too slowly"
