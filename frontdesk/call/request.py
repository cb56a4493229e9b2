"""What the team is asked: a response's options and the conversation, as one turn request."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from agents import TResponseInputItem
from frontdesk.call.context import ContextTooLong, Limits
from frontdesk.call.conversation import Conversation, Seen
from frontdesk.call.history import being_made, is_answer, message_text, newest, shows_image
from frontdesk.desk.handoffs import History, Last
from frontdesk.protocol.commands import McpTool, ResponseRequested
from frontdesk.protocol.items import audio_index, with_transcript
from frontdesk.state.entries import CallState, Given, StoredItem
from frontdesk.team.events import (
    ClientMcpTool,
    ClientPrompt,
    ClientTool,
    ContextSize,
    Memories,
    TraceLabels,
    TurnRequest,
)
from frontdesk.team.realtime.mirror import unworded
from frontdesk.team.view import View


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
    conversation: Conversation,
    request: ResponseRequested,
    trace_id: str,
    *,
    limits: Limits,
    sees: bool,
    words: Mapping[str, str],
    prompt: ClientPrompt | None = None,
    labels: TraceLabels | None = None,
    caller: Mapping[str, str] | None = None,
    memories: Memories | None = None,
) -> TurnRequest:
    """``request`` as the team takes it, in the ``conversation`` of ``state``. Input given by the
    client replaces it; what it refers to is taken as it is now, with the words that came meanwhile
    (``words``: by item, of audio that is in no conversation). Raises :class:`Unanswerable`."""
    given, since = state.given, None
    if request.input is None:
        since, unanswered = asked_since(state), _unanswered(state)
    else:
        now = {stored.item["id"]: stored.item for stored in state.items}
        unanswered = [now.get(item["id"], _worded(item, words)) for item in request.input]
        alone = CallState(state.call_id, items=[StoredItem(item) for item in unanswered])
        conversation, given = Conversation(alone), None
    if not sees and any(shows_image(item) for item in unanswered):
        raise Unanswerable(
            "unsupported_value",
            f"The model of the agent {state.agent!r}, who has the floor, cannot see images.",
        )
    options = request.options
    limit = options.get("max_output_tokens")
    reasoning: dict[str, Any] = options.get("reasoning") or {}
    places = (since or 0, given.before if given else 0)
    seen = _seen(conversation, places, sees, limits)
    asked, before = seen.begins
    return TurnRequest(
        call_id=state.call_id,
        agent=state.agent,
        history=cast("list[TResponseInputItem]", seen.items),
        size=ContextSize(seen.tokens, seen.images, seen.left_out),
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
        earlier=state.memory if request.input is None else "",
        memories=memories,
        question=None if since is None else asked,
        view=_view(given, before) if given else None,
        since=_id_at(state, since),
        until=_id_at(state, len(state.items) - 1),
        asked=tuple(item["id"] for item in unanswered if item.get("role") == "user"),
    )


def with_speech(asked: TurnRequest, speeches: Sequence[str], *, alone: bool) -> TurnRequest:
    """``asked``, with these items of speech at its end, whose words are not known yet; ``alone``:
    they are all that is to be answered."""
    heard: list[TResponseInputItem] = [
        {"role": "user", "content": unworded(speech)} for speech in speeches
    ]
    made = replace(asked, history=[*asked.history, *heard], until=speeches[-1])
    if not alone:
        return made
    return replace(made, question=len(asked.history), since=speeches[0])


def _view(given: Given, before: int) -> View:
    """What the agent is shown, in places of its input."""
    history = given.history
    kept = Last(**history) if isinstance(history, dict) else cast("History", history)
    return View(kept, before, given.handed, given.summary)


def _id_at(state: CallState, place: int | None) -> str | None:
    if place is None or not 0 <= place < len(state.items):
        return None
    return state.items[place].item["id"]


def asked_since(state: CallState) -> int:
    """Where that begins which is still to be answered: the first thing the caller said that no
    answer they heard to its end was asked with; if there is none, the newest."""
    answered = _answered_until(state)
    asked = [i for i in range(answered + 1, len(state.items)) if _asks(state.items[i])]
    if asked:
        return asked[0]
    newest = next((i for i in range(answered, -1, -1) if _asks(state.items[i])), len(state.items))
    while newest > 0 and newest < len(state.items) and _asks(state.items[newest - 1]):
        newest -= 1
    return newest


def _answered_until(state: CallState) -> int:
    """The place of the newest item that the newest whole answer was asked with, -1 without one."""
    for place in range(len(state.items) - 1, -1, -1):
        stored = state.items[place]
        if is_answer(stored):
            asked = None if stored.asked is None else state.index(stored.asked)
            return place if asked is None else asked
    return -1


def _asks(stored: StoredItem) -> bool:
    item = stored.item
    if stored.withheld:
        return False
    return item.get("role") == "user" and bool(message_text(item) or shows_image(item))


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


def _seen(conversation: Conversation, places: tuple[int, ...], sees: bool, limits: Limits) -> Seen:
    try:
        return conversation.seen(limits, sees=sees, places=places)
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
        if stored.item.get("role") == "assistant" and not being_made(stored.item):
            break
        items.append(stored.item)
    return items


def newest_words(state: CallState) -> str:
    """What the caller said or wrote last, if that is the newest item."""
    item = newest(state)
    return message_text(item) if item and item.get("role") == "user" else ""


def said_since(state: CallState, item_id: str | None) -> list[str | None]:
    """What the caller said or wrote in this item and those behind it: None where nobody knows."""
    place = None if item_id is None else state.index(item_id)
    if place is None:
        return [None]
    items = [s.item for s in state.items[place:] if s.item.get("role") == "user"]
    return [message_text(item) if _is_worded(item) else None for item in items]


def _is_worded(item: dict[str, Any]) -> bool:
    sound = [part for part in item["content"] if part["type"] == "input_audio"]
    return all(part.get("transcript") is not None for part in sound)


def said_nothing(state: CallState) -> bool:
    """Whether the caller spoke, and nothing they said since they last heard an answer has words
    in it: noise that cut off an answer before it was heard leaves the question standing."""
    spoke = False
    for stored in reversed(state.items):
        if stored.hidden or stored.heard == "" or being_made(stored.item):
            continue
        if stored.item.get("role") != "user":
            break
        if message_text(stored.item) or not _is_speech(stored.item):
            return False
        spoke = True
    return spoke


def _is_speech(item: dict[str, Any]) -> bool:
    return any(part["type"] == "input_audio" for part in item["content"])
