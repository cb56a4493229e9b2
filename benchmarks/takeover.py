"""Take-over: from ``kill -9`` of a worker to the first sound of the next one at the client.

    python benchmarks/takeover.py [--kills 20] [--json FILE]

Two workers share a store. A caller has asked, and a tool is under way, when the worker is killed;
the caller's line breaks, it comes back to the other worker with its resume token, and is answered
there: the tool, which is idempotent, is run again. Workers are the product's own processes, and a
new one is up and idle before each kill. Models answer at once: what is measured is the layer.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server import Server, until_up
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from frontdesk.state.valkey import embedded_valkey

HERE = Path(__file__).parent
EARLIER_TURNS = 5
"""Turns that the call has held before: what is loaded is a conversation."""
STEPS = {
    "noticed": "the line breaks",
    "connected": "reconnected",
    "session.created": "claimed, loaded, greeted",
    "response.created": "the turn is taken up",
    "response.output_item.added": "tool and model",
    "response.output_audio.delta": "first audio",
}


@dataclass
class TakeOver:
    """Seconds since the kill at which each step was over, by its name in ``STEPS``."""

    at: dict[str, float] = field(default_factory=dict[str, float])

    def took(self, step: str) -> float:
        """Seconds that one step took."""
        names = [*STEPS]
        before = names[names.index(step) - 1] if step != names[0] else None
        return self.at[step] - (self.at[before] if before else 0.0)

    @property
    def after_reconnect(self) -> float:
        return self.at["response.output_audio.delta"] - self.at["connected"]


class Line:
    """A client's end."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.last = ""
        self.created: dict[str, Any] = {}

    @classmethod
    async def dial(cls, server: Server, query: str) -> "Line":
        address = f"{server.ws}/v1/realtime?{query}"
        return cls(await connect(address, max_size=None, compression=None))

    async def send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                event: dict[str, Any] = json.loads(await self._socket.recv())
                self.last = event["event_id"]
                if event["type"] == "error":
                    raise RuntimeError(event["error"]["message"])
                if event["type"] == "session.created":
                    self.created = event
                if event["type"] == kind:
                    return event

    async def ask(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create")

    async def hang_up(self) -> None:
        await self._socket.close()

    async def until_broken(self) -> None:
        try:
            async with asyncio.timeout(30):
                while True:
                    await self._socket.recv()
        except ConnectionClosed:
            return


async def take_over(victim: Server, other: Server, data: Path) -> TakeOver:
    """Kill ``victim`` in a turn of a call, and go on at ``other``."""
    waits, go = data / "waits", data / "go"
    go.touch()
    line = await Line.dial(victim, "model=takeover")
    for _ in range(EARLIER_TURNS):
        await line.ask("Where is my order?")
        await line.until("response.done")
    for mark in (go, waits):
        mark.unlink(missing_ok=True)
    await line.ask("And now?")
    await line.until("response.created")
    while not waits.exists():  # noqa: ASYNC110 (another process)
        await asyncio.sleep(0.002)
    go.touch()
    os.kill(victim.pid, signal.SIGKILL)
    killed, found = time.perf_counter(), TakeOver()

    def over(step: str) -> None:
        found.at[step] = time.perf_counter() - killed

    await line.until_broken()
    over("noticed")
    token = line.created["resume"]["token"]
    back = await Line.dial(other, f"resume={token}&after={line.last}")
    over("connected")
    for step in [*STEPS][2:]:
        await back.until(step)
        over(step)
    await back.until("response.done")
    await back.hang_up()
    return found


class Workers:
    """Processes that share a store and a data folder."""

    def __init__(self, data: Path, store: str) -> None:
        self._data = data
        self._store = store
        self._running: list[tuple[subprocess.Popen[bytes], Server]] = []
        self._started = 0

    async def two(self) -> tuple[Server, Server]:
        """Two that live: the dead are replaced first."""
        self._running = [(process, up) for process, up in self._running if process.poll() is None]
        while len(self._running) < 2:
            self._running.append(await asyncio.to_thread(self._start))
        return self._running[0][1], self._running[1][1]

    def _start(self) -> tuple[subprocess.Popen[bytes], Server]:
        self._started += 1
        log = self._data / f"worker-{self._started}.log"
        command = [sys.executable, "-m", "frontdesk", "serve", str(HERE / "desk")]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--port", "0", "--models", "instant"],
                env={
                    **os.environ,
                    "FRONTDESK_DATA": str(self._data),
                    "FRONTDESK_REDIS_URL": self._store,
                    "PYTHONUNBUFFERED": "1",
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return process, until_up(log, process)

    def stop(self) -> None:
        for process, _ in self._running:
            process.kill()
            process.wait(20)


async def measure(kills: int) -> list[TakeOver]:
    """So many take-overs, one after the other."""
    found: list[TakeOver] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        async with embedded_valkey(data) as store:
            workers = Workers(data, store)
            try:
                for _ in range(kills):
                    found.append(await take_over(*await workers.two(), data))
            finally:
                workers.stop()
    return found


def quantiles(values: list[float]) -> tuple[float, float]:
    """p50 and p95, in milliseconds."""
    ordered = sorted(1000 * value for value in values)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def report(found: list[TakeOver]) -> str:
    """For people."""
    lines = [f"Take-over after kill -9, ms, {len(found)} kills        p50 / p95"]
    for step, meaning in STEPS.items():
        p50, p95 = quantiles([one.took(step) for one in found])
        lines.append(f"  {meaning:<34}{p50:10.1f} / {p95:.1f}")
    for name, values in (
        (
            "from the kill to the first audio",
            [one.at["response.output_audio.delta"] for one in found],
        ),
        ("from the reconnect to it", [one.after_reconnect for one in found]),
    ):
        p50, p95 = quantiles(values)
        lines.append(f"  {name:<34}{p50:10.1f} / {p95:.1f}")
    lines.append(
        f"{'PASS' if p95 < 1000 else 'MISS'}  take-over under 1 s after the reconnect: {p95:.0f} ms"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    chosen = parser.parse_args()
    found = asyncio.run(measure(chosen.kills))
    print(report(found))
    if chosen.json:
        chosen.json.write_text(json.dumps([one.at for one in found], indent=1))


if __name__ == "__main__":
    main()
