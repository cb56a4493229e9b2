"""What the team is asked: a response's options and the conversation, as one turn request."""

from frontdesk.call.history import message_text, model_input, newest
from frontdesk.protocol.commands import ResponseRequested
from frontdesk.state.entries import CallState
from frontdesk.team.events import ClientTool, TurnRequest


def turn_request(state: CallState, request: ResponseRequested, trace_id: str) -> TurnRequest:
    """``request`` as the team takes it. Input given by the client replaces the conversation."""
    seen = state if request.input is None else CallState(state.call_id)
    options = request.options
    limit = options.get("max_output_tokens")
    return TurnRequest(
        call_id=state.call_id,
        agent=state.agent,
        history=model_input(seen, extra=request.input or ()),
        trace_id=trace_id,
        instructions=options.get("instructions"),
        client_tools=tuple(
            ClientTool(tool["name"], tool.get("description") or "", tool["parameters"])
            for tool in options.get("tools") or ()
            if tool["type"] == "function"
        ),
        tool_choice=options.get("tool_choice") or "auto",
        max_output_tokens=limit if isinstance(limit, int) else None,
    )


def newest_words(state: CallState) -> str:
    """What the caller said or wrote last, if that is the newest item."""
    item = newest(state)
    return message_text(item) if item and item.get("role") == "user" else ""


def said_nothing(state: CallState) -> bool:
    """Whether the newest item is speech of the caller without words in it."""
    item = newest(state)
    if item is None or item.get("role") != "user":
        return False
    kinds = {part["type"] for part in item["content"]}
    return "input_audio" in kinds and not message_text(item)
