"""Approvals and questions of servers as callers have them: spoken, and over the end of a server."""

import asyncio
import json
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import PATIENT

EXAMPLE = Path(__file__).parents[2] / "agents" / "examples" / "goodwill"
TEAM = "agents/goodwill.yaml"
COURIERS = '''
"""Couriers, who want to know something first."""
import os, sys
from typing import Annotated
from mcp.server import MCPServer
from mcp.server.mcpserver import AcceptedElicitation, Elicit, ElicitationResult, Resolve
from pydantic import BaseModel, Field

class Floor(BaseModel):
    floor: int = Field(title="Which floor", ge=0, le=40)

async def ask() -> Elicit[Floor]:
    return Elicit("The courier has a question", Floor)

server = MCPServer("couriers", log_level="ERROR")

@server.tool()
async def send_courier(given: Annotated[ElicitationResult[Floor], Resolve(ask)]) -> dict[str, str]:
    """Sends a courier to pick up a lamp."""
    if not isinstance(given, AcceptedElicitation):
        return {"sent": "no", "why": given.action}
    return {"sent": "yes", "floor": str(given.data.floor)}

server.run("stdio")
'''
WITH_COURIERS = """
budgets: { silence: 60s, words: 60s, speech: 60s }  # a busy machine is not to be excused aloud
mcp:
  couriers:
    phrases:
      send_courier:
        examples:
          - Please send a courier to pick up my lamp.
          - Can a courier come and pick it up?
          - I need a courier.
        answer: >-
          {% if result.sent == "yes" %}A courier comes to floor {{ result.floor }}.
          {% else %}No courier was sent.{% endif %}
agents:
"""


@pytest.fixture(scope="module")
def desk_folder(tmp_path_factory):
    """The example, and a server that asks the caller something."""
    folder = tmp_path_factory.mktemp("goodwill") / "desk"
    shutil.copytree(EXAMPLE, folder)
    text = (folder / TEAM).read_text().replace("\nagents:\n", WITH_COURIERS)
    text = text.replace("tools: [pay_back", "mcp: [couriers]\n    tools: [pay_back")
    (folder / TEAM).write_text(text)
    servers = folder / "mcp_servers"
    servers.mkdir()
    (servers / "couriers.py").write_text(COURIERS)
    config = {"couriers": {"command": sys.executable, "args": ["couriers.py"], "cwd": "."}}
    (servers / "mcp.json").write_text(json.dumps({"mcpServers": config}))
    return folder


@pytest.fixture(scope="module")
def goodwill(server_process, tmp_path_factory, desk_folder):
    """That desk, with ears and a voice."""
    running = server_process(
        tmp_path_factory.mktemp("goodwill-data"),
        desk=desk_folder,
        models="embedded",
        constants=PATIENT | {"frontdesk.call.waiting.SILENCE": 60.0},  # tools, too
    )
    yield running
    running.stop()
    assert "Traceback" not in running.log.read_text()


@pytest.fixture
def speech():
    """Words as sound, in another voice than the agent's own."""

    def speech(server, text):
        asked = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "pcm"}
        request = urllib.request.Request(
            f"{server.url}/v1/audio/speech",
            json.dumps(asked).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=40) as answer:
            return np.frombuffer(answer.read(), "<i2") / 32768

    return speech


@pytest.fixture
async def talk(goodwill, dial, speech, answer_of):
    """``say(words)`` on a call: speaks them, and gives what was understood and answered."""
    line = await dial(goodwill)
    await line.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})

    async def say(text):
        sound = await asyncio.to_thread(speech, goodwill, text)
        heard, response = await line.spoken(sound)
        await line.heard_out()
        return heard, answer_of(response)

    say.line = line
    return say


