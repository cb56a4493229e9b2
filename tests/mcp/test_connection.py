import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from mcp.types import TextContent

from frontdesk.mcp.config import HttpServer
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.connections import McpConnections
from frontdesk.mcp.faults import ToolCallError
from tests.leaps import leap

Until = Callable[[Callable[[], object]], Any]


def text(result: Any) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def call(
    connections: McpConnections, tool: str, /, seconds: float = 30.0, **args: Any
) -> str:
    return text(await connections.get("orders").call(tool, args, seconds=seconds))


async def test_a_tool_of_a_server_behind_a_bearer_token_answers(
    connections: McpConnections, host: Any
) -> None:
    found = json.loads(await call(connections, "find_order", order_id="48271"))
    assert found == {"order_id": "48271", "status": "on its way"}
    [status] = connections.status()
    assert (status.state, status.error) == ("ready", None)
    assert "find_order" in status.tools
    session = connections.get("orders")._client.session  # pyright: ignore
    assert (session.discover_result is None) == host.legacy


async def test_calls_run_side_by_side(connections: McpConnections, host: Any) -> None:
    waiting = [asyncio.create_task(call(connections, "wait")) for _ in range(8)]
    await host.running.wait()
    assert await call(connections, "find_order", order_id="1")
    host.release.set()
    assert await asyncio.gather(*waiting) == ["released"] * 8


async def test_progress_reaches_the_caller(connections: McpConnections) -> None:
    heard: list[str | None] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    await connections.get("orders").call("count", {}, seconds=30, progress=progress)
    assert heard == ["step 0", "step 1", "step 2"]


async def test_a_call_over_its_time_budget_is_stopped_on_the_server_too(
    connections: McpConnections, host: Any
) -> None:
    task = asyncio.create_task(call(connections, "wait", seconds=600))
    await host.running.wait()
    leap(600)
    with pytest.raises(ToolCallError, match="did not answer within 600 seconds"):
        await task
    await host.cancelled.wait()
    assert await call(connections, "find_order", order_id="1")


async def test_cancelling_the_caller_cancels_the_tool(
    connections: McpConnections, host: Any
) -> None:
    task = asyncio.create_task(call(connections, "wait"))
    await host.running.wait()
    task.cancel()
    await host.cancelled.wait()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_server_that_dies_in_a_call_is_an_error_of_that_call(
    connections: McpConnections, host: Any
) -> None:
    task = asyncio.create_task(call(connections, "wait"))
    await host.running.wait()
    await host.kill()
    with pytest.raises(ToolCallError, match="orders service"):
        await task
    with pytest.raises(ToolCallError, match="cannot be reached"):
        await call(connections, "find_order", order_id="1")
    assert "find_order" in {tool.name for tool in connections.get("orders").tools}


async def test_one_broken_connection_leaves_the_other_calls_alone(
    connections: McpConnections, host: Any
) -> None:
    def reset(body: bytes) -> bytes:
        if b"on its way" in body:
            raise ConnectionResetError
        return body

    other = asyncio.create_task(call(connections, "wait"))
    await host.running.wait()
    host.fiddle = reset
    with pytest.raises(ToolCallError):
        await call(connections, "find_order", order_id="1")
    host.fiddle = lambda body: body
    assert not other.done()
    host.release.set()
    assert await other == "released"


async def test_it_works_again_as_soon_as_the_server_is_back(
    connections: McpConnections, host: Any, wait_until: Until
) -> None:
    for _ in range(2):
        await host.kill()
        with pytest.raises(ToolCallError):
            await call(connections, "find_order", order_id="1")
        await host.start()
        await wait_until(lambda: connections.status()[0].state == "ready")
        assert await call(connections, "find_order", order_id="2")


async def test_a_restart_between_two_calls_goes_unnoticed(
    connections: McpConnections, host: Any
) -> None:
    assert await call(connections, "find_order", order_id="1")
    await host.kill()
    await host.start()
    assert await call(connections, "find_order", order_id="2")
    assert host.log == ["1", "2"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "credentials need attention"),
        (429, "too busy right now .429.; try again in 60 seconds"),
        (500, "an error of its own .500."),
    ],
)
async def test_a_refusal_is_told_by_its_status(
    connections: McpConnections, host: Any, status: int, words: str
) -> None:
    host.status = status
    with pytest.raises(ToolCallError, match=words):
        await call(connections, "find_order", order_id="1")
    host.status = None
    if status != 429:
        assert await call(connections, "find_order", order_id="1")


