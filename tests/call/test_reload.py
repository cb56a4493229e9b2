"""A desk that changes while it runs: its files, its versions, and the calls between them."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from frontdesk.call import reload
from frontdesk.call.call import Call
from frontdesk.call.connections import Connection
from frontdesk.call.teams import UnknownVersion
from frontdesk.call.worker import Worker
from frontdesk.settings import Settings

TEAM = """\
version: 1
name: small
entry: frontdesk
tools: { look: { call: tools.looking:look } }
agents:
  frontdesk: { description: Answers., instructions: prompts/frontdesk.md, tools: [look] }
"""
LOOK = '''\
from .words import found


async def look() -> str:
    """Looks."""
    return found
'''
OTHER = """\
version: 1
name: other
entry: frontdesk
agents:
  frontdesk: { description: Answers., instructions: prompts/frontdesk.md }
"""


class Client:
    """One call in this process, in text."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._connection = Connection(
            lambda frame: self._frames.put_nowait(json.loads(frame)), lambda code, reason: None
        )
        self.call: Call

    async def open(self, model: str | None = None, call_id: str | None = None) -> "Client":
        self.call = await self._worker.open_call(
            model=model, call_id=call_id, transport="test", connection=self._connection
        )
        await self.until("session.created")
        return self

    @property
    def version(self) -> str:
        return self.call.state.team_version

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while (frame := await self._frames.get())["type"] != kind:
                pass
        return frame

    async def ask(self) -> str:
        """Ask something; what the team's tool found."""
        content = [{"type": "input_text", "text": "Look, please."}]
        item = {"type": "message", "role": "user", "content": content}
        self._send("conversation.item.create", item=item)
        self._send("response.create", response={"output_modalities": ["text"]})
        assert (await self.until("response.done"))["response"]["status"] == "completed"
        outputs = [item.item.get("output") for item in self.call.state.items]
        return [output for output in outputs if output][-1]

    def _send(self, kind: str, **fields: Any) -> None:
        self.call.take(json.dumps({"type": kind, **fields}), self._connection)

    async def hang_up(self) -> None:
        self.call.end("the test is over")
        await self.call.over.wait()


class Desk:
    """A desk in a folder, and workers on it."""

    def __init__(self, root: Path, valkey_url: str) -> None:
        self.root = root
        self._valkey = valkey_url
        self.workers: list[Worker] = []
        self.write("agents/small.yaml", TEAM)
        self.write("agents/prompts/frontdesk.md", "Answer the caller.")
        self.write("tools/looking.py", LOOK)
        self.write("tools/words.py", 'found = "the first"\n')

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    async def worker(self, name: str = "one", **settings: Any) -> Worker:
        worker = Worker(
            Settings(
                desk=self.root,
                data=self.root / f"data-{name}",
                models="instant",
                redis_url=self._valkey,
                worker=name,
                **settings,
            )
        )
        await worker.start()
        self.workers.append(worker)
        return worker

    async def stop(self, worker: Worker) -> None:
        self.workers.remove(worker)
        await worker.aclose()


