"""What watchers of a running process see."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI

from frontdesk.tracing.api import router
from frontdesk.tracing.calls import Tracing, TurnTrace

T0 = 1_800_000_000.0


def turn_of(tracing: Tracing) -> TurnTrace:
    return tracing.turn(
        call_id="call_1",
        index=0,
        team="support",
        team_version="v1",
        agent="frontdesk",
        transport="websocket",
        start=T0,
    )


async def test_watchers_see_spans_and_calls_as_they_happen(tracing: Tracing) -> None:
    with tracing.live.subscribe() as subscription:
        events = subscription.events(idle=20)
        turn = turn_of(tracing)
        kind, data = await anext(events) or ("", {})
        assert (kind, data["name"], data["end"]) == ("span", "invoke_workflow support", None)
        assert data["call_id"] == "call_1" and data["trace_id"] == turn.trace_id
        seen = [event async for event in take_until(events, "call")]
        assert seen[-1][1]["call_id"] == "call_1"
        turn.record("playback", start=T0, end=T0 + 1)
        turn.end(reason="completed", end=T0 + 2)
        seen = [event async for event in take_until(events, "call")]
        names_ = [data["name"] for kind, data in seen if kind == "span"]
        assert names_ == ["playback", "invoke_workflow support"]
        assert seen[-1][1]["live"] is False
    assert not tracing.live


async def take_until(events: Any, last: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    async for event in events:
        if event is not None:
            yield event
            if event[0] == last:
                return


async def test_the_live_stream_speaks_server_sent_events(tracing: Tracing) -> None:
    app = FastAPI()
    app.include_router(router(tracing, str.upper))
    got: asyncio.Queue[bytes] = asyncio.Queue()
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        await got.put(message.get("body", b""))

    scope = {
        "type": "http", "method": "GET", "path": "/api/live", "query_string": b"", "headers": [],
        "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    serving = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    text = b""
    while b"connected" not in text:
        text += await got.get()
    turn_of(tracing).end(reason="completed")
    while b"event: call" not in text:
        text += await got.get()
    assert b"event: span\ndata: {" in text
    tracing.live.close()
    gone.set()
    await serving


async def test_a_slow_watcher_loses_the_oldest_events(tracing: Tracing) -> None:
    with tracing.live.subscribe() as subscription:
        tracing.live.publish([("span", {"number": number}) for number in range(2000)])
        events = subscription.events(idle=20)
        first = await anext(events)
        assert first == ("span", {"number": 2000 - 512})
