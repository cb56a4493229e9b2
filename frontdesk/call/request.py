"""What the team is asked: a response's options and the conversation, as one turn request."""

from collections.abc import Mapping
from typing import Any

from frontdesk.call.context import ContextTooLong, Limits
from frontdesk.call.history import message_text, model_input, newest, shows_image
from frontdesk.protocol.commands import McpTool, ResponseRequested
from frontdesk.protocol.items import audio_index, with_transcript
from frontdesk.state.entries import CallState
from frontdesk.team.events import (
    ClientMcpTool,
    ClientPrompt,
    ClientTool,
    TraceLabels,
    TurnRequest,
)


class Unanswerable(Exception):
    """The response fails before anybody is asked, for a reason that is the client's to mend."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def fields(self) -> dict[str, str]:
        """The ``error`` of the failed response."""
        return {"type": "invalid_request_error", "code": self.code, "message": str(self)}


def turn_request(
    state: CallState,
    request: ResponseRequested,
    trace_id: str,
    *,
    limits: Limits,
    sees: bool,
    words: Mapping[str, str],
    prompt: ClientPrompt | None = None,
    labels: TraceLabels | None = None,
    caller: Mapping[str, str] | None = None,
) -> TurnRequest:
    """``request`` as the team takes it. Input given by the client replaces the conversation; what
    it refers to is taken as it is now, with the words that came meanwhile (``words``: by item, of
    audio that is in no conversation). Raises :class:`Unanswerable`."""
    seen, extra = state, list[dict[str, Any]]()
    if request.input is not None:
        now = {stored.item["id"]: stored.item for stored in state.items}
        seen = CallState(state.call_id)
        extra = [now.get(item["id"], _worded(item, words)) for item in request.input]
    asked = _unanswered(state) if request.input is None else extra
    if not sees and any(shows_image(item) for item in asked):
        raise Unanswerable(
            "unsupported_value",
            f"The model of the agent {state.agent!r}, who has the floor, cannot see images.",
        )
    options = request.options
    limit = options.get("max_output_tokens")
    reasoning: dict[str, Any] = options.get("reasoning") or {}
    return TurnRequest(
        call_id=state.call_id,
        agent=state.agent,
        history=_history(seen, extra, sees, limits),
        trace_id=trace_id,
        instructions=options.get("instructions"),
        client_tools=_client_tools(request),
        tool_choice=options.get("tool_choice") or "auto",
        max_output_tokens=limit if isinstance(limit, int) else None,
        parallel_tool_calls=options.get("parallel_tool_calls"),
        reasoning_effort=reasoning.get("effort"),
        prompt=prompt,
        labels=labels or TraceLabels(),
        caller=caller or {},
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


def trace_labels(session: Mapping[str, Any]) -> TraceLabels:
    """What the client calls its calls: its session's ``tracing``."""
    tracing = session.get("tracing")
    return TraceLabels(**tracing) if isinstance(tracing, dict) else TraceLabels()  # pyright: ignore[reportUnknownArgumentType]


def _history(seen: CallState, extra: list[dict[str, Any]], sees: bool, limits: Limits) -> Any:
    try:
        return model_input(seen, extra=extra, sees=sees, limits=limits)
    except ContextTooLong as error:
        raise Unanswerable("context_length_exceeded", str(error)) from error


def _worded(item: dict[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """An item of the client's own input, its audio as words."""
    index = audio_index(item, "input_audio")
    if index is None or item["id"] not in words:
        return item
    return with_transcript(item, index, words[item["id"]])


def _unanswered(state: CallState) -> list[dict[str, Any]]:
    """What came since the last answer."""
    items: list[dict[str, Any]] = []
    for stored in reversed(state.items):
        if stored.item.get("role") == "assistant":
            break
        items.append(stored.item)
    return items


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
