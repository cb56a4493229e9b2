"""A call in Korean, from end to end: a stock client, our server as a process of its own, and models
behind OpenAI's protocols on local sockets."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import numpy as np
import pytest
from openai import AsyncOpenAI

from tests.conftest import ROOT, ServerProcess
from tests.providers import SpeechPeer, speech_peer

SOUND = base64.b64encode(
    (9000 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)).astype("<i2").tobytes()
).decode()


class Caller:
    """Speaks turn by turn; what is understood is what the peer is told to understand."""

    def __init__(self, connection: Any, peer: SpeechPeer) -> None:
        self.connection, self.peer = connection, peer
        self.call_id = ""

    async def until(self, kind: str) -> Any:
        while True:
            event = await self.connection.recv()
            assert event.type != "error", event
            if event.type == "session.created":
                self.call_id = event.session.id
            if event.type == kind:
                return event

    async def say(self, words: str) -> str:
        """Speak, and hear the answer out; its words."""
        self.peer.lines.append(words)
        await self.connection.input_audio_buffer.append(audio=SOUND)
        await self.connection.input_audio_buffer.commit()
        await self.connection.response.create()
        done = (await self.until("response.done")).response
        assert done.status == "completed", done
        return " ".join(part.transcript for item in done.output for part in item.content)


@asynccontextmanager
async def called(server: ServerProcess, peer: SpeechPeer) -> AsyncIterator[Caller]:
    client = AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1")
    async with client.realtime.connect(model="seoul") as connection:
        caller = Caller(connection, peer)
        await caller.until("session.created")
        audio: Any = {"input": {"turn_detection": None}}
        await connection.session.update(session={"type": "realtime", "audio": audio})
        await caller.until("session.updated")
        yield caller
    await client.close()


async def turns(server: ServerProcess, call_id: str, count: int) -> list[dict[str, Any]]:
    """The spans of so many turns of the call, by their names, each with its attributes."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=40) as http:
        while True:
            call = (await http.get(f"/api/calls/{call_id}")).json()
            if [bool(turn["end_reason"]) for turn in call.get("turns", ())] == [True] * count:
                break
            await asyncio.sleep(0.05)
        found = []
        for turn in call["turns"]:
            trace = (await http.get(f"/api/traces/{turn['trace_id']}")).json()
            found.append({span["name"]: span["attributes"] for span in trace["spans"]})
        return found


@pytest.mark.timeout(180)  # a server that loads its voice activity and end-of-turn models
async def test_a_caller_who_speaks_korean_is_served_in_korean(server_process, tmp_path):
    async with speech_peer(language="ko") as peer:
        where = {"SPEECH_URL": peer.url, "LLM_URL": peer.url}
        desk = ROOT / "agents" / "examples" / "seoul"
        server = await asyncio.to_thread(
            server_process, tmp_path, desk=desk, models="auto", environ=where
        )
        try:
            assert peer.knocks >= 3 and peer.sockets == 1  # warm before the first caller
            async with called(server, peer) as caller:
                peer.answers.append(
                    {"name": "cancel_order", "arguments": {"order_number": "48271"}}
                )
                asked = await caller.say("주문 사팔이칠일 취소해 주세요.")
                assert asked == "주문 4 8 2 7 1번을 취소할까요? 네 또는 아니요로 말씀해 주세요."
                peer.answers.append("네, 취소되었습니다. 35,000원을 돌려드립니다.")
                assert await caller.say("네") == "네, 취소되었습니다. 35,000원을 돌려드립니다."
                unheard = await caller.say("")
                assert unheard == "죄송합니다, 잘 못 들었습니다."
                peer.language = "en"
                peer.answers.append("You are welcome.")
                said = await caller.say("Thank you, that is all I wanted to know.")
                assert said == "You are welcome."
            spans = await turns(server, caller.call_id, 4)
        finally:
            await asyncio.to_thread(server.stop)
    assert peer.asked == []  # nothing had to be uploaded: all of it came over the socket
    assert peer.sockets == 1
    told = {session["audio"]["input"]["transcription"]["model"] for session in peer.sessions}
    assert told == {"gpt-transcribe"}
    hints = peer.sessions[-1]["audio"]["input"]["transcription"]
    assert hints.get("languages") == ["ko", "en"] and "language" not in hints
    notes = [prompt[0]["content"] for prompt in peer.prompts]
    assert ["The caller speaks Korean. Answer in Korean." in note for note in notes] == [
        True,
        True,
        False,
    ]
    assert "The caller speaks English. Answer in English." in notes[-1]
    voices = {each["input"]: each["voice"] for each in peer.said}
    assert voices.pop("You are welcome.") == "cedar"
    assert set(voices.values()) == {"marin"}
    assert any("삼만오천 원" in clause for clause in voices), voices
    assert any(clause.endswith("취소할까요?") for clause in voices), voices
    assert {each["instructions"] for each in peer.said} == {"차분하고 친절하게"}
    languages = [next(iter(turn.values())).get("voice.caller.language") for turn in spans]
    assert languages == ["ko", "ko", "ko", "en"]
    heard = spans[0]["speech_to_text gpt-transcribe"]
    assert heard["gen_ai.speech.input.language"] == "ko"
