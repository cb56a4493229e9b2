"""Ctrl-C: everything that a command started ends with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def running_with(data: Path) -> set[int]:
    """The processes that were told to work in ``data``, by environment or command."""
    mark = str(data).encode()
    found: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (
                process.joinpath("environ").read_bytes(),
                process.joinpath("cmdline").read_bytes(),
            )
        except OSError:
            continue
        if any(mark in text for text in told):
            found.add(int(process.name))
    return found


def until_gone(data: Path) -> set[int]:
    deadline = time.monotonic() + 40
    while (left := running_with(data)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def until_running(data: Path, count: int) -> None:
    deadline = time.monotonic() + 40
    while len(running := running_with(data)) != count:
        assert time.monotonic() < deadline, running
        time.sleep(0.05)


@pytest.fixture
def chat(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A chat that waits for its first line, with a server of its own: the usual port is taken."""
    with socket.socket() as taken:  # where nobody answers
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        environ = {"FRONTDESK_DATA": str(tmp_path), "FRONTDESK_MODELS": "instant"}
        with subprocess.Popen(
            [sys.executable, "-m", "frontdesk", "chat"],
            cwd=ROOT,
            env={**os.environ, **environ, "FRONTDESK_PORT": str(port)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            assert child.stderr
            lines = [child.stderr.readline().decode() for _ in range(3)]
            try:
                assert lines[0].startswith(f"Port {port} is taken: using "), lines
                assert lines[2].startswith("Chatting at"), lines
                yield child
            finally:
                child.kill()


@LINUX
def test_ctrl_c_ends_a_chat_that_waits_for_a_line_and_its_servers(
    chat: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    until_running(tmp_path, 5)  # chat, server, two MCP servers and Valkey
    chat.send_signal(signal.SIGINT)
    _, errors = chat.communicate(timeout=40)
    assert chat.returncode == 130
    assert errors == b""
    assert not until_gone(tmp_path)


@LINUX
def test_a_killed_command_leaves_nothing_running(
    chat: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    chat.kill()
    chat.communicate(timeout=40)
    assert not until_gone(tmp_path)


def test_a_chat_ends_with_its_input(server: Any) -> None:
    chat = subprocess.run(
        [sys.executable, "-m", "frontdesk", "chat", "--url", server.url],
        input=b"Hello\n",
        capture_output=True,
        timeout=50,
        check=True,
    )
    assert chat.stdout.decode().count("agent") == 1
