"""``hostedMcpTool`` of ``@openai/agents-realtime``: MCP servers that the client names."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from frontdesk.team.instant import REPLY
from tests.mcp_servers.conftest import TOKEN, start_server  # noqa: F401 (a fixture)

TOOL = "find_order"


@pytest.fixture(scope="session")
def orders(start_server: Any, tmp_path_factory: Any) -> Any:  # noqa: F811
    """A real MCP server, which wants a token."""
    return start_server("orders", tmp_path_factory.mktemp("orders"))


@pytest.fixture
def talk(scenario: Any) -> Callable[..., Any]:
    """Plays a scenario of agents.mjs with a server."""

    def play(server: Any, name: str, *words: str) -> Any:
        url = f"{server.ws}/v1/realtime?model=support"
        environ = getattr(server, "client_environ", {})
        return scenario("agents.mjs", name, url, *words, environ=environ)

    return play


@pytest.fixture
def ask(talk: Any, secure_server: Any, orders: Any) -> Callable[[str], Any]:
    """A question that needs the tool, with what is decided about the call."""

    def ask(decision: str) -> Any:
        return talk(secure_server, "mcp", orders.url, TOKEN, TOOL, decision)

    return ask


def judge_whole_talk(report: Any) -> None:
    """What holds in all of them."""
    assert report.told("mcp_tools_changed")[0]["tools"] == [TOOL], "others were not allowed"
    assert not report.told("error")
    assert len(report.told("mcp_tool_call_completed")) == 1
    # Two responses, each asked for by the client: the server does not go on by itself.
    assert [response["status"] for response in report.responses] == ["completed"] * 2
    assert report.told("agent_end")[-1]["output"] == REPLY


def test_a_tool_that_needs_no_approval_is_called_and_its_result_answered(ask):
    report = ask("never")
    judge_whole_talk(report)
    (call,) = [item for item in report.history if item["type"] == "mcp_call"]
    assert call["name"] == TOOL
    order = json.loads(call["output"])
    assert order["order_number"] == json.loads(call["arguments"])["order_number"]
    assert not report.told("tool_approval_requested")


def test_a_call_waits_for_its_approval(ask):
    report = ask("approve")
    judge_whole_talk(report)
    (asked,) = report.told("tool_approval_requested")
    (called,) = report.told("mcp_tool_call_completed")
    assert asked["item"]["name"] == called["call"]["name"] == TOOL
    assert json.loads(asked["item"]["arguments"]) == json.loads(called["call"]["arguments"])
    assert json.loads(called["call"]["output"])["found"] in (True, False)
    kinds = [frame["type"] for frame in report.frames]
    answered = [frame["item"]["type"] for frame in report.of("conversation.item.added")]
    assert "mcp_approval_response" in answered
    assert kinds.index("response.done") < kinds.index("response.mcp_call.in_progress")


def test_a_call_that_is_not_approved_fails_and_the_talk_goes_on(ask):
    report = ask("reject")
    judge_whole_talk(report)
    (called,) = report.told("mcp_tool_call_completed")
    assert called["call"]["output"] is None
    assert report.of("response.mcp_call.failed") and not report.of("response.mcp_call.completed")
    done = [frame["item"] for frame in report.of("conversation.item.done")]
    (item,) = [item for item in done if item["type"] == "mcp_call"]
    assert item["error"]["type"] == "tool_execution_error"


def test_a_server_that_is_not_there_leaves_the_session_alive(talk, secure_server):
    report = talk(secure_server, "mcpTrouble", "http://127.0.0.1:9/mcp")
    assert not report.told("error")
    assert [event["output"] for event in report.told("agent_end")] == [REPLY]


def test_a_private_address_is_refused_unless_the_desk_allows_it(talk, server, orders):
    report = talk(server, "mcpTrouble", orders.url)
    (told,) = report.told("error")
    assert told["error"]["error"]["param"] == "session.tools[0].server_url"
    assert [event["output"] for event in report.told("agent_end")] == [REPLY]
