"""What a server that we start as a command says on its standard error."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from frontdesk.mcp.config import StdioServer
from frontdesk.mcp.connection import Connection

FAILS = "import sys; print('it is', 'no such database', sep='\\n', file=sys.stderr); sys.exit(3)"
CHATTERS = f"import sys\nfor n in range(3000): print('x' * 500, file=sys.stderr)\n{FAILS}"
RAMBLES = "import sys; sys.stderr.write('x' * 300_000); sys.stderr.flush(); sys.exit(3)"

Start = Callable[[str], Connection]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    started: list[Connection] = []

    def start(code: str) -> Connection:
        connection = Connection(StdioServer("lamps", sys.executable, ("-c", code)))
        started.append(connection)
        connection.open()
        return connection

    yield start
    for connection in started:
        await connection.aclose()


@pytest.mark.parametrize("code", [FAILS, CHATTERS])
async def test_the_last_words_of_a_command_that_fails_are_kept(start: Start, code: str) -> None:
    connection = start(code)
    await connection.settled.wait()
    assert connection.state == "down"
    assert connection.last_words.line == "no such database"
    assert "database" not in (connection.error or ""), "which models read"


async def test_a_line_without_an_end_is_taken_in_pieces(start: Start) -> None:
    connection = start(RAMBLES)
    await connection.settled.wait()
    assert 0 < len(connection.last_words.line or "") <= 70_000


async def test_what_a_server_says_is_not_printed(
    start: Start, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "frontdesk.mcp.last_words"):
        connection = start(FAILS)
        await connection.settled.wait()
    assert "no such database" not in capfd.readouterr().err
    assert "MCP server lamps says: no such database" in caplog.messages


async def test_an_operator_is_told_them(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontdesk.mcp.connection.START_SECONDS", 0)
    start(FAILS)
    async with asyncio.timeout(40):
        while not any("Its last words: no such database" in text for text in caplog.messages):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
