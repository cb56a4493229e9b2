"""A team on a realtime model upstream, where that is our own server: the real protocol, over a
socket, with the Agents SDK's client in between."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pybase64
import pytest
from openai import AsyncOpenAI

from tests.conftest import ServerProcess

TEAM = """
version: 1
name: voiced
entry: frontdesk
models: {{ main: {{ provider: instant }} }}
voice:
  engine: realtime
  realtime: {{ provider: openai-compatible, base_url: {url}/v1, model: support{more} }}
  stt: {{ provider: instant }}
  tts: {{ provider: instant }}
tools:
  reverse: {{ call: "tools.words:reverse" }}
agents:
  frontdesk: {{ description: Answers., instructions: prompts/hello.md, tools: [reverse] }}
"""
TOOL = '''
async def reverse(text: str) -> str:
    """Says it backwards."""
    return text[::-1]
'''
SPEECH = (0.3 * 32767 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)).astype("<i2")
UPSTREAM = "Thank you, I have looked that up for you now. Is there anything else you would like"


@pytest.fixture(scope="module")
def front(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("upstream")
    (folder / "agents" / "prompts").mkdir(parents=True)
    (folder / "agents" / "prompts" / "hello.md").write_text("Be brief.")
    heard = ", transcription: instant"
    (folder / "agents" / "voiced.yaml").write_text(TEAM.format(url=server.url, more=heard))
    gone = TEAM.format(url="http://127.0.0.1:9", more="").replace("voiced", "alone")
    gone = gone.replace("model: support", "model: gpt-realtime")
    (folder / "agents" / "alone.yaml").write_text(gone)
    (folder / "tools").mkdir()
    (folder / "tools" / "words.py").write_text(TOOL)
    running = ServerProcess(folder, desk=folder, models="auto")
    yield running
    running.stop()


class Client:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.sound = b""
        self.words = ""

    async def say(self) -> None:
        """Say something, as one does who pushes to talk: a tone is no speech to a real ear."""
        session: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await self.connection.session.update(session=session)
        await self.connection.input_audio_buffer.append(audio=pybase64.b64encode(SPEECH).decode())
        await self.connection.input_audio_buffer.commit()
        await self.connection.response.create()

    async def until(self, kind: str) -> Any:
        while True:
            event = await self.connection.recv()
            assert event.type != "error", event
            if event.type == "response.output_audio.delta":
                self.sound += pybase64.b64decode(event.delta)
            if event.type == "response.output_audio_transcript.delta":
                self.words += event.delta
            if event.type == kind:
                return event


@asynccontextmanager
async def called(front: ServerProcess, team: str = "voiced") -> AsyncIterator[Client]:
    client = AsyncOpenAI(api_key="none", base_url=f"{front.url}/v1")
    async with client.realtime.connect(model=team) as connection, asyncio.timeout(40):
        yield Client(connection)


async def spans(front: ServerProcess, call_id: str) -> list[dict[str, Any]]:
    async with httpx2.AsyncClient(base_url=front.url, timeout=40) as client, asyncio.timeout(40):
        while True:
            call = (await client.get(f"/api/calls/{call_id}")).json()
            turns = call.get("turns") or []
            if turns and turns[-1]["end_reason"]:
                break
            await asyncio.sleep(0.1)
        return (await client.get(f"/api/traces/{turns[-1]['trace_id']}")).json()["spans"]


async def test_a_spoken_turn_is_answered_by_the_model_upstream(front: ServerProcess) -> None:
    async with called(front) as client:
        session = (await client.until("session.created")).session
        await client.say()
        done = (await client.until("response.done")).response
        assert done.status == "completed"
        assert UPSTREAM in client.words
        assert len(client.sound) > 48_000
        await client.say()
        assert (await client.until("response.done")).response.status == "completed"
    found = await spans(front, session.id)
    (chat,) = [span for span in found if span["name"] == "chat support"]
    assert chat["attributes"]["gen_ai.provider.name"] == "openai-compatible"
    assert chat["attributes"]["gen_ai.response.time_to_first_chunk"] > 0
    assert not chat.get("error")
    assert "realtime model complains" not in front.log.read_text()


async def test_a_tool_that_the_model_upstream_calls_runs_here(front: ServerProcess) -> None:
    async with called(front) as client:
        session = (await client.until("session.created")).session
        tools: Any = {"type": "realtime", "tool_choice": {"type": "function", "name": "reverse"}}
        await client.connection.session.update(session=tools)
        await client.say()
        assert (await client.until("response.done")).response.status == "completed"
        assert UPSTREAM in client.words
    found = {span["name"]: span["attributes"] for span in await spans(front, session.id)}
    assert found["execute_tool reverse"]["gen_ai.tool.call.result"] == "elpmaxe"
    assert "realtime model complains" not in front.log.read_text()


async def test_a_model_upstream_that_cannot_be_reached_has_the_teams_own_stand_in(
    front: ServerProcess,
) -> None:
    async with called(front, "alone") as client:
        session = (await client.until("session.created")).session
        await client.say()
        assert (await client.until("response.done")).response.status == "completed"
        assert UPSTREAM in client.words
    found = {span["name"]: span for span in await spans(front, session.id)}
    assert found["model_attempt gpt-realtime"]["attributes"]["error.type"] == "upstream_unreachable"
    assert "chat instant" in found