@pytest.mark.embedded
async def test_a_spoken_yes_pays_and_a_spoken_no_does_not(talk, goodwill, get):
    _, asked = await talk("Please pay back twenty euros for order four eight two seven one.")
    assert asked == (
        "I would pay 20 euros back for order 4 8 2 7 1. Shall I do that? Please say yes or no."
    )
    _, answer = await talk("Yes, please.")
    assert answer.startswith("Done. The 20 euros for order 4 8 2 7 1 are on their way")
    _, asked = await talk("Please cancel order five zero eight one two.")
    assert "cancel order, with order number 5 0 8 1 2. Shall I go ahead?" in asked
    _, answer = await talk("No, thank you.")
    assert answer == "All right, that was not done."
    found = get(goodwill, f"/api/calls/{talk.line.call_id}/approvals")["data"]
    record = [(q["tool"], q["decided"]["decision"], q["decided"]["how"]) for q in found]
    assert record == [("pay_back", "approved", "spoken"), ("cancel_order", "denied", "spoken")]


@pytest.mark.embedded
async def test_a_server_asks_and_is_answered_aloud(talk):
    _, asked = await talk("Please send a courier to pick up my lamp.")
    assert asked == "The courier has a question. Which floor?"
    _, answer = await talk("Three, please.")
    assert answer == "A courier comes to floor 3."


@pytest.fixture
def asking_desk(tmp_path):
    """Two tools that need approval, the first of which is called in every turn."""

    def asking_desk(by):
        text = (EXAMPLE / TEAM).read_text()
        head, _, rest = text.partition("policies:")
        rest = rest[rest.index("tools:") :]
        folder = tmp_path / "asking"
        shutil.copytree(EXAMPLE, folder)
        (folder / TEAM).write_text(f"{head}policies: {{approve: {{pay_back: {by}}}}}\n{rest}")
        return folder

    return asking_desk


def post(server, path, body, **headers):
    request = urllib.request.Request(
        server.url + path,
        json.dumps(body).encode(),
        {"content-type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=40) as answer:
        return json.load(answer)


def outputs(conversation):
    """What the team's tools gave."""
    items = [stored["item"] for stored in conversation["items"] if stored["hidden"]]
    return [item["output"] for item in items if item["type"] == "function_call_output"]


async def text_call(dial, server, call_id=None):
    line = await dial(server, call_id)
    await line.configure(output_modalities=["text"])
    return line


async def test_a_pending_approval_survives_the_kill_of_its_server(serve, asking_desk, dial, get):
    server = serve(desk=asking_desk("spoken"))
    line = await text_call(dial, server)
    await line.ask("money back, please")
    server.kill()
    server.start()
    again = await text_call(dial, server, line.call_id)
    await again.ask("yes")
    conversation = get(server, f"/api/calls/{line.call_id}/conversation")
    [output] = outputs(conversation)
    assert json.loads(output)["amount"] == 20
    [record] = get(server, f"/api/calls/{line.call_id}/approvals")["data"]
    assert record["decided"]["decision"] == "approved"
    assert record["answers"][0]["words"] == "yes"


async def test_a_person_at_a_screen_decides_and_the_agent_tells_of_it(
    serve, asking_desk, dial, get, answer_of
):
    server = serve(desk=asking_desk("screen"))
    line = await text_call(dial, server)
    response = await line.ask("money back, please")
    assert answer_of(response).endswith("I'll tell you in a moment.")

    async def waiting():
        async with asyncio.timeout(40):
            while not (found := await asyncio.to_thread(get, server, "/api/approvals"))["data"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # it is written beside the call
        return found["data"]

    [shown] = await waiting()
    assert (shown["tool"], shown["call"]) == ("pay_back", line.call_id)
    server.kill()
    server.start()
    assert await waiting() == [shown]
    again = await text_call(dial, server, line.call_id)
    path = f"/api/approvals/{shown['id']}"
    told = await asyncio.to_thread(post, server, path, {"decision": "approve", "who": "Ann"})
    assert told == {"id": shown["id"], "decision": "approved", "who": "Ann", "reason": None}
    response = (await again.until("response.done"))["response"]  # unasked
    assert response["status"] == "completed"
    assert json.loads(outputs(get(server, f"/api/calls/{line.call_id}/conversation"))[-1])
    [record] = get(server, f"/api/calls/{line.call_id}/approvals")["data"]
    assert (record["decided"]["who"], record["decided"]["how"]) == ("Ann", "screen")
    assert get(server, "/api/approvals") == {"data": []}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        await asyncio.to_thread(post, server, path, {"decision": "deny"})