@pytest.fixture
async def desk(
    tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    monkeypatch.setattr(reload, "LOOK", 3600)  # the tests look themselves
    async with redis.asyncio.Redis.from_url(valkey_url) as store:
        await store.flushall()  # others have teams of this name, too
    made = Desk(tmp_path / "desk", valkey_url)
    yield made
    for worker in [*made.workers]:
        await made.stop(worker)


@pytest.fixture
async def worker(desk: Desk) -> Worker:
    return await desk.worker()


def told(worker: Worker, name: str = "small") -> dict[str, Any]:
    return next(team for team in worker.teams.describe()["teams"] if team["name"] == name)


def problems(worker: Worker, name: str = "small") -> list[str]:
    trouble = told(worker, name)["trouble"]
    found = trouble["problems"] if trouble else []
    return [f"{p['file']}:{p['line']}:{p['column']}: {p['message']}" for p in found]


async def test_a_change_is_for_new_calls_and_a_call_keeps_its_version(
    desk: Desk, worker: Worker
) -> None:
    old = await Client(worker).open()
    assert await old.ask() == "the first"
    desk.write("tools/words.py", 'found = "the second"\n')
    await worker.teams.reload()
    new = await Client(worker).open()
    assert await new.ask() == "the second"
    assert await old.ask() == "the first"
    assert old.version != new.version
    calls = {version["version"]: version["calls"] for version in told(worker)["versions"]}
    assert calls == {old.version: 1, new.version: 1}
    assert told(worker)["current"] == told(worker)["newest"] == new.version


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("agents/small.yaml", TEAM + "lines: { sorry: Oh. }\n"),
        ("agents/prompts/frontdesk.md", "Answer at once."),
        ("agents/prompts/sale.md", "There is a sale."),
        ("tools/looking.py", LOOK + "\n# done\n"),
    ],
)
async def test_each_file_of_a_team_makes_a_version(
    desk: Desk, worker: Worker, file: str, text: str
) -> None:
    before = worker.team(None).version
    desk.write(file, text)
    await worker.teams.reload()
    assert worker.team(None).version != before


async def test_a_change_is_taken_up_when_it_has_come_to_rest(desk: Desk, worker: Worker) -> None:
    before = worker.team(None).version
    await worker.reload.look()
    desk.write("agents/small.yaml", TEAM + "lines: { sorry: Oh. }\n")
    await worker.reload.look()
    assert worker.team(None).version == before, "it may still be written"
    desk.write("agents/small.yaml", TEAM + "lines: { sorry: Oh no. }\n")
    await worker.reload.look()
    assert worker.team(None).version == before, "it was"
    await worker.reload.look()
    assert worker.team(None).version != before
    assert worker.team(None).loaded.team.lines.sorry == "Oh no."


async def test_a_worker_that_is_told_not_to_looks_at_no_files(desk: Desk) -> None:
    worker = await desk.worker(reload=False)
    before = worker.team(None).version
    desk.write("agents/small.yaml", TEAM + "lines: { sorry: Oh. }\n")
    await worker.reload.look()
    await worker.reload.look()
    assert worker.team(None).version == before


async def test_a_broken_file_keeps_the_old_version_and_says_so(
    desk: Desk, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    before = worker.team(None).version
    desk.write("agents/small.yaml", TEAM.replace("entry: frontdesk", "entry: frontdesc"))
    await worker.teams.reload()
    assert worker.team(None).version == before
    assert await (await Client(worker).open()).ask() == "the first"
    assert problems(worker) == ["agents/small.yaml:3:8: no agent `frontdesc` under `agents`"]
    [line] = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert "agents/small.yaml:3:8" in line and before in line
    await worker.teams.reload()
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1, "once"
    desk.write("agents/small.yaml", TEAM)
    await worker.teams.reload()
    assert problems(worker) == []


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("tools/looking.py", "def look(:", "tools/looking.py:1:10: not valid Python"),
        (
            "tools/looking.py",
            "import no_such_thing\n" + LOOK,
            "agents/small.yaml:4:10: tools.look: ",
        ),
        ("tools/words.py", "found = 1 / 0\n", "agents/small.yaml:4:10: tools.look: "),
        ("agents/prompts/frontdesk.md", "{{ nobody }}", "agents/prompts/frontdesk.md:1:4: unknown"),
    ],
)
async def test_what_cannot_be_brought_up_is_told_at_its_place(
    desk: Desk, worker: Worker, file: str, text: str, problem: str
) -> None:
    desk.write(file, text)
    await worker.teams.reload()
    assert problems(worker)[0].startswith(problem), problems(worker)
    assert await (await Client(worker).open()).ask() == "the first"


