"""Calls that wait for the client's consent, also over a restart."""

from typing import Any

import pytest

from frontdesk.protocol.commands import (
    ItemChanged,
    ListMcpTools,
    McpCallRefused,
    ResponseRequested,
    RunMcpTool,
)
from frontdesk.protocol.engine import (
    McpCallEnded,
    McpToolsListed,
    ResponseEnded,
    ResponseMcpCall,
    ResponseText,
)


def test_a_call_that_needs_approval_asks_for_it_and_runs_when_it_is_given(
    listed: Any, kinds: Any
) -> None:
    talk = listed()
    response_id = talk.respond()
    said = talk.feed(ResponseMcpCall(response_id, "shop", "buy", '{ "a": 1 }'))
    assert kinds(said) == [
        "response.output_item.added",
        "conversation.item.added",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "conversation.item.added",
        "conversation.item.done",
        "response.output_item.done",
    ]
    request, item = said[5]["item"], said[6]["item"]
    assert request == {
        "id": request["id"],
        "type": "mcp_approval_request",
        "server_label": "shop",
        "name": "buy",
        "arguments": '{ "a": 1 }',
    }
    assert said[0]["item"]["approval_request_id"] is None, "it is not known yet"
    assert item["approval_request_id"] == request["id"]
    said = talk.feed(ResponseEnded(response_id))
    assert kinds(said) == ["response.done"]
    assert said[0]["response"]["output"] == [item]
    said = talk.send(
        "conversation.item.create",
        previous_item_id=request["id"],
        item={
            "type": "mcp_approval_response",
            "approval_request_id": request["id"],
            "approve": True,
        },
    )
    assert kinds(said) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.mcp_call.in_progress",
    ]
    given = said[0]["item"]
    assert given == {
        "id": given["id"],
        "type": "mcp_approval_response",
        "approval_request_id": request["id"],
        "approve": True,
    }
    run = talk.command(RunMcpTool)
    assert (run.arguments, run.approved, run.response_id) == ('{ "a": 1 }', True, response_id)
    assert talk.send("response.create") == [], "as one client does at once"
    said = talk.feed(McpCallEnded(item["id"], "bought"))
    assert kinds(said) == [
        "response.mcp_call.completed",
        "conversation.item.done",
        "response.created",
    ]
    assert said[1]["item"] == {**item, "output": "bought"}


def test_a_denied_call_fails_with_the_reason_and_nothing_follows(listed: Any, kinds: Any) -> None:
    talk = listed()
    item = talk.asked_for()
    said = talk.answer(item["approval_request_id"], False, reason="too dear", id="mine")
    assert kinds(said) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.mcp_call.failed",
        "conversation.item.done",
    ]
    assert said[0]["item"]["id"] == "mine"
    assert said[3]["item"]["error"] == {
        "type": "tool_execution_error",
        "message": "The call was denied: too dear",
    }
    assert talk.command(McpCallRefused).denied
    assert talk.core.active_response is None


def test_a_call_denied_before_its_response_is_done_ends_after_it(listed: Any, kinds: Any) -> None:
    talk = listed()
    response_id = talk.respond()
    item = talk.call_mcp(response_id, "buy")
    assert kinds(talk.answer(item["approval_request_id"], False))[-1] == "conversation.item.done"
    said = talk.feed(ResponseEnded(response_id))
    assert kinds(said) == ["response.done", "response.mcp_call.failed", "conversation.item.done"]


@pytest.mark.parametrize("approve", [True, False])
def test_an_answer_to_no_open_request_names_the_field(
    listed: Any, kinds: Any, approve: bool
) -> None:
    talk = listed()
    item = talk.asked_for()
    talk.answer(item["approval_request_id"], approve)
    for request_id in ("nowhere", item["id"], item["approval_request_id"]):
        (event,) = talk.answer(request_id, approve)
        assert event["error"]["param"] == "item.approval_request_id"


def test_deleting_the_request_denies_the_call(listed: Any, kinds: Any) -> None:
    talk = listed()
    item = talk.asked_for()
    said = talk.send("conversation.item.delete", item_id=item["approval_request_id"])
    assert kinds(said) == [
        "conversation.item.deleted",
        "response.mcp_call.failed",
        "conversation.item.done",
    ]


def test_an_approval_needs_its_server_but_a_denial_does_not(
    listed: Any, kinds: Any, shop: Any
) -> None:
    talk = listed()
    first, second = talk.asked_for(), talk.asked_for()
    talk.configure(tools=[])
    (event,) = talk.answer(first["approval_request_id"], True)
    assert "declare it" in event["error"]["message"]
    assert "response.mcp_call.failed" in kinds(talk.answer(second["approval_request_id"], False))
    talk.configure(tools=[shop()])
    talk.feed(McpToolsListed(talk.command(ListMcpTools).item_id, [shop.BUY]))
    assert kinds(talk.answer(first["approval_request_id"], True))[-1].endswith("in_progress")


