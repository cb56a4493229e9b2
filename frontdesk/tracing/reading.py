"""A span's attributes, put in the order in which a person reads them.

Names follow the OpenTelemetry GenAI conventions: messages are ``{role, parts, finish_reason?}``,
parts are ``text``, ``reasoning``, ``tool_call``, ``tool_call_response``, ``uri``, ``blob`` and
``file``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

INSTRUCTIONS = "gen_ai.system_instructions"
INPUT = "gen_ai.input.messages"
OUTPUT = "gen_ai.output.messages"
ARGUMENTS = "gen_ai.tool.call.arguments"
RESULT = "gen_ai.tool.call.result"
DEFINITIONS = "gen_ai.tool.definitions"
ERROR_TYPE = "error.type"
STACK = "exception.stacktrace"

_SHOWN = {INSTRUCTIONS, INPUT, OUTPUT, ARGUMENTS, RESULT, DEFINITIONS, ERROR_TYPE, STACK}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message. ``kind``: text, reasoning, call, result, audio, other.

    ``text`` is prose, or JSON laid out over lines; ``name`` is the tool's; ``uri`` is only ever
    an address of our own audio.
    """

    kind: str
    text: str = ""
    name: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    parts: tuple[Part, ...]
    finish: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened within a span, ``time`` in unix seconds."""

    name: str
    time: float
    details: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the detail panel shows of a span, besides its times. Empty means not recorded."""

    instructions: tuple[Part, ...]
    input: tuple[Message, ...]
    output: tuple[Message, ...]
    arguments: str
    result: str
    tools: str
    error: str
    error_type: str
    stack: str
    rest: tuple[tuple[str, str], ...]
    events: tuple[Event, ...]


def read_span(span: Mapping[str, Any]) -> Reading:
    """Never raises on what a span carries: what does not parse is shown as it came."""
    attributes: Mapping[str, Any] = span["attributes"] or {}
    events: list[Mapping[str, Any]] = span.get("events") or []
    raised = _raised(events)
    return Reading(
        instructions=_parts(_parsed(attributes.get(INSTRUCTIONS))),
        input=_messages(attributes.get(INPUT)),
        output=_messages(attributes.get(OUTPUT)),
        arguments=pretty(attributes.get(ARGUMENTS)),
        result=pretty(attributes.get(RESULT)),
        tools=pretty(attributes.get(DEFINITIONS)),
        error=pretty(span["error"]),
        error_type=pretty(attributes.get(ERROR_TYPE)),
        stack=pretty(attributes.get(STACK) or raised.get(STACK)),
        rest=tuple(
            (name, pretty(value))
            for name, value in sorted(attributes.items())
            if name not in _SHOWN
        ),
        events=tuple(
            Event(each["name"], each["time"], pretty(each["attributes"] or None))
            for each in events
            if each["name"] != "exception"
        ),
    )


def gist(span: Mapping[str, Any]) -> str:
    """What a row of the waterfall adds to the span's name: the words that were heard or spoken,
    or what the model decided. Empty for other spans, and when content is not kept."""
    attributes: Mapping[str, Any] = span["attributes"] or {}
    place = {"text_to_speech": INPUT, "speech_to_text": OUTPUT, "model": OUTPUT}
    parts = [
        part
        for message in _messages(attributes.get(place.get(span["stage"], "")))
        for part in message.parts
    ]
    if calls := [part.name for part in parts if part.kind == "call"]:
        return f"\u2192 {', '.join(calls)}"
    return " ".join(part.text.strip() for part in parts if part.kind == "text")


def _raised(events: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the span recorded of the first exception in it."""
    for event in events:
        if event["name"] == "exception":
            return event["attributes"] or {}
    return {}


def pretty(value: Any) -> str:
    """JSON (also JSON inside a string) over several lines; prose and scalars as they are, but
    numbers without the digits that only floating point put there."""
    if value is None:
        return ""
    if isinstance(value, float):
        value = round(value, 4)
    parsed = _parsed(value)
    if isinstance(parsed, dict | list):
        return json.dumps(parsed, indent=2, ensure_ascii=False, default=str)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _messages(value: Any) -> tuple[Message, ...]:
    parsed = _parsed(value)
    if parsed is None:
        return ()
    if not isinstance(parsed, list):
        parsed = [parsed]
    return tuple(_message(each) for each in cast("list[Any]", parsed))


def _message(value: Any) -> Message:
    if not isinstance(value, dict):
        return Message("", (Part("text", pretty(value)),))
    message = cast("dict[str, Any]", value)
    parts = _parts(message.get("parts", message.get("content")))
    if not parts:
        parts = (Part("other", pretty(message)),)
    return Message(str(message.get("role", "")), parts, str(message.get("finish_reason") or ""))


def _parts(value: Any) -> tuple[Part, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        return (Part("text", pretty(value)),)
    return tuple(_part(each) for each in cast("list[Any]", value))


def _part(value: Any) -> Part:
    if not isinstance(value, dict):
        return Part("text", pretty(value))
    part = cast("dict[str, Any]", value)
    match part.get("type"):
        case "text" | "reasoning" as kind:
            return Part(kind, pretty(part.get("content", part.get("text"))))
        case "tool_call" | "server_tool_call":
            return Part("call", pretty(part.get("arguments")), name=str(part.get("name") or ""))
        case "tool_call_response" | "server_tool_call_response":
            result = part.get("response", part.get("result"))
            return Part("result", pretty(result), name=str(part.get("name") or ""))
        case "uri" if _is_ours(part.get("uri")):
            return Part("audio", str(part.get("transcript") or ""), uri=str(part["uri"]))
        case _:
            return Part("other", pretty(part))


def _is_ours(uri: Any) -> bool:
    """A trace may come from anywhere: the page plays our own audio and follows no other address."""
    return isinstance(uri, str) and uri.startswith("/api/audio/")
