"""Workers to be killed: processes of their own."""

import asyncio
import json
import os
import re
import signal
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conftest import PATIENT
from tests.forks import Forks

HERE = Path(__file__).parent


class Worker:
    """One forked worker. ``url`` is its address once it is up."""

    def __init__(self, name: str, pid: int, log: Path) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self.url = ""

    async def up(self) -> "Worker":
        async with asyncio.timeout(60):
            while not (found := re.search(r"talk +(http://\S+)/talk", self.words)):
                assert self.lives, self.words
                await asyncio.sleep(0.01)
        self.url = found.group(1)
        return self

    @property
    def words(self) -> str:
        """What it has printed."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def lives(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    async def get(self, path: str) -> Any:
        """A JSON document of its API."""

        def read() -> Any:
            with urllib.request.urlopen(self.url + path, timeout=40) as answer:
                return json.load(answer)

        return await asyncio.to_thread(read)


class Crew:
    """The workers of one test: they share a desk, a folder, a store and a world."""

    def __init__(self, forks: Forks, folder: Path, environ: dict[str, str]) -> None:
        self._forks = forks
        self._folder = folder
        self._environ = {
            **os.environ,
            "FRONTDESK_DESK": str(HERE / "desk"),
            "FRONTDESK_DATA": str(folder),
            "FRONTDESK_MODELS": "instant",
            "FRONTDESK_PORT": "0",
            "FRONTDESK_RELOAD": "false",
            **environ,
        }
        self.all: list[Worker] = []
        self.constants: Mapping[str, float] = PATIENT
        """Of those that are forked from now on, where they are other than the code's."""

    def fork(self, name: str | None = None) -> Worker:
        """One more, which may have a dead one's name; it is not up yet."""
        number = len(self.all) + 1
        name = name or f"w{number}"
        log = self._folder / f"{number}-{name}.log"
        environ = {**self._environ, "FRONTDESK_WORKER": name}
        process = self._forks.fork(["serve", "--no-mcp-servers"], environ, log, self.constants)
        worker = Worker(name, process.pid, log)
        self.all.append(worker)
        return worker

    async def start(self) -> Worker:
        return await self.fork().up()

    def close(self) -> None:
        for worker in self.all:
            try:
                worker.kill()
            except ProcessLookupError:
                continue
