"""Workers to be killed: processes of their own."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


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
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return json.load(answer)

        return await asyncio.to_thread(read)


class Forks:
    """The process that forks them (``forks.py``), and all that it forked."""

    def __init__(self) -> None:
        paths = (str(ROOT), str(HERE / "stand_ins"))
        self._process = subprocess.Popen(
            [sys.executable, HERE / "forks.py"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def fork(self, name: str, log: Path, environ: dict[str, str]) -> Worker:
        assert self._process.stdin
        print(
            json.dumps({"environ": environ, "log": str(log)}), file=self._process.stdin, flush=True
        )
        return Worker(name, int(self._answer()), log)

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Crew:
    """The workers of one test: they share a desk, a folder, a store and a world."""

    def __init__(self, forks: Forks, folder: Path, environ: dict[str, str]) -> None:
        self._forks = forks
        self._folder = folder
        self._environ = {
            "FRONTDESK_DESK": str(HERE / "desk"),
            "FRONTDESK_DATA": str(folder),
            "FRONTDESK_MODELS": "instant",
            "FRONTDESK_PORT": "0",
            "FRONTDESK_RELOAD": "false",
            **environ,
        }
        self.all: list[Worker] = []

    def fork(self, name: str | None = None) -> Worker:
        """One more, which may have a dead one's name; it is not up yet."""
        number = len(self.all) + 1
        name = name or f"w{number}"
        log = self._folder / f"{number}-{name}.log"
        environ = {**self._environ, "FRONTDESK_WORKER": name}
        worker = self._forks.fork(name, log, environ)
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
