"""What the team is asked: a response's options and the conversation, as one turn request."""

from typing import Any

from frontdesk.call.history import message_text, model_input, newest
from frontdesk.protocol.commands import McpTool, ResponseRequested
from frontdesk.state.entries import CallState
from frontdesk.team.events import ClientMcpTool, ClientTool, TurnRequest


def turn_request(state: CallState, request: ResponseRequested, trace_id: str) -> TurnRequest:
    """``request`` as the team takes it. Input given by the client replaces the conversation; what
    it refers to is taken as it is now, with the words that came meanwhile."""
    seen, extra = state, list[dict[str, Any]]()
    if request.input is not None:
        now = {stored.item["id"]: stored.item for stored in state.items}
        seen = CallState(state.call_id)
        extra = [now.get(item["id"], item) for item in request.input]
    options = request.options
    limit = options.get("max_output_tokens")
    return TurnRequest(
        call_id=state.call_id,
        agent=state.agent,
        history=model_input(seen, extra=extra),
        trace_id=trace_id,
        instructions=options.get("instructions"),
        client_tools=_client_tools(request),
        tool_choice=options.get("tool_choice") or "auto",
        max_output_tokens=limit if isinstance(limit, int) else None,
    )


def _client_tools(request: ResponseRequested) -> tuple[ClientTool | ClientMcpTool, ...]:
    """The client's functions, then the tools of its MCP servers."""
    functions = (
        ClientTool(tool["name"], tool.get("description") or "", tool.get("parameters") or {})
        for tool in request.options.get("tools") or ()
        if tool["type"] == "function"
    )
    return (*functions, *(_mcp_tool(tool) for tool in request.mcp_tools))


def _mcp_tool(tool: McpTool) -> ClientMcpTool:
    server, description = tool.server, tool.description
    if server.description:
        description = f"{description}\nOf {server.label}: {server.description}".strip()
    return ClientMcpTool(server.label, tool.name, description, tool.input_schema)


def newest_words(state: CallState) -> str:
    """What the caller said or wrote last, if that is the newest item."""
    item = newest(state)
    return message_text(item) if item and item.get("role") == "user" else ""


def said_nothing(state: CallState) -> bool:
    """Whether the caller spoke, and nothing they said since they last heard an answer has words
    in it: noise that cut off an answer before it was heard leaves the question standing."""
    spoke = False
    for stored in reversed(state.items):
        if stored.hidden or stored.heard == "":
            continue
        if stored.item.get("role") != "user":
            break
        if message_text(stored.item) or not _is_speech(stored.item):
            return False
        spoke = True
    return spoke


def _is_speech(item: dict[str, Any]) -> bool:
    return any(part["type"] == "input_audio" for part in item["content"])
