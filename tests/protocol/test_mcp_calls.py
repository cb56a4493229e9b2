"""Calls of the model to MCP servers of the client, in the order of the wire."""

from typing import Any

import pytest

from frontdesk.protocol.commands import McpCallRefused, RunMcpTool
from frontdesk.protocol.engine import McpCallEnded, ResponseEnded, ResponseMcpCall, ResponseText


def test_a_call_without_approval_runs_when_its_response_is_done(listed: Any, kinds: Any) -> None:
    talk = listed(require_approval="never")
    response_id = talk.respond()
    said = talk.feed(ResponseMcpCall(response_id, "shop", "find", '{"a":1}'))
    assert kinds(said) == [
        "response.output_item.added",
        "conversation.item.added",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.output_item.done",
    ]
    item_id = said[0]["item"]["id"]
    empty = {"output": None, "error": None, "approval_request_id": None}
    named = {"id": item_id, "type": "mcp_call", "server_label": "shop", "name": "find"}
    assert said[0]["item"] == {**named, **empty, "arguments": ""}
    assert said[1]["item"] == said[0]["item"]
    assert (said[2]["delta"], said[2]["obfuscation"]) == ('{"a":1}', "")
    assert said[3]["arguments"] == '{"a":1}'
    assert said[4]["item"] == {**named, **empty, "arguments": '{"a":1}'}
    assert not [c for c in talk.told if isinstance(c, RunMcpTool)]
    said = talk.feed(ResponseEnded(response_id))
    assert kinds(said) == ["response.done", "response.mcp_call.in_progress"]
    assert said[0]["response"]["output"] == [{**named, **empty, "arguments": '{"a":1}'}]
    run = talk.command(RunMcpTool)
    assert (run.item_id, run.name, run.arguments) == (item_id, "find", '{"a":1}')
    said = talk.feed(McpCallEnded(item_id, "found"))
    assert kinds(said) == ["response.mcp_call.completed", "conversation.item.done"]
    assert said[1]["item"]["output"] == "found"
    assert talk.core.active_response is None, "the client asks for the next response"
    assert talk.feed(McpCallEnded(item_id, "again")) == []


@pytest.mark.parametrize(
    "error",
    [
        {"type": "protocol_error", "code": -32602, "message": "no"},
        {"type": "http_error", "code": 503, "message": "no"},
        {"type": "tool_execution_error", "message": "no"},
    ],
)
def test_a_call_that_fails_shows_its_error(listed: Any, kinds: Any, error: Any) -> None:
    talk = listed(require_approval="never")
    response_id = talk.respond()
    item = talk.call_mcp(response_id)
    talk.feed(ResponseEnded(response_id))
    said = talk.feed(McpCallEnded(item["id"], error=error))
    assert kinds(said) == ["response.mcp_call.failed", "conversation.item.done"]
    assert (said[1]["item"]["error"], said[1]["item"]["output"]) == (error, None)


def test_words_before_a_call_are_closed_first(listed: Any) -> None:
    talk = listed(require_approval="never")
    response_id = talk.respond()
    talk.feed(ResponseText(response_id, "One moment."))
    item = talk.call_mcp(response_id)
    done = talk.feed(ResponseEnded(response_id))[0]["response"]
    assert [found["type"] for found in done["output"]] == ["message", "mcp_call"]
    assert done["output"][1] == item


def test_a_response_asked_for_while_a_tool_runs_waits_for_it(listed: Any, kinds: Any) -> None:
    talk = listed(require_approval="never")
    response_id = talk.respond()
    item = talk.call_mcp(response_id)
    assert talk.send("response.create") == [], "also while the response only closes"
    said = talk.feed(ResponseEnded(response_id))
    assert kinds(said) == ["response.done", "response.mcp_call.in_progress"]
    said = talk.feed(McpCallEnded(item["id"], "found"))
    assert kinds(said)[-1] == "response.created"


def test_a_call_in_progress_can_be_retrieved_and_not_deleted(listed: Any, kinds: Any) -> None:
    talk = listed()
    item = talk.asked_for()
    (event,) = talk.send("conversation.item.retrieve", item_id=item["id"])
    assert event["item"] == item
    assert kinds(talk.send("conversation.item.delete", item_id=item["id"])) == ["error"]


def test_a_call_of_a_cancelled_response_runs_all_the_same(listed: Any, kinds: Any) -> None:
    talk = listed(require_approval="never")
    item = talk.call_mcp(talk.respond())
    said = talk.send("response.cancel")
    assert kinds(said) == ["response.done", "response.mcp_call.in_progress"]
    assert talk.command(RunMcpTool).item_id == item["id"]


@pytest.mark.parametrize(
    ("name", "arguments"), [("steal", "{}"), ("find", "[1]"), ("find", '{"a":')]
)
def test_a_call_that_cannot_be_made_fails_without_a_question(
    listed: Any, kinds: Any, name: str, arguments: str
) -> None:
    talk = listed()
    response_id = talk.respond()
    talk.call_mcp(response_id, name, arguments)
    said = talk.feed(ResponseEnded(response_id))
    assert kinds(said) == ["response.done", "response.mcp_call.failed", "conversation.item.done"]
    assert said[2]["item"]["error"]["type"] == "tool_execution_error"
    assert not talk.command(McpCallRefused).denied
