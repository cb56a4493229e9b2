"""The MCP conformance suite, against our client and against our ``/mcp``."""

import asyncio
import itertools
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.mcp_peers import servers
from tests.mcp_peers.scenarios import play

ASK = servers.HERE / "ask.py"
REVISION = "2026-07-28"
AT_ONCE = 4
"""Scenarios; the suite would play all at once, and their time-outs are of the wall's clock."""

pytestmark = pytest.mark.timeout(120)


async def suite(folder: Path, side: str, *options: str) -> Path:
    """Run what the revision requires of one side; where the results are."""
    results = folder / "results"
    command = servers.node_command(servers.CONFORMANCE, side, *options)
    process = await asyncio.create_subprocess_exec(
        *(*command, "--requirements", REVISION, "--timeout", "90000", "--output-dir", str(results)),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()
    return results


def checks(results: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every check of every scenario, as ``SCENARIO/CHECK``."""
    for file in results.rglob("checks.json"):
        named = file.parent.relative_to(results).as_posix()
        scenario = re.sub(r"-20\d\d-\d\d-\d\dT[\d-]+Z$", "", named).removeprefix("server-")
        yield from ((f"{scenario}/{check['id']}", check) for check in json.loads(file.read_text()))


def unexpected(results: Path, known: Path) -> list[str]:
    """What is not as ``known`` says, which has lines ``PATTERN: REASON``."""
    lines = known.read_text(encoding="utf-8").splitlines()
    patterns = [line.partition(": ")[0] for line in lines if not line.startswith("#")]
    failed = {
        name: str(check.get("errorMessage") or check["description"])
        for name, check in checks(results)
        if check["status"] in ("FAILURE", "WARNING")
    }
    told = [
        f"does not pass, and nothing says why: {name} ({why})"
        for name, why in failed.items()
        if not any(fnmatchcase(name, pattern) for pattern in patterns)
    ]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in failed):
            told.append(f"is said to fail, and does not: {pattern}")
    return told


def passed(results: Path) -> int:
    return sum(check["status"] == "SUCCESS" for _, check in checks(results))


@asynccontextmanager
async def players(folder: Path) -> AsyncIterator[Path]:
    """A socket that plays what it is asked for. Errors of the player itself come at the end."""
    socket, stage = folder / "s", asyncio.Semaphore(AT_ONCE)
    numbers, errors = itertools.count(), list[Exception]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wish = json.loads(await reader.readline())
        try:
            async with stage:
                own = folder / str(next(numbers))
                await asyncio.to_thread(own.mkdir)
                await play(wish, own)
        except Exception as error:
            error.add_note(f"in {wish['scenario']}")
            errors.append(error)
        writer.close()

    async with await asyncio.start_unix_server(serve, socket):
        yield socket
    if errors:
        raise ExceptionGroup("the player's", errors)


async def test_our_client_passes_what_a_client_has_to(tmp_path: Path):
    async with players(tmp_path) as socket:
        command = f"{sys.executable} -ISE {ASK} {socket}"
        results = await suite(tmp_path, "client", "--command", command)
    assert "\n".join(unexpected(results, servers.HERE / "conformance_client.txt")) == ""
    assert passed(results) > 400


async def test_our_server_passes_what_a_server_with_tools_alone_has_to(tmp_path: Path, server):
    results = await suite(tmp_path, "server", "--url", f"{server.url}/mcp")
    assert "\n".join(unexpected(results, servers.HERE / "conformance_server.txt")) == ""
    assert passed(results) > 90
