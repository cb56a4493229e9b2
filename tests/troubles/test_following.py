"""A call is followed from outside, from a server that need not have it."""

import asyncio
import json
import secrets

import httpx2
import pytest


@pytest.fixture
def follow():
    """The server-sent events of a call, as ``(kind, id, data)``, until the stream ends."""

    async def follow(server, call_id, *, query="", headers=None, until=None):
        told = []
        async with (
            asyncio.timeout(40),
            httpx2.AsyncClient(timeout=40) as client,
            client.stream(
                "GET", f"{server.url}/api/calls/{call_id}/events{query}", headers=headers
            ) as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            fields = {}
            async for line in answer.aiter_lines():
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    data = json.loads(fields["data"])
                    told.append((fields.get("event"), fields.get("id"), data))
                    fields = {}
                    if until is not None and until(told):
                        break
        return told

    return follow


def types(told):
    return [data.get("type") for _, _, data in told]


async def test_all_that_the_client_is_told_is_followed_live_to_the_end(server, dial, follow):
    line = await dial(server)
    await line.configure(output_modalities=["text"])
    following = asyncio.create_task(follow(server, line.call_id))
    also = asyncio.create_task(follow(server, line.call_id))
    await line.ask("Hello?")
    await line.ask("And now?")
    await line.socket.close()
    told = await following
    assert told == await also
    kind, _, data = told.pop()
    assert (kind, data) == ("end", {"reason": "the client left"})
    assert [name for name, _, _ in told] == [None] * len(told)
    assert all(data["event_id"] == event_id for _, event_id, data in told)
    text = "".join(d["delta"] for _, _, d in told if d["type"] == "response.output_text.delta")
    sent = "".join(e["delta"] for e in line.events if e["type"] == "response.output_text.delta")
    assert text == sent
    others = [e for e in line.events if not e["type"].endswith(("delta", "session.created"))]
    assert [data for _, _, data in told if not data["type"].endswith("delta")] == others


async def test_a_follower_goes_on_behind_the_last_event_that_it_got(server, dial, follow):
    line = await dial(server)
    await line.configure(output_modalities=["text"])
    await line.ask("Hello?")
    first = await follow(server, line.call_id, until=lambda told: len(told) == 3)
    last = first[-1][1]
    await line.socket.close()
    for asked in ({"query": f"?after={last}"}, {"headers": {"last-event-id": last}}):
        rest = await follow(server, line.call_id, **asked)
        whole = await follow(server, line.call_id)  # it has ended: all that is kept, at once
        assert first + rest == whole


async def test_what_cannot_be_followed_is_said(server, dial, follow):
    line = await dial(server)
    async with httpx2.AsyncClient(timeout=40) as client:
        events = f"{server.url}/api/calls/%s/events"
        for call_id in ("sess_nobody", "not an id"):
            assert (await client.get(events % call_id)).status_code == 404
        answer = await client.get(f"{events % line.call_id}?after=nonsense")
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "after")


async def test_events_that_are_gone_are_said_to_be(server, dial, follow):
    line = await dial(server)
    for _ in range(3):
        await line.configure(instructions=secrets.token_hex(8000))
    await line.ask("Hello?")
    await line.socket.close()
    told = await follow(server, line.call_id, query="?after=0")
    assert told[0][0] == "gap"
    assert told[-1][0] == "end"
    assert "response.done" in types(told)