async def test_a_wrong_token_is_told_at_start(host: Any) -> None:
    opened = McpConnections(
        {"orders": HttpServer("orders", host.url, {"authorization": "Bearer x"})}
    )
    await opened.start(settle=30)
    [status] = opened.status()
    assert status.state == "down"
    assert "refused access (401)" in str(status.error)
    await opened.aclose()


async def test_a_server_that_never_answers_holds_up_nothing(
    black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontdesk.mcp.connection.ATTEMPT_SECONDS", 0.1)
    opened = McpConnections({"orders": HttpServer("orders", black_hole)})
    await opened.start(settle=0.05)
    assert opened.status()[0].state == "starting"
    assert opened.get("orders").tools == ()
    with pytest.raises(ToolCallError, match="not connected yet"):
        await call(opened, "find_order", order_id="1")
    await opened.aclose()


async def test_a_server_that_starts_later_joins_by_itself(host: Any, wait_until: Until) -> None:
    await host.kill()
    opened = McpConnections({"orders": host.config})
    await opened.start(settle=30)
    assert opened.status()[0].state == "down"
    await host.start()
    await wait_until(lambda: opened.status()[0].state == "ready")
    assert await call(opened, "find_order", order_id="1")
    await opened.aclose()


async def test_an_error_of_the_tool_comes_back_as_a_result(connections: McpConnections) -> None:
    result = await connections.get("orders").call("refund_order", {"order_id": "1"}, seconds=30)
    assert result.is_error
    assert "secret" not in text(result)


async def test_an_unknown_tool_is_an_error(connections: McpConnections) -> None:
    try:
        assert (await connections.get("orders").call("nothing", {}, seconds=30)).is_error
    except ToolCallError as error:
        assert "rejected" in str(error)


async def test_nonsense_instead_of_an_answer_is_an_error_of_that_call(
    connections: McpConnections, host: Any
) -> None:
    host.fiddle = lambda body: body.replace(b'"content"', b'"kontent"')
    with pytest.raises(ToolCallError, match="does not follow the protocol"):
        await call(connections, "find_order", order_id="1")
    host.fiddle = lambda body: b"<html>"
    with pytest.raises(ToolCallError):
        await call(connections, "find_order", order_id="1")
    host.fiddle = lambda body: body
    assert await call(connections, "find_order", order_id="2")


@pytest.mark.parametrize("tells_length", [True, False])
async def test_an_answer_beyond_all_measure_is_an_error_of_that_call(
    connections: McpConnections, host: Any, tells_length: bool
) -> None:
    host.tells_length = tells_length
    with pytest.raises(ToolCallError, match=r"far too much data|connection .* was lost"):
        await call(connections, "huge", size=9 * 1024 * 1024, seconds=30)
    assert await call(connections, "find_order", order_id="2")


async def test_bad_tools_are_left_out_of_the_list_one_by_one(
    host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    host.fiddle = lambda body: body.replace(b'"name":"huge"', b'"name":"has space"').replace(
        b'"name":"count"', b'"name":"wait"'
    )
    opened = McpConnections({"orders": host.config})
    await opened.start(settle=30)
    names = [tool.name for tool in opened.get("orders").tools]
    assert sorted(names) == ["find_order", "grow", "refund_order", "wait"]
    assert "'has space' left out" in caplog.text
    await opened.aclose()


async def test_a_changed_tool_list_is_fetched_when_the_server_says_so(
    connections: McpConnections, host: Any, wait_until: Until
) -> None:
    if host.legacy:
        pytest.skip("the SDK's server sends its notices to 2026-07-28 clients only")

    async def tell() -> bool:
        await connections.get("orders").call("grow", {}, seconds=30)
        return "grown" in connections.status()[0].tools

    # The stream of notices opens a moment after the connection is ready.
    while not await tell():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_closing_ends_calls_that_are_under_way(host: Any) -> None:
    opened = McpConnections({"orders": host.config})
    await opened.start(settle=30)
    task = asyncio.create_task(call(opened, "wait"))
    await host.running.wait()
    await opened.aclose()
    with pytest.raises(ToolCallError):
        await task
    assert opened.status()[0].state == "closed"


def test_a_connection_can_be_made_before_there_is_a_loop() -> None:
    assert Connection(HttpServer("orders", "http://127.0.0.1:1/mcp")).tools == ()
