"""Unmodified clients against the core on a real socket, with a scripted engine behind it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner
from openai import AsyncOpenAI
from websockets.asyncio.server import ServerConnection, serve

from agents import function_tool
from frontdesk.protocol import RealtimeProtocol
from frontdesk.protocol.commands import (
    AudioAppended,
    Command,
    ItemAdded,
    ItemTruncated,
    ResponseRequested,
    Send,
)
from frontdesk.protocol.engine import (
    EngineEvent,
    ItemCut,
    ResponseAudio,
    ResponseEnded,
    ResponseFunctionCall,
    ResponseText,
    SpeechStarted,
    SpeechStopped,
)

TICK = 20
"""Milliseconds of audio in one piece of speech; a first byte of 1 is a voice, of 0 silence."""


class Desk:
    """Answers text with an echo, asks for the tool on a number, and keeps talking when told to."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.core = RealtimeProtocol("sess_1", "desk", defaults={"output_modalities": ["audio"]})
        self.heard_ms = 0
        self.voiced = False
        self.asked = ""
        self.calls = 0

    async def serve(self) -> None:
        await self.carry_out(self.core.open(0.0))
        async for frame in self.socket:
            await self.carry_out(self.core.receive(frame, 0.0))

    async def carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Send(frame):
                    await self.socket.send(frame, text=True)
                case AudioAppended(audio):
                    await self.hear(audio)
                case ItemAdded(item):
                    self.asked = words(item) or self.asked
                case ItemTruncated(item_id):
                    await self.feed(ItemCut(item_id, "Once"))
                case ResponseRequested(response_id):
                    await self.reply(response_id)
                case _:
                    pass

    async def hear(self, audio: bytes) -> None:
        self.heard_ms += len(audio) // 48
        voice = audio[0] == 1
        if voice and not self.voiced:
            await self.feed(SpeechStarted(max(0, self.heard_ms - TICK)))
        elif self.voiced and not voice:
            await self.feed(SpeechStopped(self.heard_ms))
        self.voiced = voice

    async def reply(self, response_id: str) -> None:
        if re.search("order", self.asked):
            self.calls += 1
            call = ResponseFunctionCall(
                response_id, f"call_{self.calls}", "find_order", '{"number":7}'
            )
            await self.feed(call)
        else:
            await self.feed(ResponseText(response_id, f"Once upon: {self.asked}"))
            await self.feed(ResponseAudio(response_id, bytes(48 * 400), 400.0))
        if self.asked != "tell a story":
            await self.feed(ResponseEnded(response_id))
        self.asked = ""

    async def feed(self, event: EngineEvent) -> None:
        await self.carry_out(self.core.feed(event, 0.0))


def words(item: dict[str, Any]) -> str:
    if item["type"] == "function_call_output":
        return item["output"]
    return "".join(part.get("text", "") for part in item.get("content", ()))


@pytest.fixture
def desks() -> list[Desk]:
    """Those that were called, in order."""
    return []


@pytest.fixture
async def desk_url(desks: list[Desk]) -> AsyncIterator[str]:
    async def answer(socket: ServerConnection) -> None:
        desks.append(Desk(socket))
        await desks[-1].serve()

    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1"


async def test_the_openai_client_holds_a_text_talk_and_survives_an_error(desk_url: str) -> None:
    client = AsyncOpenAI(api_key="none", websocket_base_url=desk_url)
    async with client, client.realtime.connect(model="desk") as talk:
        await talk.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await talk.response.cancel()
        message = {"type": "input_text", "text": "hello"}
        await talk.conversation.item.create(
            item={"type": "message", "role": "user", "content": [message]}  # type: ignore[list-item]
        )
        await talk.response.create()
        seen: list[Any] = []
        async for event in talk:
            seen.append(event)
            if event.type == "response.done":
                break
    assert seen[0].type == "session.created"
    assert seen[1].session.output_modalities == ["text"]
    assert seen[2].error.code == "response_cancel_not_active"
    assert seen[-1].response.output[0].content[0].text == "Once upon: hello"


async def test_the_agents_sdk_holds_a_talk_with_a_tool_and_a_barge_in(
    desk_url: str, desks: list[Desk]
) -> None:
    asked: list[int] = []

    @function_tool
    def find_order(number: int) -> str:
        """Find an order."""
        asked.append(number)
        return "found"

    agent = RealtimeAgent(name="desk", instructions="Help.", tools=[find_order])
    runner = RealtimeRunner(
        agent, config={"model_settings": {"turn_detection": {"type": "server_vad"}}}
    )
    config: Any = {"url": f"{desk_url}/realtime?model=desk", "api_key": "none"}
    async with await runner.run(model_config=config) as session:
        events = session.__aiter__()

        async def until(kind: str) -> list[Any]:
            seen: list[Any] = []
            async for event in events:
                assert event.type != "error", event
                seen.append(event)
                if event.type == kind:
                    break
            return seen

        await session.send_message("where is my order")
        await until("tool_end")
        assert asked == [7]
        await until("audio")
        await until("agent_end")

        await session.send_message("tell a story")
        await until("audio")
        await session.send_audio(b"\x01" * (48 * TICK))
        await until("audio_interrupted")
        await session.send_audio(bytes(48 * TICK))
        await until("audio")
        await until("agent_end")

    story, turn, last = desks[0].core.items[-3:]
    assert story["status"] == "incomplete"
    assert story["content"] == [{"type": "output_audio", "transcript": "Once"}]
    assert (turn["role"], turn["content"][0]["type"]) == ("user", "input_audio")
    assert (last["role"], last["status"]) == ("assistant", "completed")
