"""Fixtures for tests that need the whole of Frontdesk: a server as a process of its own."""

import atexit
import contextlib
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from tests.forks import Forked, Forks
from tests.frames import checked
from tests.ports import held_port

with contextlib.suppress(ImportError):  # where only other people's clients are installed
    from hypothesis import HealthCheck, settings

    # An example takes what it takes: machines are busy with other things.
    settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("tests")

ROOT = Path(__file__).parent.parent
PATIENT = {"frontdesk.call.told.PATIENCE": 20.0, "frontdesk.call.told.OPENING": 20.0}
"""A busy machine may keep a store from answering for more than the 100 ms that a client waits for
the record. Then what a test was told is not yet where it looks, and gone if it kills the server."""
PYTHON = os.environ.get("FRONTDESK_PYTHON", sys.executable)
"""Runs the server: another one than runs the tests, where a client needs its own packages."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first waits for the models that a server loads, or for a browser."""
    for item in items:
        slow = item.get_closest_marker("embedded") or item.get_closest_marker("browser")
        if slow and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(120))


@cache
def forks() -> Forks:
    """What forks servers, until these tests are over."""
    forks = Forks(PYTHON)
    atexit.register(forks.close)
    return forks


class ServerProcess:
    """``frontdesk serve`` on a free port. ``url`` is its address."""

    def __init__(
        self,
        data: Path,
        *,
        desk: Path = ROOT,
        models: str = "instant",
        environ: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        patience: float = 90,
        forked: bool = sys.platform == "linux",
        constants: Mapping[str, float] = PATIENT,
    ) -> None:
        """``tls``: what a client trusts, for a server with a certificate in its ``environ``. It
        has to be up within ``patience`` seconds: embedded models take their time. ``forked``: by a
        process that has imported Frontdesk, which is six times as quick as starting one; only such
        a one has other values for ``constants`` of the code."""
        self.data = data
        self._patience = patience
        self.tls = tls
        self._environ = environ or {}
        self._words = ["serve", str(desk), "--port", "0", "--models", models]
        self._forked = forked
        self._constants = constants
        self.log = data / "serve.log"
        self.start()

    def start(self) -> None:
        """Start it (again), on a new port and the same data."""
        data = {"FRONTDESK_DATA": str(self.data), "PYTHONUNBUFFERED": "1"}
        data["FRONTDESK_DRAIN_SECONDS"] = "0"  # a test that failed may have left calls behind
        data["FRONTDESK_RESUME_SECONDS"] = "0.5"  # most tests that hang up do so rudely
        self.process = self._start({**os.environ, **data, **self._environ})
        self.url = self._address()

    def _start(self, environ: dict[str, str]) -> "Forked | subprocess.Popen[bytes]":
        with self.log.open("wb") as output:
            if not self._forked:
                command = [PYTHON, "-m", "frontdesk", *self._words]
                return subprocess.Popen(
                    command, env=environ, stdout=output, stderr=subprocess.STDOUT
                )
        return forks().fork(self._words, environ, self.log, self._constants)

    def _address(self) -> str:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(r"talk +(https?://\S+)/talk", self.log.read_text()):
                health = f"{found.group(1)}/healthz"
                with urllib.request.urlopen(health, timeout=40, context=self.tls) as answer:
                    assert answer.status == 200
                return found.group(1)
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"the server did not start:\n{self.log.read_text()}")

    @property
    def ws(self) -> str:
        """Its address for WebSockets."""
        return self.url.replace("http", "ws", 1)

    @property
    def resident(self) -> int:
        """Bytes of memory that it holds."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """The worst that can happen to it."""
        self.process.kill()
        self.process.wait(40)

    def stop(self) -> None:
        """End it as an operator would."""
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()


@pytest.fixture(autouse=True)
def every_frame_is_checked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Listens in on the sockets of all Python clients, which know nothing of it."""
    wrong: list[Exception] = []
    receive = ClientConnection.recv

    async def checking(self: ClientConnection, decode: bool | None = None) -> str | bytes:
        frame = await receive(self, decode)
        if self.request and self.request.path.startswith("/v1/realtime"):
            try:
                checked(frame)
            except ValueError as error:
                wrong.append(error)
        return frame

    monkeypatch.setattr(ClientConnection, "recv", checking)
    yield
    assert not wrong, wrong


@pytest.fixture
def unused_tcp_port() -> Iterator[int]:
    """Nobody listens there, but who is told to by the test."""
    with held_port() as port:
        yield port


@pytest.fixture(scope="session")
def server_process() -> type[ServerProcess]:
    """For tests that start, harm and stop servers of their own."""
    return ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with instant models, shared by all tests that do not harm it."""
    running = ServerProcess(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def tool_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with instant models whose one agent calls its tool in every turn: the desk of the
    load runs."""
    desk = ROOT / "benchmarks" / "desk"
    running = ServerProcess(tmp_path_factory.mktemp("tool_server"), desk=desk)
    yield running
    running.stop()
