"""What a client may say of MCP servers, and what it may not."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("tool", "code", "field"),
    [
        ({"connector_id": "connector_gmail"}, "unsupported_value", "connector_id"),
        ({"tunnel_id": "t"}, "unsupported_value", "tunnel_id"),
        ({"defer_loading": True}, "unsupported_value", "defer_loading"),
        ({"allowed_callers": ["programmatic"]}, "unsupported_value", "allowed_callers"),
        ({"server_url": None}, "missing_required_parameter", "server_url"),
        ({"server_url": "ftp://shop.example"}, "invalid_value", "server_url"),
        ({"server_url": "https://"}, "invalid_value", "server_url"),
        ({"server_url": "https://me:HUSH@shop.example"}, "invalid_value", "server_url"),
        ({"server_url": "https://shop.example:99999/"}, "invalid_value", "server_url"),
        ({"server_url": "https://intern.example/"}, "invalid_value", "server_url"),
        ({"server_label": "no label"}, "invalid_value", "server_label"),
        ({"headers": {"Host": "x"}}, "invalid_value", "headers"),
        ({"headers": {"x": "HUSH\r\ny: z"}}, "invalid_value", "headers"),
        ({"authorization": "HUSH\n"}, "invalid_value", "authorization"),
        (
            {"authorization": "HUSH", "headers": {"Authorization": "HUSH"}},
            "invalid_value",
            "authorization",
        ),
        ({"require_approval": "perhaps"}, "invalid_value", "require_approval"),
        ({"allowed_tools": [1]}, "invalid_type", "allowed_tools[0]"),
        ({"colour": "red"}, "unknown_parameter", "colour"),
    ],
)
@pytest.mark.parametrize("where", ["session", "response"])
def test_what_is_not_served_is_refused_by_name_and_nothing_is_asked(
    new_talk: Any, where: str, tool: Any, code: str, field: str, shop: Any
) -> None:
    talk = new_talk(refuse_url=lambda url: "it is private." if "intern" in url else None)
    talk.open()
    tools = [{"type": "function", "name": "f"}, shop(**tool)]
    event = {"session": {"type": "realtime"} if where == "session" else None, "response": {}}
    kind = {"session": "session.update", "response": "response.create"}[where]
    (said,) = talk.send(kind, **{where: {**(event[where] or {}), "tools": tools}}, event_id="e1")
    error = said["error"]
    assert (error["code"], error["param"]) == (code, f"{where}.tools[1].{field}")
    assert error["event_id"] == "e1"
    assert "HUSH" not in str(said)
    assert talk.told == []


def test_harmless_values_of_fields_that_are_not_served_pass(
    text_talk: Any, kinds: Any, shop: Any
) -> None:
    given = shop(defer_loading=False, allowed_callers=["direct"], connector_id=None, tunnel_id=None)
    assert "error" not in kinds(text_talk.configure(tools=[given]))


def test_two_servers_of_one_label_are_refused(text_talk: Any, shop: Any) -> None:
    (event,) = text_talk.configure(tools=[shop(), shop(server_url="https://other.example")])
    assert event["error"]["param"] == "session.tools[1].server_label"


def test_a_choice_of_a_server_needs_the_server(text_talk: Any, shop: Any) -> None:
    choice = {"type": "mcp", "server_label": "shop", "name": "find"}
    (event,) = text_talk.configure(tool_choice=choice)
    assert event["error"]["param"] == "session.tool_choice.server_label"
    text_talk.configure(tools=[shop()], tool_choice=choice)
    assert text_talk.core.session["tool_choice"] == choice
    (event,) = text_talk.configure(tools=[])
    assert event["error"]["param"] == "session.tool_choice.server_label"
    (event,) = text_talk.send("response.create", response={"tools": [], "tool_choice": choice})
    assert event["error"]["param"] == "response.tool_choice.server_label"


@pytest.mark.parametrize("kind", ["mcp_call", "mcp_list_tools", "mcp_approval_request"])
def test_items_that_only_a_server_makes_cannot_be_created(text_talk: Any, kind: str) -> None:
    (event,) = text_talk.send("conversation.item.create", item={"type": kind})
    assert event["error"]["param"] == "item.type"
