"""The MCP conformance suite, against our client. ``conformance.txt`` says what does not pass."""

import asyncio
import itertools
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.mcp_peers import servers
from tests.mcp_peers.scenarios import play

ASK = servers.HERE / "ask.py"
KNOWN = servers.HERE / "conformance.txt"
REVISION = "2026-07-28"
AT_ONCE = 4
"""Scenarios; the suite would play all at once, and their time-outs are of the wall's clock."""


@asynccontextmanager
async def players(folder: Path) -> AsyncIterator[Path]:
    """A socket that plays what it is asked for, and answers with what went wrong, if anything."""
    socket, stage = folder / "s", asyncio.Semaphore(AT_ONCE)
    numbers = itertools.count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wish = json.loads(await reader.readline())
        try:
            async with stage:
                own = folder / str(next(numbers))
                await asyncio.to_thread(own.mkdir)
                await play(wish, own)
        except Exception as error:
            writer.write(repr(error).encode())
        writer.close()

    async with await asyncio.start_unix_server(serve, socket):
        yield socket


def known() -> dict[str, str]:
    """Scenarios that are said to fail, with the reason."""
    lines = KNOWN.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if not line.startswith("#"))


@pytest.mark.timeout(120)
async def test_our_client_passes_what_the_revision_requires_of_clients(tmp_path: Path):
    async with players(tmp_path) as socket:
        command = f"{sys.executable} -ISE {ASK} {socket}"
        words = ["client", "--command", command, "--requirements", REVISION]
        suite = await asyncio.create_subprocess_exec(
            *servers.node_command(servers.CONFORMANCE, *words, "--verbose"),
            *("--timeout", "90000", "--output-dir", str(tmp_path / "results")),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await suite.communicate()
    said = output.decode()
    outcomes = {name: mark for mark, name in re.findall(r"^([✓✗]) (\S+): ", said, re.MULTILINE)}
    assert len(outcomes) == 39, said
    assert {name for name, mark in outcomes.items() if mark == "✗"} == known().keys(), said
