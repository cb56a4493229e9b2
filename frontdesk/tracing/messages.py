"""Messages as span attributes: what the GenAI conventions call input and output messages.

A message is ``{"role", "parts": [...]}``; a part is text, a tool call, a tool's answer, or a
``uri`` that points to audio in the store. What a model made has a ``finish_reason``, too: backends
take no output without. On a span they are one JSON string.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

import orjson

AUDIO_TYPE = "audio/flac"


def user(text: str | None, audio_uri: str | None = None) -> str:
    """What the caller said, for ``gen_ai.input.messages``; either part may be missing."""
    return _one("user", text, audio_uri)


def agent(text: str | None, audio_uri: str | None = None) -> str:
    """What the agent said, for ``gen_ai.output.messages``. On the root and on playback give only
    the words that the caller heard."""
    return _one("assistant", text, audio_uri)


def _one(role: str, text: str | None, audio_uri: str | None) -> str:
    parts: list[Any] = []
    if audio_uri:
        parts.append(
            {"type": "uri", "modality": "audio", "mime_type": AUDIO_TYPE, "uri": audio_uri}
        )
    if text:
        parts.append({"type": "text", "content": text})
    return dump([_made(role, parts)])


def _made(role: str, parts: list[Any]) -> dict[str, Any]:
    message = {"role": role, "parts": parts}
    if role == "assistant":
        calls = any(_field(part, "type") == "tool_call" for part in parts)
        message["finish_reason"] = "tool_call" if calls else "stop"
    return message


def text(value: object) -> str:
    """The words of a message attribute, joined; empty for anything that is not one."""
    if not isinstance(value, str):
        return ""
    try:
        found: object = orjson.loads(value)
    except orjson.JSONDecodeError:
        return ""
    return " ".join(_words(found)).strip()


def _words(found: object) -> Iterable[str]:
    for message in _maps(found):
        for part in _maps(message.get("parts")):
            content = part.get("content")
            if part.get("type") == "text" and isinstance(content, str):
                yield content


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [item for item in _list(value) if isinstance(item, Mapping)]


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def dump(value: object) -> str:
    """JSON text of anything; what JSON has no word for becomes its ``str``."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError):  # half a character, a number beyond 64 bits, a ring
        try:
            return safe(json.dumps(value, default=_plain, ensure_ascii=False))
        except (TypeError, ValueError, RecursionError):
            return json.dumps(type(value).__name__)


def safe(words: str) -> str:
    """Text that can be written as UTF-8: clients may send half of a surrogate pair."""
    return words if words.isascii() else words.encode(errors="replace").decode()


def _plain(value: object) -> object:
    if callable(export := getattr(value, "model_dump", None)):
        return export(exclude_none=True)
    return str(value)


def of(items: object, role: str = "user") -> str:
    """Messages from what the Agents SDK holds: a text, Responses items, chat messages or whole
    responses, as dictionaries or objects."""
    if isinstance(items, str):
        return _one(role, items, None)
    values = cast("Iterable[object]", items) if isinstance(items, Iterable) else [items]
    return dump([message for item in values for message in _messages(item, role)])


def _field(item: object, key: str) -> Any:
    if isinstance(item, dict):  # by far the most: a whole history is read for every model call
        found: dict[str, Any] = item  # pyright: ignore[reportUnknownVariableType]
        return found.get(key)
    if isinstance(item, Mapping):
        return cast("Mapping[str, Any]", item).get(key)
    return getattr(item, key, None)


def _messages(item: object, role: str) -> Iterable[dict[str, Any]]:
    kind = _field(item, "type")
    if kind == "message" or (kind is None and _field(item, "output") is None):
        yield _message(item, role)
    elif kind is None:  # a whole response
        for part in _list(_field(item, "output")):
            yield from _messages(part, "assistant")
    elif kind == "function_call":
        call = _call(_field(item, "call_id"), _field(item, "name"), _field(item, "arguments"))
        yield _made("assistant", [call])
    elif kind == "function_call_output":
        answer = _answer(_field(item, "call_id"), _field(item, "output"))
        yield {"role": "tool", "parts": [answer]}
    elif kind == "reasoning":
        summary = _content(_field(item, "summary"))
        yield _made("assistant", [{**part, "type": "reasoning"} for part in summary])
    else:  # hosted tools and what is still to come: kept as it is
        yield {"role": role, "parts": [item]}


def _message(item: object, role: str) -> dict[str, Any]:
    role = _field(item, "role") or role
    if role == "tool":
        answer = _answer(_field(item, "tool_call_id"), _field(item, "content"))
        return {"role": role, "parts": [answer]}
    parts = _content(_field(item, "content"))
    for call in _list(_field(item, "tool_calls")):
        function = _field(call, "function")
        name, arguments = _field(function, "name"), _field(function, "arguments")
        parts.append(_call(_field(call, "id"), name, arguments))
    return _made(role, parts)


def _content(content: object) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [_part(part) for part in _list(content)]


def _part(part: object) -> object:
    words = _field(part, "text") or _field(part, "refusal") or _field(part, "transcript")
    return {"type": "text", "content": words} if isinstance(words, str) else part


def _call(identity: object, name: object, arguments: object) -> dict[str, Any]:
    return {"type": "tool_call", "id": identity, "name": name, "arguments": arguments}


def _answer(identity: object, result: object) -> dict[str, Any]:
    return {"type": "tool_call_response", "id": identity, "response": result}