@pytest.mark.parametrize(
    ("require_approval", "asked"),
    [
        (None, {"find", "buy"}),
        ("always", {"find", "buy"}),
        ("never", set()),
        ({"never": {"read_only": True}}, {"buy"}),
        ({"never": {"tool_names": ["buy"]}}, {"find"}),
        ({"never": {"tool_names": ["buy"], "read_only": True}}, {"find", "buy"}),
        ({"always": {"tool_names": ["buy"]}}, {"buy"}),
        ({"always": {"read_only": False}}, {"buy"}),
        ({"always": {"tool_names": ["buy"]}, "never": {"tool_names": ["find"]}}, {"buy"}),
        ({"always": {"tool_names": ["buy"]}, "never": {"tool_names": ["buy"]}}, {"find", "buy"}),
        ({}, {"find", "buy"}),
    ],
)
def test_filters_say_which_tools_need_approval(
    listed: Any, require_approval: Any, asked: set[str]
) -> None:
    talk = listed(require_approval=require_approval)
    asked_now: set[str] = set()
    for name in ("find", "buy"):
        if (item := talk.asked_for(name))["approval_request_id"] is not None:
            asked_now.add(name)
        else:
            talk.feed(McpCallEnded(item["id"], "done"))
    assert asked_now == asked


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (["buy"], ["buy"]),
        ([], []),
        ({"read_only": True}, ["find"]),
        ({"read_only": False}, ["buy"]),
        ({"tool_names": ["find", "gone"]}, ["find"]),
        ({}, ["find", "buy"]),
        (None, ["find", "buy"]),
    ],
)
def test_only_allowed_tools_are_listed_and_offered(
    listed: Any, allowed: Any, names: list[str]
) -> None:
    talk = listed(allowed_tools=allowed)
    assert [tool["name"] for tool in talk.said[-1]["item"]["tools"]] == names
    talk.respond()
    assert [tool.name for tool in talk.command(ResponseRequested).mcp_tools] == names


def test_after_a_restart_a_running_call_has_failed_and_servers_are_to_be_declared_again(
    listed: Any,
) -> None:
    talk = listed(require_approval="never")
    talk.configure(tool_choice={"type": "mcp", "server_label": "shop"})
    response_id = talk.respond()
    item = talk.call_mcp(response_id)
    talk.feed(ResponseEnded(response_id))
    again = talk.restarted()
    changed = [c.item for c in again.told if isinstance(c, ItemChanged)]
    assert [found["id"] for found in changed] == [item["id"]]
    assert "interrupted" in changed[0]["error"]["message"]
    session = again.core.session
    assert (session["tools"], session["tool_choice"]) == ([], "auto")
    (event,) = again.send("conversation.item.retrieve", item_id=item["id"])
    assert event["item"]["error"]["type"] == "tool_execution_error"


def test_after_a_restart_a_question_can_be_answered_once_its_server_is_declared(
    listed: Any, kinds: Any, shop: Any
) -> None:
    talk = listed()
    item, other = talk.asked_for(), talk.asked_for()
    again = talk.restarted()
    changed = [c.item for c in again.told if isinstance(c, ItemChanged)]
    assert changed == []
    assert kinds(again.send("conversation.item.delete", item_id=item["id"])) == ["error"]
    (event,) = again.answer(item["approval_request_id"], True)
    assert event["error"]["param"] == "item.approval_request_id"
    assert "response.mcp_call.failed" in kinds(again.answer(other["approval_request_id"], False))
    again.configure(tools=[shop()])
    again.feed(McpToolsListed(again.command(ListMcpTools).item_id, [shop.BUY]))
    again.answer(item["approval_request_id"], True)
    assert again.command(RunMcpTool).response_id is None
    said = again.feed(McpCallEnded(item["id"], "bought"))
    assert kinds(said) == ["response.mcp_call.completed", "conversation.item.done"]


def test_a_session_without_servers_says_nothing_of_mcp(text_talk: Any, kinds: Any) -> None:
    text_talk.say("hi")
    response_id = text_talk.respond()
    said = text_talk.feed(ResponseText(response_id, "hello"))
    said += text_talk.feed(ResponseEnded(response_id)) + text_talk.tick(100)
    assert not [kind for kind in kinds(said) if "mcp" in kind]