async def test_one_broken_team_does_not_hold_up_another(desk: Desk, worker: Worker) -> None:
    desk.write("agents/other.yaml", OTHER)
    await worker.teams.reload()
    before = worker.team("other").version
    desk.write("agents/small.yaml", "version: 2\n")
    desk.write("agents/other.yaml", OTHER + "lines: { sorry: Oh. }\n")
    desk.write("agents/third.yaml", "version: 2\n")
    await worker.teams.reload()
    assert worker.team("other").version != before
    assert problems(worker) and not problems(worker, "other")
    [stray] = worker.teams.describe()["other_files"]
    assert stray["file"] == "agents/third.yaml" and stray["trouble"]["problems"]


async def test_teams_come_and_go_with_their_files(desk: Desk, worker: Worker) -> None:
    other = desk.write("agents/other.yaml", OTHER)
    await worker.teams.reload()
    call = await Client(worker).open("other")
    assert call.call.state.team == "other"
    other.unlink()
    await worker.teams.reload()
    assert list(worker.teams) == ["small"]
    await call.hang_up()
    again = await Client(worker).open(call_id=call.call.state.call_id)
    assert again.call.team.loaded.team.name == "other", "a call is carried on with its team"
    (desk.root / "agents" / "small.yaml").unlink()
    desk.write("agents/other.yaml", OTHER)
    await worker.teams.reload()
    assert problems(worker)[0].endswith("the file of the team that calls get by default is gone")
    assert (await Client(worker).open()).call.state.team == "small"


async def test_a_secret_that_changes_is_for_new_calls(desk: Desk) -> None:
    key = desk.write("key", "old")
    desk.write("agents/small.yaml", TEAM + 'models: { main: { api_key: "${file:../key}" } }\n')
    worker = await desk.worker()
    key.write_text("new")
    await worker.reload.look()
    await worker.reload.look()
    loaded = worker.team(None).loaded
    assert loaded.team.models["main"].api_key.get_secret_value() == "new"
    assert len(told(worker)["versions"]) == 1


async def test_a_version_is_let_go_when_nobody_runs_on_it(desk: Desk, worker: Worker) -> None:
    first = await Client(worker).open()
    before = len(sys.meta_path)
    desk.write("tools/words.py", 'found = "the second"\n')
    await worker.teams.reload()
    assert len(sys.meta_path) == before + 1
    await first.hang_up()
    await asyncio.gather(*worker._lives)
    assert len(sys.meta_path) == before


async def test_new_calls_can_be_pointed_at_an_older_version(desk: Desk, worker: Worker) -> None:
    first = worker.team(None).version
    desk.write("tools/words.py", 'found = "the second"\n')
    await worker.teams.reload()
    second = worker.team(None).version
    running = await Client(worker).open()
    await worker.teams.choose("small", first)
    back = await Client(worker).open()
    assert (back.version, await back.ask()) == (first, "the first")
    assert await running.ask() == "the second"
    desk.write("tools/words.py", 'found = "the third"\n')
    await worker.teams.reload()
    assert worker.team(None).version == first, "it stays until another is chosen"
    assert told(worker)["newest"] not in (first, second)
    assert told(worker)["chosen"]["version"] == first
    await worker.teams.choose("small", None)
    assert await (await Client(worker).open()).ask() == "the third"
    assert [version["calls"] for version in told(worker)["versions"]] == [1, 1, 1]


async def test_a_version_that_nobody_knows_cannot_be_chosen(worker: Worker) -> None:
    for name, version in (("small", "0" * 12), ("nobody", None)):
        with pytest.raises(UnknownVersion):
            await worker.teams.choose(name, version)
    assert told(worker)["chosen"] is None


