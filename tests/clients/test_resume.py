"""Stock clients, and our own, come back to a call whose connection broke. What each of them does
here stands in docs/realtime.md."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner
from openai import AsyncOpenAI

from frontdesk.client.caller import place
from frontdesk.voice.base import OUTPUT_RATE

MESSAGE: Any = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Where is my order?"}],
}
TEXT: Any = {"type": "realtime", "output_modalities": ["text"]}


def cut(connection: Any) -> None:
    """What a lost network does to a connection of the ``openai`` package."""
    connection._connection.transport.abort()


async def test_openai_for_python_comes_back_by_itself(server: Any) -> None:
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    back: dict[str, str] = {}
    async with client.realtime.connect(
        model="support", on_reconnecting=lambda event: {"extra_query": back}, initial_delay=0.1
    ) as connection:
        calls, text, broke = list[str](), "", False
        async for event in connection:
            if event.type == "session.created":
                calls.append(event.session.id)  # type: ignore[union-attr]
                back["resume"] = event.resume["token"]  # type: ignore[attr-defined]
                if len(calls) == 1:
                    await connection.session.update(session=TEXT)
                    await connection.conversation.item.create(item=MESSAGE)
                    await connection.response.create()
            back["after"] = event.event_id
            if event.type == "response.created" and not broke:
                broke = True
                cut(connection)
            elif event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.done":
                answer: Any = event.response.output
                break
    assert len(calls) == 2
    assert len(set(calls)) == 1
    assert text == answer[0].content[0].text
    await client.close()


async def test_openai_for_python_names_a_call_and_is_its_caller_again(server: Any) -> None:
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    async with client.realtime.connect(model="support") as connection:
        created: Any = await connection.recv()
        await connection.conversation.item.create(item=MESSAGE)
        while (event := await connection.recv()).type != "conversation.item.done":
            pass
        cut(connection)
    query = {"call_id": created.session.id, "resume": "true"}
    async with client.realtime.connect(extra_query=query) as connection:
        again: Any = await connection.recv()
        assert again.session.id == created.session.id
        await connection.conversation.item.retrieve(item_id=event.item.id)
        while (event := await connection.recv()).type != "conversation.item.retrieved":
            pass
        assert event.item.content[0].text == "Where is my order?"  # type: ignore[union-attr]
    await client.close()


async def test_the_agents_sdk_for_python_takes_the_url_of_its_call(server: Any) -> None:
    runner = RealtimeRunner(RealtimeAgent(name="caller", instructions="-"))

    async def talk(query: str) -> tuple[str, dict[str, Any], list[str]]:
        """Ask something: the call, its token, and who said what until the answer."""
        seen: dict[str, Any] = {}
        url = f"{server.ws}/v1/realtime?{query}"
        session = await runner.run(model_config={"url": url, "api_key": "none"})
        async with session, asyncio.timeout(40):
            await session.send_message("Where is my order?")
            async for event in session:
                if event.type != "raw_model_event" or event.data.type != "raw_server_event":
                    continue
                raw = event.data.data
                if raw["type"] == "session.created":
                    seen = raw
                if raw["type"] == "response.done":
                    break
            roles = [item.role for item in session._history if item.type == "message"]
        return seen["session"]["id"], seen, roles

    call_id, created, roles = await talk("model=support")
    assert roles == ["user", "assistant"]
    again, resumed, roles = await talk(f"resume={created['resume']['token']}&after=nothing")
    assert again == call_id
    assert resumed["resume"]["replay"] == "items"
    assert roles == ["user", "assistant", "user", "assistant"]  # its history is whole again


async def test_our_own_caller_comes_back_and_hears_the_answer_out(server: Any) -> None:
    speech = 0.3 * np.sin(2 * np.pi * 220 * np.arange(OUTPUT_RATE) / OUTPUT_RATE)
    async with place(f"{server.url}/v1", model="support") as caller:
        call_id = caller.call_id
        await caller.say(speech.astype(np.float32))
        async with asyncio.timeout(40):
            while not any(e["type"] == "response.created" for e in caller.events):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        cut(caller._connection)
        answer = await caller.answer()
        assert answer.status == "completed"
        assert answer.text
        assert caller.ticket.times == 1
        assert caller.call_id == call_id


@pytest.mark.parametrize("resume", [None, "false", ""])
async def test_a_client_that_shows_nothing_gets_a_call_of_its_own(server: Any, resume: Any) -> None:
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    query = {} if resume is None else {"resume": resume}
    ids = set[str]()
    for _ in range(2):
        async with client.realtime.connect(model="support", extra_query=query) as connection:
            created = json.loads(await connection.recv_bytes())
            ids.add(created["session"]["id"])
            cut(connection)
    assert len(ids) == 2
    await client.close()
