"""``kill -9`` in a call: what the client was told is there afterwards, and the call goes on."""

import asyncio
import urllib.error

import pytest

from frontdesk.client.caller import CallFailed, place

TRANSCRIBED = {"input": {"transcription": {"model": "whisper-1"}}}


def items(conversation):
    return {stored["item"]["id"]: stored["item"] for stored in conversation["items"]}


def words(item):
    return " ".join(
        part.get("transcript") or part.get("text") or "" for part in item.get("content", [])
    ).strip()


def told(line):
    """What the client was told of each item: its words so far."""
    known = {}
    for event in line.events:
        match event["type"]:
            case "conversation.item.added" | "conversation.item.done":
                known[event["item"]["id"]] = words(event["item"])
            case "conversation.item.input_audio_transcription.completed":
                known[event["item_id"]] = event["transcript"].strip()
            case "response.output_audio_transcript.delta":
                known[event["item_id"]] = (known[event["item_id"]] + event["delta"]).strip()
    return known


async def on_the_phone(server, sounds, connected):
    """Frontdesk's own caller is told, too, and in the middle of a word."""
    with pytest.raises(CallFailed, match="broke off"):
        async with place(f"{server.url}/v1", model="support", patience=1) as caller:
            connected.set()
            while True:
                await caller.say(sounds.silence)


async def test_calls_that_were_killed_are_whole_and_go_on(serve, dial, get, sounds):
    server = serve()
    done = await dial(server)
    await done.configure(audio=TRANSCRIBED)
    heard, _ = await done.spoken(sounds.speech)
    await done.ask("And what else?")
    asked = await dial(server)
    await asked.write("Nobody answers this.")
    await asked.until("conversation.item.done")
    connected = asyncio.Event()
    phone = asyncio.create_task(on_the_phone(server, sounds, connected))
    await asyncio.wait_for(connected.wait(), 40)
    answered = await dial(server)
    await answered.configure(audio=TRANSCRIBED)
    await answered.speak(sounds.speech, sounds.silence, sounds.silence)
    delta = await answered.until("response.output_audio_transcript.delta")
    server.kill()
    await asyncio.wait_for(phone, 40)
    assert heard
    assert [len(told(line)) for line in (done, asked, answered)] == [4, 1, 2]
    server.start()
    for line in (done, asked, answered):
        stored = items(get(server, f"/api/calls/{line.call_id}/conversation"))
        assert list(stored) == list(told(line))
        for item_id, text in told(line).items():
            assert words(stored[item_id]).startswith(text)
    again = await dial(server, done.call_id)
    assert again.call_id == done.call_id
    assert again.events[0]["session"]["audio"]["input"]["transcription"]["model"] == "whisper-1"
    assert (await again.ask("Still there?"))["status"] == "completed"
    stored = items(get(server, f"/api/calls/{done.call_id}/conversation"))
    assert list(stored) == [*told(done), *told(again)]
    await dial(server, answered.call_id)
    stored = items(get(server, f"/api/calls/{answered.call_id}/conversation"))
    assert stored[delta["item_id"]]["status"] in ("incomplete", "completed")  # never in progress
    assert words(stored[delta["item_id"]]).startswith(delta["delta"].strip())


async def test_a_call_is_carried_on_by_its_id_only(server, dial, get):
    line = await dial(server, "sess_nobody")
    assert line.events[0]["error"]["code"] == "call_not_found"
    assert (await line.until_closed())[0] == 1008
    line = await dial(server, "not%20an%20id%7D")
    assert line.events[0]["error"]["code"] == "invalid_call_id"
    for call_id in ("sess_nobody", "not%20an%20id%7D"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(server, f"/api/calls/{call_id}/conversation")


@pytest.mark.embedded
async def test_the_next_answer_knows_what_was_said_before_the_kill(embedded, dial, get, answer_of):
    server = embedded
    line = await dial(server)
    await line.configure(output_modalities=["text"])
    first = answer_of(await line.ask("Where is my order number four eight two seven one?"))
    assert "4 8 2 7 1" in first
    before = get(server, f"/api/calls/{line.call_id}/conversation")
    assert before["agent"] == "orders"
    passed_on = await dial(server)
    await passed_on.write("How long does delivery to Hamburg take?")
    await passed_on.send("response.create")
    words = ""
    while "Hamburg" not in words:  # in the first words of the agent that takes over
        words += (await passed_on.until("response.output_audio_transcript.delta"))["delta"]
    server.kill()
    server.start()
    kept = get(server, f"/api/calls/{passed_on.call_id}/conversation")
    assert kept["agent"] == "shipping"
    assert [stored["item"]["role"] for stored in kept["items"] if "role" in stored["item"]] == [
        "user",
        "assistant",
    ]
    passed_on = await dial(server, passed_on.call_id)
    answer = answer_of(await passed_on.ask("And how long does delivery to Vienna take?"))
    assert "Vienna" in answer and "pass you" not in answer
    after = get(server, f"/api/calls/{line.call_id}/conversation")
    assert after["agent"] == "orders"
    assert after["items"] == before["items"]
    again = await dial(server, line.call_id)
    assert "4 8 2 7 1" in answer_of(await again.ask("Has the refund for it been paid?"))