async def test_the_choice_survives_a_restart_and_other_workers_follow(
    desk: Desk, worker: Worker
) -> None:
    first = worker.team(None).version
    other = await desk.worker("two")
    desk.write("tools/words.py", 'found = "the second"\n')
    for each in (worker, other):
        await each.teams.reload()
    await worker.teams.choose("small", first)
    await other.reload.look()
    assert other.team(None).version == first
    await desk.stop(worker)
    started = await desk.worker("one")
    assert started.team(None).version == first
    assert await (await Client(started).open()).ask() == "the first"
    await started.teams.choose("small", None)
    await other.reload.look()
    assert await (await Client(other).open()).ask() == "the second"


@pytest.fixture(params=["restarted", "another"])
def next_worker(
    request: pytest.FixtureRequest, desk: Desk
) -> Callable[[Worker], Awaitable[Worker]]:
    """The worker that a call comes to next."""

    async def take_over(worker: Worker) -> Worker:
        if request.param == "another":
            return await desk.worker("two")
        await desk.stop(worker)
        return await desk.worker("one")

    return take_over


async def test_a_call_is_carried_on_with_its_version_wherever_it_comes_to(
    desk: Desk, worker: Worker, next_worker: Callable[[Worker], Awaitable[Worker]]
) -> None:
    client = await Client(worker).open()
    assert await client.ask() == "the first"
    version, call_id = client.version, client.call.state.call_id
    await client.hang_up()
    desk.write("tools/words.py", 'found = "the second"\n')
    desk.write("agents/prompts/frontdesk.md", "Answer at once.")
    later = await next_worker(worker)
    assert later.team(None).version != version
    again = await Client(later).open(call_id=call_id)
    assert again.version == version
    assert await again.ask() == "the first"
    assert again.call.team.loaded.prompt("frontdesk") == "Answer the caller."


async def test_a_call_whose_version_is_forgotten_goes_on_with_what_there_is(
    desk: Desk, worker: Worker, valkey_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await Client(worker).open()
    version, call_id = client.version, client.call.state.call_id
    await client.hang_up()
    await asyncio.gather(*worker._lives)
    async with redis.asyncio.Redis.from_url(valkey_url) as store:
        await store.delete("frontdesk:team:{small}:files")
    desk.write("tools/words.py", 'found = "the second"\n')
    await worker.teams.reload()
    again = await Client(worker).open(call_id=call_id)
    assert again.version != version
    assert await again.ask() == "the second"
    assert f"There is no version '{version}'" in caplog.text


async def test_a_chosen_version_that_cannot_come_up_is_told(
    desk: Desk, worker: Worker, valkey_url: str
) -> None:
    first = worker.team(None).version
    desk.write("tools/words.py", 'found = "the second"\n')
    await worker.teams.reload()
    await worker.teams.choose("small", first)
    await desk.stop(worker)
    async with redis.asyncio.Redis.from_url(valkey_url) as store:
        await store.delete("frontdesk:team:{small}:files")
    started = await desk.worker("one")
    assert await (await Client(started).open()).ask() == "the second"
    assert f"version {first} was chosen for new calls" in problems(started)[0]


async def test_a_server_that_is_plugged_in_can_be_used_at_once(desk: Desk, worker: Worker) -> None:
    server = {"url": "http://127.0.0.1:9/mcp"}
    desk.write("mcp_servers/mcp.json", json.dumps({"mcpServers": {"shelf": server}}))
    desk.write("agents/small.yaml", TEAM + "mcp: { shelf: {} }\n")
    await worker.reload.look()
    await worker.reload.look()
    assert problems(worker) == []
    assert [status.name for status in worker.mcp.status()] == ["shelf"]


async def test_prices_that_change_are_taken_up_and_wrong_ones_are_not(
    desk: Desk, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    table = "version: 1\nmodels:\n  a: { input: 1 }\n"
    pricing = worker.tracing.pricing
    assert pricing.prices is None
    for text in (table, table.replace("input", "inputs")):
        desk.write("prices.yaml", text)
        await worker.reload.look()
        await worker.reload.look()
        assert pricing.prices and list(pricing.prices.models) == ["a"]
    [line] = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert "prices.yaml:3:8: unknown key `inputs`" in line
