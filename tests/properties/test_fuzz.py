"""Frames that no client should send: each gets at most one error, which says where, and the call
goes on as if it had not come."""

import asyncio
import base64
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from frontdesk.protocol import RealtimeProtocol
from frontdesk.protocol.commands import Command, Send
from frontdesk.protocol.engine import ResponseEnded, ResponseText
from tests.frames import checked

AUDIO = base64.b64encode(bytes(4_800)).decode()
IMAGE = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()

EVENTS: list[dict[str, Any]] = [
    {"type": "input_audio_buffer.append", "audio": AUDIO},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    {"type": "response.create"},
    {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "instructions": "Be brief.",
            "metadata": {"topic": "weather"},
            "output_modalities": ["text"],
            "max_output_tokens": 50,
            "tool_choice": {"type": "function", "name": "look"},
            "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
            "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "alloy"}},
            "input": [
                {"type": "item_reference", "id": "first"},
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hello"}],
                },
            ],
        },
    },
    {"type": "response.cancel", "response_id": "resp_1"},
    {"type": "conversation.item.retrieve", "item_id": "first"},
    {"type": "conversation.item.delete", "item_id": "third"},
    {
        "type": "conversation.item.truncate",
        "item_id": "second",
        "content_index": 0,
        "audio_end_ms": 500,
    },
    {
        "type": "conversation.item.create",
        "previous_item_id": "root",
        "item": {
            "id": "fourth",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_audio", "audio": AUDIO, "transcript": "Well?"},
                {"type": "input_image", "image_url": IMAGE, "detail": "low"},
            ],
        },
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "c1", "output": "{}"},
    },
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "model": "gpt-realtime",
            "instructions": "Sing.",
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "tool_choice": "auto",
            "tools": [
                {
                    "type": "function",
                    "name": "look",
                    "description": "Looks.",
                    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
                }
            ],
            "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": "b"}},
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
            "include": ["item.input_audio_transcription.logprobs"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "noise_reduction": {"type": "near_field"},
                    "transcription": {"model": "whisper-1", "language": "en", "prompt": "names"},
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 500,
                        "idle_timeout_ms": 6000,
                        "create_response": True,
                        "interrupt_response": False,
                    },
                },
                "output": {"format": {"type": "audio/pcma"}, "voice": {"id": "v"}, "speed": 1.2},
            },
        },
    },
]
JUNK: list[Any] = [
    None, True, False, 0, -1, 1, 7.5, 1e308, -1e308, 2**53 + 1, 2**63, -(2**70),
    "", " ", "x", "null", "auto", "none", "root", "realtime", "first", "in_progress", AUDIO[:-1],
    "\u0000", "\u202eabc", "🦊" * 40, "e\u0301" * 40, "한국어", "\ufeff", "%s%n", "../../etc",
    "a" * 5_000, [], {}, [[]], [{}], [None], {"type": "x"}, {"": ""}, ["a"] * 200, {"a": {"b": []}},
]  # fmt: skip
PATH = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def spots(node: Any) -> list[tuple[Any, Any]]:
    """Every container in a JSON value with each of its keys."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    found = [(node, key) for key in keys]
    for key in keys:
        if isinstance(node[key], dict | list):
            found += spots(node[key])
    return found


def junk(chance: random.Random) -> Any:
    """Some, of its own: what is spoilt further must not spoil what is drawn from."""
    return json.loads(json.dumps(chance.choice(JUNK)))


def spoil(event: Any, chance: random.Random) -> None:
    """One thing wrong, or odd, somewhere in an event."""
    places = spots(event)
    if not places:
        return
    node, key = chance.choice(places)
    match chance.randrange(5):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[chance.choice(["mood", "", "Type", "__proto__", "é"])] = junk(chance)
        case 2 if isinstance(node, dict):
            node[f"{key}s"] = node.pop(key)
        case 3 if isinstance(node[key], str) and node[key]:
            at = chance.randrange(len(node[key]))
            node[key] = node[key][:at] + chance.choice('§ \\"\0é💥=') + node[key][at + 1 :]
        case _:
            node[key] = junk(chance)


def spoilt_bytes(frame: str, chance: random.Random) -> str | bytes:
    """A frame that is likely not even JSON."""
    raw = bytearray(frame.encode())
    at = chance.randrange(len(raw))
    match chance.randrange(4):
        case 0:
            return frame[:at]
        case 1:
            raw[at] = chance.randrange(256)
            return bytes(raw)
        case 2:
            return frame[:at] + chance.choice(["\ud800", '"', "}", "\\u", "\t\n", "[" * 200])
        case _:
            return chance.choice(["NaN", "[]", "1", '""', frame + frame, frame + " ", ""])


def frame(chance: random.Random, event_id: str) -> tuple[str | bytes, Any]:
    """A frame, and the JSON that it carries, if it is still one."""
    event = json.loads(json.dumps(chance.choice(EVENTS)))
    event["event_id"] = event_id
    for _ in range(chance.choice([0, 1, 1, 1, 2, 5])):
        spoil(event, chance)
    text = json.dumps(event, ensure_ascii=chance.random() < 0.5)
    return (spoilt_bytes(text, chance), None) if chance.random() < 0.1 else (text, event)


def reaches(event: Any, param: str) -> bool:
    """Whether ``param`` names a place in the event, or one that is missing right there."""
    node, steps = event, [name or int(index) for name, index in PATH.findall(param)]
    for number, step in enumerate(steps):
        try:
            node = node[step]
        except (LookupError, TypeError):
            return number >= len(steps) - 2
    return True


def place_call() -> tuple[RealtimeProtocol, Callable[[list[Command]], list[dict[str, Any]]]]:
    """A session with two messages, and what reads its events."""
    core = RealtimeProtocol("sess_1", "support")

    def read(commands: list[Command]) -> list[dict[str, Any]]:
        return [checked(command.frame) for command in commands if isinstance(command, Send)]

    core.open(0.0)
    for item_id in ("first", "third"):
        content = [{"type": "input_text", "text": "Hi"}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        core.receive(json.dumps({"type": "conversation.item.create", "item": item}), 0.0)
    core.receive(json.dumps({"type": "response.create"}), 0.0)
    assert core.active_response
    core.feed(ResponseText(core.active_response, "Good day."), 0.0)
    core.feed(ResponseEnded(core.active_response), 0.0)
    return core, read


@settings(max_examples=250, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_a_frame_gets_at_most_one_error_that_says_where_and_changes_nothing(
    chance: random.Random, count: int
) -> None:
    core, read = place_call()
    for number in range(count):
        sent, event = frame(chance, f"mine_{number}")
        before = (core.session, core.items, core.active_response, core.deadline)
        events = read(core.receive(sent, float(number)))
        errors = [e["error"] for e in events if e["type"] == "error"]
        if not errors:
            continue
        assert len(events) == 1, (sent, events)
        assert (core.session, core.items, core.active_response, core.deadline) == before
        (error,) = errors
        assert error["type"] == "invalid_request_error"
        assert error["message"]
        given_id = event.get("event_id") if isinstance(event, dict) else None
        if isinstance(given_id, str):
            assert error["event_id"] == given_id
        if error["code"] in {"unknown_parameter", "invalid_type", "invalid_value"}:
            assert error["param"] is not None, (sent, error)
        if error["param"] and event is not None:
            assert reaches(event, error["param"]), (event, error)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_text_and_any_bytes_are_survived(sent: str | bytes) -> None:
    core, read = place_call()
    events = read(core.receive(sent, 1.0))
    assert [event["type"] for event in events] == ["error"]


@pytest.mark.timeout(120)  # the first may have to wait for the server
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_server_survives_a_client_of_nonsense(server: Any, seed: int) -> None:
    chance = random.Random(seed)
    before = server.resident
    async with connect(f"{server.ws}/v1/realtime", max_size=None, compression=None) as socket:
        errors: Counter[str | None] = Counter()
        named: set[str | None] = set()
        for number in range(400):
            sent, event = frame(chance, f"mine_{number}")
            if isinstance(event, dict) and event.get("event_id") == f"mine_{number}":
                named.add(f"mine_{number}")
            # Lone surrogates cannot be written as UTF-8, so no client gets them onto the wire.
            await socket.send(
                sent if isinstance(sent, bytes) else sent.encode("utf-8", "replace").decode()
            )
        mark = {"type": "conversation.item.retrieve", "item_id": "none", "event_id": "mark"}
        await socket.send(json.dumps(mark))
        async with asyncio.timeout(25):
            async for told in socket:
                event = json.loads(told)
                if event["type"] == "error":
                    errors[event["error"]["event_id"]] += 1
                    if event["error"]["event_id"] == "mark":
                        break
    assert all(errors[event_id] <= 1 for event_id in named)
    assert errors.total() <= 401
    assert sum(errors[event_id] for event_id in named) > 50
    assert server.resident - before < 64 * 1024 * 1024
