"""A rolling restart: two workers on one store behind a proxy, and nobody's talk breaks off."""

import asyncio
import contextlib
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from frontdesk.state.valkey import embedded_valkey

DESK = Path(__file__).parents[2] / "benchmarks" / "desk"
"""One agent, who calls his tool in each turn."""


def is_ready(worker):
    try:
        with urllib.request.urlopen(worker.url + "/readyz", timeout=40) as answer:
            return answer.status == 200
    except OSError:
        return False


class Proxy:
    """Sends each connection to the worker that has the fewest, of those that say they are ready:
    what any load balancer does."""

    def __init__(self, workers):
        self._workers = workers
        self._ready = set(workers)
        self._open = dict.fromkeys(workers, 0)
        self._relays = set()
        self.ws = ""

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.ws = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def look(self):
        """Ask all workers whether they are ready."""
        answers = await asyncio.gather(*(asyncio.to_thread(is_ready, w) for w in self._workers))
        self._ready = {w for w, ready in zip(self._workers, answers, strict=True) if ready}
        return self._ready

    async def _take(self, reader, writer):
        relay = asyncio.current_task()
        self._relays.add(relay)
        worker = min(self._ready, key=self._open.__getitem__)
        address = urlsplit(worker.url)
        self._open[worker] += 1
        with contextlib.suppress(asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection(address.hostname, address.port)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        self._open[worker] -= 1
        self._relays.discard(relay)


async def _copy(source, target):
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()


class Caller:
    """Talks by turns, in writing or aloud, and comes back when it is told to."""

    def __init__(self, dial, proxy, sounds, *, aloud):
        self._dial, self._proxy, self._sounds, self.aloud = dial, proxy, sounds, aloud
        self.line = None
        self.items = []
        """Ids of the items that it was told of, in order."""
        self.moved = []
        """What it was told each time that it was to come back."""

    async def connect(self):
        before = self.line
        if before is None:
            self.line = await self._dial(self._proxy, also="reconnects=true")
            await self.line.configure(output_modalities=["audio" if self.aloud else "text"])
            return
        token, seen = before.events[0]["resume"]["token"], before.events[-1]["event_id"]
        self.line = await self._dial(self._proxy, also=f"resume={token}&after={seen}")
        assert self.line.call_id == before.call_id
        assert self.line.events[0]["resume"]["replay"] == "events"

    async def begin(self):
        """Ask something, and wait until it is being answered."""
        if self.aloud:
            await self.line.speak(self._sounds.speech, self._sounds.silence, self._sounds.silence)
        else:
            await self.line.write("Where is my order?")
            await self.line.send("response.create")
        await self.line.until("response.created")

    async def finish(self):
        """Hear the answer out."""
        response = (await self.line.until("response.done"))["response"]
        assert response["status"] == "completed"
        if self.aloud:
            await self.line.heard_out()

    async def turn(self):
        await self.begin()
        await self.finish()

    async def come_back(self):
        """Wait to be sent away, and connect again."""
        self.moved.append(await self.line.until_closed())
        self._note()
        await self.connect()

    def _note(self):
        added = (
            e["item"]["id"] for e in self.line.events if e["type"] == "conversation.item.added"
        )
        self.items += [item for item in added if item not in self.items]

    async def hang_up(self):
        await self.line.socket.close()
        self._note()


async def each(callers, do):
    """All of them at the same time."""
    await asyncio.gather(*(do(caller) for caller in callers))


async def until(condition):
    async with asyncio.timeout(40):
        while not await condition():  # noqa: ASYNC110 (other processes)
            await asyncio.sleep(0.05)


@pytest.mark.timeout(120)
async def test_a_rolling_restart_breaks_off_no_talk(serve, dial, get, sounds, tmp_path):
    async with embedded_valkey(tmp_path / "store") as store:
        environ = {"FRONTDESK_REDIS_URL": store, "FRONTDESK_DRAIN_SECONDS": "40"}
        workers = await asyncio.gather(
            *(
                asyncio.to_thread(
                    serve, tmp_path / name, desk=DESK, environ={**environ, "FRONTDESK_WORKER": name}
                )
                for name in ("one", "two")
            )
        )
        async with Proxy(workers) as proxy:
            callers = [Caller(dial, proxy, sounds, aloud=aloud) for aloud in (True, False) * 2]
            await each(callers, Caller.connect)
            await each(callers, Caller.turn)
            for restarted in workers:
                other = next(worker for worker in workers if worker is not restarted)
                before = get(other, "/healthz")["calls"]
                away = get(restarted, "/healthz")["calls"]
                assert away + before == 4 and away >= 2
                await each(callers, Caller.begin)
                restarted.process.terminate()
                await until(lambda gone=restarted: _is_out(proxy, gone))
                await until(lambda asked=other: _one_drains(get, asked))
                finished = asyncio.gather(*(caller.finish() for caller in callers))
                back = [asyncio.create_task(_follow(caller, finished)) for caller in callers]
                assert await asyncio.to_thread(restarted.process.wait, 40) == 0
                told = restarted.log.read_text()
                assert f"Calls: {away} moved at a pause.\n" in told, told
                await until(lambda gone=other: _has_all(get, gone, 4))
                for task in back:
                    task.cancel()
                await asyncio.gather(*back, return_exceptions=True)
                await asyncio.to_thread(restarted.start)
                await proxy.look()
                await each(callers, Caller.turn)
            await each(callers, Caller.hang_up)
            for caller in callers:
                assert {code for code, _ in caller.moved} == {1012}
                assert len(caller.moved) in (1, 2)
                stored = get(workers[0], f"/api/calls/{caller.line.call_id}/conversation")["items"]
                shown = [kept["item"]["id"] for kept in stored if not kept["hidden"]]
                assert shown == caller.items
                kinds = [kept["item"].get("role") or kept["item"]["type"] for kept in stored]
                turn = ["user", "function_call", "function_call_output", "assistant"]
                assert kinds == turn * 5


async def _is_out(proxy, worker):
    return worker not in await proxy.look()


async def _one_drains(get, asked):
    """Whether the register says so of one worker, and it is not the one that is asked."""
    told = await asyncio.to_thread(get, asked, "/api/workers")
    draining = [record["name"] for record in told["workers"] if record["draining"]]
    return len(draining) == 1 and told["worker"] not in draining


async def _has_all(get, worker, count):
    return (await asyncio.to_thread(get, worker, "/healthz"))["calls"] == count


async def _follow(caller, finished):
    """Once all have heard their answers, the caller comes back if it is sent away."""
    await asyncio.shield(finished)
    with contextlib.suppress(ConnectionClosed):
        await caller.come_back()
