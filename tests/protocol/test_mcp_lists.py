"""MCP servers that the client declares are asked for their tools."""

from typing import Any

from frontdesk.protocol.commands import DropMcpServer, ListMcpTools, ResponseRequested, RunMcpTool
from frontdesk.protocol.engine import (
    McpToolsFailed,
    McpToolsListed,
    ResponseEnded,
    SpeechStarted,
    SpeechStopped,
)


def test_a_declared_server_is_listed_after_the_session_was_updated(
    text_talk: Any, kinds: Any, shop: Any
) -> None:
    said = text_talk.configure(tools=[shop(allowed_tools=["find"])])
    assert kinds(said) == [
        "session.updated",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
    ]
    item = said[1]["item"]
    assert item == {
        "id": item["id"],
        "type": "mcp_list_tools",
        "server_label": "shop",
        "tools": [],
    }
    asked = text_talk.command(ListMcpTools)
    assert (asked.item_id, asked.server.url) == (item["id"], shop.URL)
    said = text_talk.feed(McpToolsListed(item["id"], [shop.FIND, shop.BUY]))
    assert kinds(said) == ["mcp_list_tools.completed", "conversation.item.done"]
    assert said[1]["item"]["tools"] == [shop.FIND]


def test_a_list_that_fails_says_why_in_its_item_and_is_no_error(
    text_talk: Any, kinds: Any, shop: Any
) -> None:
    text_talk.configure(tools=[shop()])
    asked = text_talk.command(ListMcpTools)
    said = text_talk.feed(McpToolsFailed(asked.item_id, "no such server"))
    assert kinds(said) == ["mcp_list_tools.failed", "conversation.item.done"]
    assert (said[1]["item"]["tools"], said[1]["item"]["error"]) == ([], "no such server")
    assert text_talk.feed(McpToolsListed(asked.item_id, [shop.FIND])) == []


def test_secrets_go_to_the_server_and_are_not_shown(text_talk: Any, shop: Any) -> None:
    said = text_talk.configure(tools=[shop(headers={"x-key": "HUSH"}, authorization="HUSH")])
    assert "HUSH" not in str(said)
    asked = text_talk.command(ListMcpTools)
    assert "HUSH" not in str(asked)
    assert asked.server.headers == {"x-key": "HUSH", "authorization": "Bearer HUSH"}
    assert text_talk.core.session["tools"] == [shop(require_approval="always")]


def test_what_is_declared_again_is_not_listed_again(listed: Any, kinds: Any, shop: Any) -> None:
    talk = listed(headers={"x": "1"})
    again = talk.configure(tools=[shop(headers={"x": "1"}, require_approval="never")])
    assert kinds(again) == ["session.updated"]
    assert not [c for c in talk.told if isinstance(c, ListMcpTools)]
    assert talk.configure(tools=[shop(headers={"x": "2"})])[1]["item"]["type"] == "mcp_list_tools"
    assert talk.command(DropMcpServer) and talk.command(ListMcpTools)


def test_a_list_of_a_server_that_is_declared_no_more_is_closed(
    text_talk: Any, kinds: Any, shop: Any
) -> None:
    text_talk.configure(tools=[shop()])
    asked = text_talk.command(ListMcpTools)
    said = text_talk.configure(tools=[])
    assert kinds(said) == ["session.updated", "mcp_list_tools.failed", "conversation.item.done"]
    assert text_talk.command(DropMcpServer) == DropMcpServer(asked.item_id)
    assert text_talk.feed(McpToolsListed(asked.item_id, [shop.FIND])) == []


def test_a_list_that_would_swamp_the_model_fails(text_talk: Any, shop: Any) -> None:
    text_talk.configure(tools=[shop()])
    asked = text_talk.command(ListMcpTools)
    tools = [{**shop.FIND, "name": f"t{n}"} for n in range(129)]
    said = text_talk.feed(McpToolsListed(asked.item_id, tools))
    assert "allowed_tools" in said[-1]["item"]["error"]
    assert text_talk.command(DropMcpServer)


def test_a_list_in_progress_can_be_retrieved_and_not_deleted(
    text_talk: Any, kinds: Any, shop: Any
) -> None:
    item_id = text_talk.configure(tools=[shop()])[1]["item"]["id"]
    (event,) = text_talk.send("conversation.item.retrieve", item_id=item_id)
    assert event["item"]["tools"] == []
    assert kinds(text_talk.send("conversation.item.delete", item_id=item_id)) == ["error"]
    text_talk.feed(McpToolsListed(item_id, [shop.FIND]))
    (event,) = text_talk.send("conversation.item.delete", item_id=item_id)
    assert event["type"] == "conversation.item.deleted"


