"""A Frontdesk server as a process of its own, for benchmarks."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0
"""Seconds in which a server must have started, and ended."""
NOBODY_WAITS = {"FRONTDESK_DRAIN_SECONDS": "0"}
"""Whoever was lost does not come back, so an end waits for nobody."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and how much CPU it has used."""

    url: str
    pid: int
    in_use: dict[str, str]
    """Its models, by its own word."""
    stores: tuple[int, ...] = ()
    """Its Valkey, another process."""

    @property
    def ws(self) -> str:
        """Its address for WebSockets."""
        return self.url.replace("http", "ws", 1)

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return _cpu_seconds(self.pid)

    def helpers_cpu_seconds(self) -> float:
        """The same for its store."""
        return sum(_cpu_seconds(pid) for pid in self.stores)

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found.group(1)) * 1024 if found else 0


def _cpu_seconds(pid: int) -> float:
    """Fields 14 and 15 of /proc/PID/stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def serving(
    models: str, desk: Path, *, cpu: int | None = None, store_cpu: int | None = None
) -> Iterator[Server]:
    """Run ``frontdesk serve`` in a fresh data folder, on one core if asked, and its Valkey on
    another: a store is a server of its own."""
    command = [sys.executable, "-m", "frontdesk", "serve", str(desk)]
    with running([*command, "--port", "0", "--models", models], cpu=cpu) as server:
        for store in server.stores if store_cpu is not None else ():
            os.sched_setaffinity(store, {store_cpu})
        yield server


def _stores(data: Path) -> Iterator[int]:
    """The processes of a Valkey that keeps its data here."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = process.joinpath("cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if b"valkey-server" in command and os.fsencode(data) in command:
            yield int(process.name)


@contextmanager
def running(command: list[str], *, cpu: int | None = None) -> Iterator[Server]:
    """Run a server that tells its address in its output as Frontdesk does."""
    with tempfile.TemporaryDirectory() as data:
        log = Path(data) / "serve.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*(["taskset", "-c", str(cpu)] if cpu is not None else []), *command],
                env={**os.environ, **NOBODY_WAITS, "FRONTDESK_DATA": data, "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield until_up(log, process)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                print(log.read_text(errors="replace"), file=sys.stderr)
                raise


def until_up(log: Path, process: subprocess.Popen[bytes]) -> Server:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"talk\s+(http://\S+)/talk", log.read_text(errors="replace"))
        if found:
            with urllib.request.urlopen(f"{found.group(1)}/healthz", timeout=5) as answer:
                in_use = json.load(answer)["in_use"]
            return Server(found.group(1), process.pid, in_use, tuple(_stores(log.parent)))
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')}")
