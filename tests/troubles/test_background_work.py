"""Background work on a real server: killed, hung up on, cancelled over REST."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.timeout(60)  # servers are started, and killed, and started
TEAM = """\
version: 1
name: support
entry: clerk
models:
  main: { provider: auto }
tools:
  stay: { call: tools.work:stay, background: { grace: 50ms } }
  again: { call: tools.work:again, background: { grace: 50ms, restart: true } }
  outlast: { call: tools.work:outlast, background: { grace: 50ms, after_call: finish } }
agents:
  clerk:
    description: Answers.
    instructions: clerk.md
    tools: [stay, again, outlast]
"""
TOOLS = '''\
import asyncio
from pathlib import Path

GO = Path(__file__).with_name("go")


async def stay() -> str:
    """Works until it may end."""
    while not GO.exists():
        await asyncio.sleep(0.05)
    return "well done"


async def again() -> str:
    """Works, too."""
    return await stay()


async def outlast() -> str:
    """Works also when nobody is on the phone."""
    return await stay()
'''


@pytest.fixture
def desk(tmp_path) -> Path:
    root = tmp_path / "busy"
    for folder in ("agents", "tools"):
        (root / folder).mkdir(parents=True)
    (root / "agents" / "support.yaml").write_text(TEAM)
    (root / "agents" / "clerk.md").write_text("Answer briefly.")
    (root / "tools" / "work.py").write_text(TOOLS)
    return root


async def have(line, tool):
    """Have a tool of the team called, and hear what is said then."""
    await line.write(f"Please {tool}.")
    choice = {"type": "function", "name": tool}
    await line.send("response.create", response={"tool_choice": choice})
    await line.until("response.done")


@pytest.fixture
def work(get):
    """The background work of a line's call, by tool."""

    def work(server, line):
        found = get(server, f"/api/calls/{line.call_id}/delegations")
        assert found["call_id"] == line.call_id
        return {each["tool"]: each for each in found["delegations"]}

    return work


async def until_it_is(work, server, line, tool, **fields):
    async with asyncio.timeout(40):
        while not fields.items() <= (found := work(server, line)[tool]).items():  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)
    return found


def cancel(server, line, key):
    """The status, and the body of the answer."""
    path = f"/api/calls/{line.call_id}/delegations/{key}/cancel"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(server.url + path, method="POST"), timeout=40
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def text_only(line):
    """Nothing has to be played, so gaps come sooner."""
    await line.configure(output_modalities=["text"])


async def test_work_survives_a_take_over_and_a_kill_or_is_told_as_lost(serve, dial, desk, work):
    server = serve(desk=desk)
    line = await dial(server)
    await text_only(line)
    for tool in ("stay", "again"):
        await have(line, tool)
    line = await dial(server, line.call_id, resume=True)
    assert {one["status"] for one in work(server, line).values()} == {"running"}
    server.kill()
    server.start()
    line = await dial(server, line.call_id)
    told = (await line.until("response.done"))["response"]
    assert told["status"] == "completed"
    found = await until_it_is(work, server, line, "stay", told="spoken")
    assert found["status"] == "lost"
    assert (work(server, line)["again"]["status"]) == "running"
    (desk / "tools" / "go").touch()
    await line.until("response.done")
    found = await until_it_is(work, server, line, "again", told="spoken")
    assert (found["status"], found["restarts"], found["output"]) == ("done", 1, "well done")


async def test_work_ends_with_the_call_or_goes_on_and_can_be_cancelled_by_rest(
    serve, dial, desk, work, calls_end
):
    server = serve(desk=desk)
    line = await dial(server)
    await text_only(line)
    for tool in ("stay", "again", "outlast"):
        await have(line, tool)
    key = work(server, line)["again"]["id"]
    assert cancel(server, line, key) == (200, {"id": key, "status": "cancelled"})
    await line.until("response.done")
    await until_it_is(work, server, line, "again", status="cancelled", told="spoken")
    assert cancel(server, line, key)[0] == 409
    assert cancel(server, line, "work_none")[0] == 404
    await line.socket.close()
    await calls_end(server)
    await until_it_is(work, server, line, "stay", status="cancelled", told=None)
    assert work(server, line)["outlast"]["status"] == "running"
    (desk / "tools" / "go").touch()
    await until_it_is(work, server, line, "outlast", status="done", told=None)
    line = await dial(server, line.call_id)
    await line.until("response.done")
    await until_it_is(work, server, line, "outlast", told="spoken")


@pytest.fixture(scope="module")
def workshop(server_process, tmp_path_factory):
    """The example of background work, on embedded models."""
    data = tmp_path_factory.mktemp("workshop")
    desk = Path(__file__).parents[2] / "agents" / "examples" / "workshop"
    server = server_process(data, desk=desk, models="embedded", environ={"FRONTDESK_WORKER": "w1"})
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


def voice(server, text):
    """What somebody says, as 24 kHz samples."""
    body = {"model": "tts-1", "input": text, "voice": "alloy", "response_format": "pcm"}
    request = urllib.request.Request(
        f"{server.url}/v1/audio/speech",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=40) as answer:
        return np.frombuffer(answer.read(), "<i2") / 32768


@pytest.mark.embedded
async def test_a_spoken_request_is_worked_on_while_the_talk_goes_on(
    workshop, dial, work, answer_of, sounds
):
    server = workshop
    request, question, stop = await asyncio.to_thread(
        lambda: [
            voice(server, text)
            for text in (
                "I need a new shade for my lamp.",
                "Are you still working on it?",
                "Please stop working on that.",
            )
        ]
    )
    line = await dial(server)
    await line.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    _, begun = await line.spoken(request)
    assert answer_of(begun) == "I'm on it. I'll tell you what I find."
    told = []
    while not told or "has a new" not in told[-1]:
        told.append(answer_of((await line.until("response.done"))["response"]))
    assert told[0].startswith("I'm still asking our suppliers.")
    assert told[-1].startswith("Old Light has a new shade for you, for 19 euros 90.")
    assert work(server, line)["find_part"]["arguments"] == {"part": "shade"}
    await line.spoken(request)
    _, state = await line.spoken(question)
    assert "still working on the search for your part" in answer_of(state)
    _, stopped = await line.spoken(stop)
    assert answer_of(stopped) == "All right, I've stopped the search for your part."
