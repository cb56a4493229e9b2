"""What the network, the store and its operators do to calls under way: a worker with instant models
in this process, its store behind a proxy."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from frontdesk.call.connections import Connection
from frontdesk.call.refusals import CallRefused
from frontdesk.call.worker import Worker
from frontdesk.settings import Settings
from frontdesk.state import connection as state_connection
from frontdesk.state import writer
from frontdesk.state.patience import PATIENCE
from tests import stores
from tests.proxy import Proxy

FAREWELL = "I'm sorry, I have to end our call"


class Caller:
    """A client of one call, without a socket."""

    def __init__(self):
        self.frames = asyncio.Queue()
        self.heard = []
        self.closed = asyncio.get_running_loop().create_future()
        self.connection = Connection(
            lambda frame: self.frames.put_nowait(json.loads(frame)),
            lambda code, reason: self.closed.done() or self.closed.set_result(code),
        )

    async def call(self, worker, call_id=None, **how):
        self._call = await worker.open_call(
            model=None, call_id=call_id, transport="test", connection=self.connection, **how
        )
        await self.until("session.created")
        return self

    @property
    def call_id(self):
        return self._call.state.call_id

    def send(self, kind, **fields):
        self._call.take(json.dumps({"type": kind, **fields}), self.connection)

    async def until(self, kind):
        async with asyncio.timeout(40):
            while (frame := await self.frames.get())["type"] != kind:
                self.heard.append(frame)
        self.heard.append(frame)
        return frame

    def write(self, text):
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self.send("conversation.item.create", item=item)
        self.send("response.create", response={"output_modalities": ["text"]})

    async def ask(self, text):
        self.write(text)
        response = (await self.until("response.done"))["response"]
        assert response["status"] == "completed"


@pytest.fixture
def store(tmp_path):
    server = stores.Server(tmp_path / "store", "--appendonly", "yes")
    yield server
    server.go_on()
    server.kill()


@pytest.fixture
async def network(store):
    async with Proxy(store.port) as proxy:
        yield proxy


@asynccontextmanager
async def working(url, desk, folder):
    worker = Worker(Settings(desk=desk, data=folder, models="instant", redis_url=url))
    await worker.start()
    try:
        yield worker
    finally:
        await worker.aclose()


@pytest.fixture
async def worker(network, desk, tmp_path):
    url = f"redis://127.0.0.1:{network.port}"
    async with working(url, desk, tmp_path / "data") as worker:
        yield worker


@pytest.fixture
def brief(monkeypatch):
    """Commands that are given up sooner, that the tests need less patience, too."""
    monkeypatch.setattr(state_connection, "TIMEOUT", 0.5)
    monkeypatch.setattr(state_connection, "CONNECT_TIMEOUT", 0.5)


async def stored(worker, call_id, count):
    """The call once the store has so many items of it."""
    async with asyncio.timeout(40):
        while True:
            state = await worker.store.load(call_id)
            if state is not None and len(state.items) >= count:
                return state
            await asyncio.sleep(0.02)


async def refusal(worker, call_id=None):
    """A call that begins now is refused, after the store's time to answer at the latest: a machine
    that is busy with other things may take several times as long."""
    with pytest.raises(CallRefused) as refused:
        async with asyncio.timeout(8 * PATIENCE):
            await Caller().call(worker, call_id)
    assert (refused.value.code, refused.value.close_code) == ("state_unavailable", 1013)
    assert "Try again in a few seconds" in str(refused.value)


async def test_a_black_hole_holds_up_the_record_and_nobody_else(brief, worker, network):
    caller = await Caller().call(worker)
    await caller.ask("Before.")
    network.freeze()
    await caller.ask("While nothing goes through.")
    await refusal(worker)
    network.thaw()
    await caller.ask("After.")
    await stored(worker, caller.call_id, 6)


async def test_connections_that_break_in_the_midst_are_made_again(worker, network, caplog):
    caller = await Caller().call(worker)
    for number in range(5):
        network.cut()
        await caller.ask(f"Question {number}.")
    await stored(worker, caller.call_id, 10)
    assert "can no longer be written" not in caplog.text


async def test_a_slow_store_slows_down_no_call(worker, network):
    caller = await Caller().call(worker)
    network.delay = 0.3
    for number in range(3):
        await caller.ask(f"Question {number}.")
    network.delay = 0.0
    await stored(worker, caller.call_id, 6)


async def test_nonsense_from_the_store_is_asked_again(worker, network, caplog):
    caller = await Caller().call(worker)
    for number in range(3):
        network.garble()
        await caller.ask(f"Question {number}.")
    await stored(worker, caller.call_id, 6)
    assert not network.garbled
    assert "can no longer be written" not in caplog.text


async def test_a_store_that_is_full_is_waited_for(brief, worker, store):
    caller = await Caller().call(worker)
    await caller.ask("Before.")
    store.ask("CONFIG", "SET", "maxmemory", "1")
    await caller.ask("While it is full.")
    await refusal(worker)
    store.ask("CONFIG", "SET", "maxmemory", "0")
    await caller.ask("After.")
    await stored(worker, caller.call_id, 6)


@pytest.mark.parametrize(
    ("trouble", "mend"),
    [
        (("SCRIPT", "FLUSH"), ("PING",)),  # NOSCRIPT
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),  # READONLY, LOADING
        (
            ("CONFIG", "SET", "min-replicas-to-write", "1"),
            ("CONFIG", "SET", "min-replicas-to-write", "0"),
        ),  # NOREPLICAS
        (("CLIENT", "KILL", "TYPE", "normal"), ("PING",)),
        (("CLIENT", "PAUSE", "1000", "ALL"), ("PING",)),
    ],
    ids=lambda words: "-".join(words[:2]),
)
async def test_what_operators_do_to_a_store_is_lived_through(worker, store, trouble, mend):
    caller = await Caller().call(worker)
    await caller.ask("Before.")
    store.ask(*trouble)
    await caller.ask("Meanwhile.")
    store.ask(*mend)
    await caller.ask("After.")
    await stored(worker, caller.call_id, 6)


async def test_a_store_whose_disk_is_full_refuses_and_is_waited_for(worker, store):
    """MISCONF, as with stop-writes-on-bgsave-error."""
    caller = await Caller().call(worker)
    store.ask("CONFIG", "SET", "appendonly", "no")
    store.ask("CONFIG", "SET", "save", "3600 1")
    place = store.folder / "dump.rdb"
    place.mkdir()
    (place / "in the way").touch()
    store.ask("BGSAVE")
    stores.until(lambda: "rdb_last_bgsave_status:err" in store.ask("INFO"), "failed")
    await caller.ask("While it cannot save.")
    assert "MISCONF" in store.ask("SET", "x", "1")
    store.ask("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    await stored(worker, caller.call_id, 2)


async def test_a_store_that_was_restarted_empty_is_filled_up(worker, store):
    caller = await Caller().call(worker)
    await caller.ask("Before.")
    store.ask("FLUSHALL")
    store.kill()
    await caller.ask("While it is down.")
    store.start()
    await caller.ask("After.")
    state = await stored(worker, caller.call_id, 6)
    assert [item.item["role"] for item in state.items] == ["user", "assistant"] * 3


async def test_a_store_that_stays_away_ends_the_call_with_an_apology(
    brief, worker, network, monkeypatch
):
    monkeypatch.setattr(writer.LogWriter.__init__, "__kwdefaults__", {"patience": 1.5})
    caller = await Caller().call(worker)
    await caller.ask("Before.")
    network.freeze()
    caller.write("And now?")
    said = await caller.until("response.output_audio_transcript.done")
    assert said["transcript"].startswith(FAREWELL)
    sound = [f for f in caller.heard if f["type"] == "response.output_audio.delta"]
    assert sound
    error = (await caller.until("error"))["error"]
    assert (error["type"], error["code"]) == ("server_error", "state_unavailable")
    assert await caller.closed == 1013
    network.thaw()


async def test_a_hanging_store_under_fifty_calls_loses_none_and_lets_none_in(brief, worker, store):
    callers = [await Caller().call(worker) for _ in range(50)]
    await asyncio.gather(*(caller.ask("Before.") for caller in callers))
    store.pause()
    await asyncio.gather(*(caller.ask("While it hangs.") for caller in callers))
    await asyncio.gather(*(refusal(worker) for _ in range(5)))
    store.go_on()
    await asyncio.gather(*(caller.ask("After.") for caller in callers))
    for caller in callers:
        await stored(worker, caller.call_id, 6)
        assert not caller.closed.done()


async def test_a_name_that_is_gone_is_told_at_start_and_waited_for_in_a_call(
    desk, tmp_path, store, monkeypatch, caplog
):
    loop = asyncio.get_running_loop()
    known = {"store.example": True}
    resolve = loop.getaddrinfo

    async def look_up(host, *args, **kwargs):
        if host == "store.example":
            if not known[host]:
                raise OSError(-2, "Name or service not known")
            host = "127.0.0.1"
        return await resolve(host, *args, **kwargs)

    monkeypatch.setattr(loop, "getaddrinfo", look_up)
    async with working(f"redis://store.example:{store.port}", desk, tmp_path / "data") as worker:
        caller = await Caller().call(worker)
        known["store.example"] = False
        store.ask("CLIENT", "KILL", "TYPE", "normal")
        await caller.ask("While its name is gone.")
        await refusal(worker)
        assert "Name or service not known" in caplog.text
        known["store.example"] = True
        await stored(worker, caller.call_id, 2)


async def test_more_calls_than_connections_wait_for_one(desk, tmp_path, store, monkeypatch):
    monkeypatch.setattr(state_connection, "CONNECTIONS", 3)
    url = f"redis://127.0.0.1:{store.port}"
    async with working(url, desk, tmp_path / "data") as worker:
        callers = [await Caller().call(worker) for _ in range(12)]
        await asyncio.gather(*(caller.ask("Hello.") for caller in callers))
        for caller in callers:
            await stored(worker, caller.call_id, 2)
        async with Redis(port=store.port) as redis:
            assert (await redis.info("clients"))["connected_clients"] <= 3 + 2
