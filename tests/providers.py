"""A local server that stands in for somebody else's."""

import asyncio
import base64
import io
import json
import re
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import numpy as np
import soundfile
import uvicorn
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, Response, StreamingResponse
from uvicorn.server import ServerState


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve ``app`` from a thread; its address, to which OpenAI's paths under ``/v1`` belong."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none"))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def sse(events: list[dict[str, Any]]) -> Iterator[str]:
    """Events of the Responses API as a server sends them, numbered."""
    for number, event in enumerate(events):
        yield f"data: {json.dumps({**event, 'sequence_number': number})}\n\n"


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """As :func:`served`, in this loop, with sockets; not uvicorn's own Server, which takes 0.2 s to
    end."""
    config = uvicorn.Config(app, log_level="critical", ws="websockets-sansio", lifespan="off")
    config.load()
    make_protocol: Any = config.http_protocol_class
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: make_protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for connection in [*state.connections]:
            connection.shutdown()
        for task in [*state.tasks]:
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)


@dataclass
class SpeechPeer:
    """OpenAI's audio API as far as speech needs it. ``lines`` are what it understands, one after
    the other; ``fault`` is what is wrong with it."""

    url: str = ""
    lines: deque[str] = field(default_factory=deque)
    language: str | None = None
    fault: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """What was uploaded to be understood."""
    answers: deque[str | dict[str, Any]] = field(default_factory=deque)
    """What its language model says, or calls: a tool's name and arguments."""
    prompts: list[list[dict[str, Any]]] = field(default_factory=list)
    """The messages that it was given."""
    said: list[dict[str, Any]] = field(default_factory=list)
    """What was to be spoken."""
    sessions: list[dict[str, Any]] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)
    """Seconds of each piece that was committed on a socket."""
    appended: float = 0.0
    """Seconds that came over sockets."""
    sockets: int = 0
    knocks: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever sound comes over a socket."""

    def app(self) -> FastAPI:
        api = FastAPI()
        api.get("/v1/models")(self.models)
        api.post("/v1/audio/transcriptions")(self.transcribe)
        api.post("/v1/audio/speech")(self.speak)
        api.post("/v1/chat/completions")(self.answer)
        api.websocket("/v1/realtime")(self.listen)
        return api

    async def models(self) -> Response:
        self.knocks += 1
        if self.fault == "key":
            return JSONResponse({"error": {"message": "Incorrect API key provided."}}, 401)
        return JSONResponse({"object": "list", "data": []})

    async def transcribe(self, request: Request) -> Response:
        async with request.form() as form:
            sound, rate = soundfile.read(io.BytesIO(await form["file"].read()))
            asked = {k: v for k, v in form.multi_items() if k != "file"}
        self.asked.append(asked | {"seconds": len(sound) / rate})
        if self.fault == "upload":
            return JSONResponse({"error": {"message": "out of order"}}, 503)
        found: dict[str, Any] = {"text": self.lines.popleft()}
        if self.language:
            found["languages"] = [{"code": self.language}]
        return JSONResponse(found)

    async def speak(self, request: Request) -> Response:
        self.said.append(asked := await request.json())
        if self.fault == "speech":
            return JSONResponse({"error": {"message": "no voice today"}}, 503)
        time = np.arange(24 * 40 * len(asked["input"])) / 24_000
        pcm = (np.sin(2 * np.pi * 220 * time) * 9000).astype("<i2").tobytes()
        pieces = (pcm[at : at + 4800] for at in range(0, len(pcm), 4800))
        return StreamingResponse(pieces, media_type="audio/pcm")

    async def answer(self, request: Request) -> Response:
        self.prompts.append((await request.json())["messages"])
        answer = self.answers.popleft()
        deltas: list[dict[str, Any]] = []
        if isinstance(answer, str):
            deltas += [{"content": word} for word in re.split(r"(?<=\s)", answer)]
        else:
            called = {"name": answer["name"], "arguments": json.dumps(answer["arguments"])}
            tool = {"index": 0, "id": "call_1", "type": "function", "function": called}
            deltas.append({"tool_calls": [tool]})
        ended = "stop" if isinstance(answer, str) else "tool_calls"
        choices = [*({"delta": each, "finish_reason": None} for each in deltas)]
        choices.append({"delta": {}, "finish_reason": ended})
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        lines = [json.dumps({**chunk, "choices": [{"index": 0, **each}]}) for each in choices]
        frames = (f"data: {line}\n\n" for line in (*lines, "[DONE]"))
        return StreamingResponse(frames, media_type="text/event-stream")

    async def listen(self, socket: WebSocket) -> None:
        if self.fault == "refuse":
            await socket.close(1008)
            return
        await socket.accept()
        self.sockets += 1
        seconds, number = 0.0, 0
        try:
            while True:
                event = await socket.receive_json()
                match event["type"]:
                    case "session.update":
                        self.sessions.append(event["session"])
                        if self.fault == "error":
                            await self._error(socket, "no such model")
                            return
                        await self._take(socket, event["session"])
                    case "input_audio_buffer.append":
                        piece = len(base64.b64decode(event["audio"])) / 48_000
                        seconds += piece
                        self.appended += piece
                        self.came.set()
                    case "input_audio_buffer.clear":
                        seconds = 0.0
                    case "input_audio_buffer.commit":
                        self.heard.append(seconds)
                        seconds, number = 0.0, number + 1
                        if self.fault == "drop":
                            await socket.close(1011)
                            return
                        if self.fault != "silent":
                            await self._understand(socket, f"item_{number}")
        except WebSocketDisconnect:
            pass

    async def _take(self, socket: WebSocket, session: dict[str, Any]) -> None:
        taken = {**session, "id": "sess_1", "object": "realtime.transcription_session"}
        event = {"type": "session.updated", "event_id": "event_u", "session": taken}
        await socket.send_json(event)

    async def _error(self, socket: WebSocket, message: str) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_model", "message": message}
        error |= {"param": None, "event_id": None}
        await socket.send_json({"type": "error", "event_id": "event_e", "error": error})

    async def _understand(self, socket: WebSocket, item_id: str) -> None:
        committed = {"type": "input_audio_buffer.committed", "item_id": item_id}
        await socket.send_json({**committed, "event_id": "event_c", "previous_item_id": None})
        about = {"event_id": "event_t", "item_id": item_id, "content_index": 0}
        kind = "conversation.item.input_audio_transcription"
        if self.fault == "failed":
            error = {"type": "server_error", "code": "x", "message": "it was too loud"}
            await socket.send_json({"type": f"{kind}.failed", **about, "error": error})
            return
        words = self.lines.popleft()
        await socket.send_json({"type": f"{kind}.delta", **about, "delta": words})
        done: dict[str, Any] = {
            "transcript": words,
            "usage": {
                "type": "tokens",
                "total_tokens": 12,
                "input_tokens": 10,
                "input_token_details": {"text_tokens": 1, "audio_tokens": 9},
                "output_tokens": 2,
            },
            "logprobs": [{"token": words, "logprob": -0.1, "bytes": [*words.encode()]}],
        }
        if self.language:
            done["languages"] = [{"code": self.language}]
        await socket.send_json({"type": f"{kind}.completed", **about, **done})


@asynccontextmanager
async def speech_peer(**how: Any) -> AsyncIterator[SpeechPeer]:
    """A :class:`SpeechPeer` that listens."""
    peer = SpeechPeer(**how)
    async with serving(peer.app()) as peer.url:
        yield peer
