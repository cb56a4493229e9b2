"""The floor: a FastAPI socket that parses and decodes each frame and answers a commit at once.

    python benchmarks/floor.py [--runner]

What any server in Python pays before it does anything. Written the plain way, with the standard
library's JSON and base64, as the peers' figures have it; uvicorn is set up as for Frontdesk. With
``--runner`` the answer comes when the SDK's runner, with one function and a model that answers at
once, says its first word: what any server pays that runs its turns on the Agents SDK, before it
hears, speaks, keeps or traces anything.
"""

import base64
import json
import secrets
import socket
import sys
from collections.abc import AsyncIterator

import uvicorn
import uvloop
from bare_runner import bare_agent, words
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
AGENT = bare_agent() if "--runner" in sys.argv else None
DELTA = base64.b64encode(bytes(9600)).decode()


@app.get("/healthz")
async def healthz() -> dict[str, object]:
    return {"status": "ok", "in_use": {}}


@app.websocket("/v1/realtime")
async def realtime(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text('{"type":"session.created"}')
    received = 0
    try:
        while True:
            event = json.loads(await websocket.receive_text())
            match event["type"]:
                case "input_audio_buffer.append":
                    received += len(base64.b64decode(event["audio"]))
                case "session.update":
                    await websocket.send_text('{"type":"session.updated"}')
                case "response.create":
                    answer = words(AGENT) if AGENT else _nothing()
                    await anext(answer)
                    await websocket.send_text(_frame("response.output_audio.delta", delta=DELTA))
                    async for _ in answer:
                        pass
                    await websocket.send_text(_frame("response.done"))
                case _:
                    pass
    except WebSocketDisconnect:
        pass


async def _nothing() -> AsyncIterator[str]:
    yield ""


def _frame(kind: str, **fields: str) -> str:
    event = {"type": kind, "response_id": secrets.token_hex(8), **fields}
    return json.dumps(event, separators=(",", ":"))


async def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"talk http://127.0.0.1:{listener.getsockname()[1]}/talk", flush=True)
        config = uvicorn.Config(
            app, ws="websockets-sansio", ws_per_message_deflate=False, log_level="warning"
        )
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(main())