def test_a_session_that_begins_with_a_server_lists_it_at_once(
    new_talk: Any, kinds: Any, shop: Any
) -> None:
    talk = new_talk(defaults={"tools": [shop(authorization="HUSH")]})
    assert kinds(talk.open()) == [
        "session.created",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
    ]
    assert talk.command(ListMcpTools).server.headers == {"authorization": "Bearer HUSH"}


def test_a_response_waits_for_a_list_in_progress(text_talk: Any, kinds: Any, shop: Any) -> None:
    text_talk.configure(tools=[shop()])
    asked = text_talk.command(ListMcpTools)
    assert text_talk.send("response.create") == []
    said = text_talk.feed(McpToolsListed(asked.item_id, [shop.FIND]))
    assert kinds(said) == [
        "mcp_list_tools.completed",
        "conversation.item.done",
        "response.created",
    ]
    [offered] = text_talk.command(ResponseRequested).mcp_tools
    assert (offered.server.label, offered.name) == ("shop", "find")


def test_a_response_waits_no_longer_than_five_seconds(
    text_talk: Any, kinds: Any, shop: Any
) -> None:
    text_talk.configure(tools=[shop()])
    asked = text_talk.command(ListMcpTools)
    assert text_talk.send("response.create") == []
    assert text_talk.core.deadline == text_talk.now + 5
    assert text_talk.tick(4.9) == []
    assert kinds(text_talk.tick(0.1)) == ["response.created"]
    assert text_talk.command(ResponseRequested).mcp_tools == ()
    assert kinds(text_talk.feed(McpToolsListed(asked.item_id, [shop.FIND])))[0].endswith(
        "completed"
    )


def test_a_waiting_response_can_be_cancelled(text_talk: Any, kinds: Any, shop: Any) -> None:
    text_talk.configure(tools=[shop()])
    text_talk.send("response.create")
    assert text_talk.send("response.create")[0]["error"]["code"] == (
        "conversation_already_has_active_response"
    )
    said = text_talk.send("response.cancel")
    assert kinds(said) == ["response.created", "response.done"]
    assert said[1]["response"]["status_details"]["reason"] == "client_cancelled"
    assert not text_talk.tick(10)


def test_the_answer_to_a_turn_waits_for_a_list_but_not_for_a_tool(
    talk: Any, kinds: Any, shop: Any
) -> None:
    talk.configure(output_modalities=["text"], tools=[shop(require_approval="never")])
    asked = talk.command(ListMcpTools)
    talk.append(1000)
    talk.feed(SpeechStarted(0))
    assert "response.created" not in kinds(talk.feed(SpeechStopped(900)))
    said = talk.feed(McpToolsListed(asked.item_id, [shop.FIND]))
    response_id = said[-1]["response"]["id"]
    talk.call_mcp(response_id)
    talk.feed(ResponseEnded(response_id))
    assert talk.command(RunMcpTool)
    talk.append(1000)
    talk.feed(SpeechStarted(1000))
    assert "response.created" in kinds(talk.feed(SpeechStopped(1900)))


def test_a_response_may_name_a_server_of_its_own(text_talk: Any, kinds: Any, shop: Any) -> None:
    said = text_talk.send("response.create", response={"tools": [shop()]})
    assert kinds(said) == ["conversation.item.added", "mcp_list_tools.in_progress"]
    said = text_talk.feed(McpToolsListed(said[0]["item"]["id"], [shop.FIND]))
    assert kinds(said)[-1] == "response.created"
    assert len(text_talk.command(ResponseRequested).mcp_tools) == 1
    text_talk.feed(ResponseEnded(said[-1]["response"]["id"]))
    said = text_talk.send("response.create", response={"tools": [shop()]})
    assert kinds(said) == ["response.created"]
    text_talk.feed(ResponseEnded(said[-1]["response"]["id"]))
    text_talk.send("response.create")
    assert text_talk.command(ResponseRequested).mcp_tools == ()


def test_out_of_band_no_mcp_tool_is_offered(listed: Any, shop: Any) -> None:
    talk = listed()
    talk.send("response.create", response={"conversation": "none"})
    assert talk.command(ResponseRequested).mcp_tools == ()
    (event,) = talk.send("response.create", response={"conversation": "none", "tools": [shop()]})
    assert event["error"]["param"] == "response.tools[0]"
