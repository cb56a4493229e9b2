"""Bad input: exactly one error with the event's id, and the socket stays open (2.10 rule 11)."""

import json
from functools import partial
from typing import Any

from frontdesk.conformance.reply import must
from frontdesk.conformance.session import user
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Failed

area = Area("errors", "each bad input has one error that names it")

BAD: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "an unknown event": ("no.such.event", "type", {}),
    "a session without type": ("session.update", "session.type", {"session": {}}),
    "an unknown session field": (
        "session.update",
        "session.smell",
        {"session": {"type": "realtime", "smell": 1}},
    ),
    "a modality that is none": (
        "session.update",
        None,
        {"session": {"type": "realtime", "output_modalities": ["smell"]}},
    ),
    "a rate nobody has": (
        "session.update",
        "session.audio.input.format.rate",
        {
            "session": {
                "type": "realtime",
                "audio": {"input": {"format": {"type": "audio/pcm", "rate": 44100}}},
            }
        },
    ),
    "a speed out of range": (
        "session.update",
        "session.audio.output.speed",
        {"session": {"type": "realtime", "audio": {"output": {"speed": 99}}}},
    ),
    "audio that is not base64": ("input_audio_buffer.append", "audio", {"audio": "@@ no @@"}),
    "audio of a wrong type": ("input_audio_buffer.append", "audio", {"audio": 7}),
    "an append without audio": ("input_audio_buffer.append", "audio", {}),
    "a commit of nothing": ("input_audio_buffer.commit", None, {}),
    "an item without type": ("conversation.item.create", "item.type", {"item": {}}),
    "a message without role": (
        "conversation.item.create",
        None,
        {"item": {"type": "message", "content": []}},
    ),
    "a user who says output_text": (
        "conversation.item.create",
        None,
        {
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "output_text", "text": "x"}],
            }
        },
    ),
    "an item after one that is not there": (
        "conversation.item.create",
        "previous_item_id",
        {"item": user("Hi."), "previous_item_id": "item_nowhere"},
    ),
    "an output without its call": (
        "conversation.item.create",
        None,
        {"item": {"type": "function_call_output", "call_id": "call_nowhere", "output": "x"}},
    ),
    "a retrieve of nothing": ("conversation.item.retrieve", None, {"item_id": "item_nowhere"}),
    "a delete of nothing": ("conversation.item.delete", None, {"item_id": "item_nowhere"}),
    "a truncate of nothing": (
        "conversation.item.truncate",
        None,
        {"item_id": "item_nowhere", "content_index": 0, "audio_end_ms": 0},
    ),
    "a cancel without a response": ("response.cancel", None, {}),
    "a response with too many tokens": (
        "response.create",
        "response.max_output_tokens",
        {"response": {"max_output_tokens": 1_000_000}},
    ),
    "a response with an unknown field": (
        "response.create",
        "response.smell",
        {"response": {"smell": 1}},
    ),
    "an input that refers to nothing": (
        "response.create",
        None,
        {"response": {"input": [{"type": "item_reference", "id": "item_nowhere"}]}},
    ),
}
"""Client event, the ``param`` that its error names (None: not said anywhere), and its fields."""

CODES = {
    "a commit of nothing": "input_audio_buffer_commit_empty",
    "a retrieve of nothing": "item_retrieve_invalid_item_id",
    "a delete of nothing": "item_delete_invalid_item_id",
    "a truncate of nothing": "item_truncate_invalid_item_id",
    "a cancel without a response": "response_cancel_not_active",
}
"""Codes that some client acts on (1.3a)."""


async def _bad(name: str, bench: Bench) -> None:
    kind, param, fields = BAD[name]
    async with bench.session() as session:
        error = await session.refused(kind, **fields)
        must(bool(error.get("message")), "a message", _event(error))
        must(isinstance(error.get("type"), str), "error.type, a string", _event(error))
        if param:
            must(error.get("param") == param, f"param {param}", _event(error))
        if code := CODES.get(name):
            must(error.get("code") == code, f"code {code}", _event(error))
        if name == "a cancel without a response":
            begins = str(error.get("message")).startswith("Cancellation failed")
            must(begins, "a message that starts 'Cancellation failed' (3.4)", _event(error))
        await session.write("Still there?")


def _event(error: dict[str, Any]) -> dict[str, Any]:
    return {"type": "error", "error": error}


for _name in BAD:
    area.add(
        f"{_name} is one error",
        "One error with the event's event_id; the session goes on (2.10 rule 11).",
        partial(_bad, _name),
    )


async def _garbage(frame: str | bytes, bench: Bench) -> None:
    async with bench.session() as session:
        await session.send_odd(frame)
        events = await session.until("error")
        events += await session.settled()
        errors = [event for event in events if event["type"] == "error"]
        must(len(errors) == 1, "one error", errors[-1])
        await session.write("Still there?")


for _name, _frame in {
    "text that is not JSON": "{no",
    "JSON that is no object": "[1, 2]",
    "an object without type": json.dumps({"event_id": "e"}),
    "a binary frame": bytes(64),
}.items():
    area.add(
        f"{_name} is one error",
        "Malformed frames have one error; the socket stays open (2.10 rule 11).",
        partial(_garbage, _frame),
    )


@area.scenario()
async def an_id_cannot_be_used_twice(bench: Bench) -> None:
    """item_create_duplicate_item_id for an id that exists (1.3a)."""
    async with bench.session() as session:
        await session.write("One.", id="item_twice")
        item = user("Two.", id="item_twice")
        error = await session.refused("conversation.item.create", item=item)
        code = "item_create_duplicate_item_id"
        must(error.get("code") == code, f"code {code}", _event(error))


@area.scenario()
async def a_flood_of_mistakes_is_answered_one_by_one(bench: Bench) -> None:
    """Fifty events that fail have fifty errors, each with its event_id (2.10 rule 11)."""
    async with bench.session() as session:
        sent = [await session.send("no.such.event") for _ in range(50)]
        answered: list[Any] = []
        while len(answered) < 50:
            event = (await session.until("error"))[-1]
            answered.append(event["error"].get("event_id"))
        must(answered == sent, "the event_ids that were sent, in order", str(answered[:5]))


@area.scenario()
async def text_of_every_kind_comes_back_whole(bench: Bench) -> None:
    """Unicode, emoji, control characters and long texts are kept as they were sent (1.3a)."""
    texts = ["Grüße 你好 🙂 \u202e", "a\u0000b\t\n", "  ", "x" * 20_000, "\ud800"]
    async with bench.session() as session:
        for text in texts[:-1]:
            item = await session.write(text)
            if item["content"][0]["text"] != text:
                raise Failed("the text as it was sent", str(item)[:300])
        await session.send("conversation.item.create", item=user(texts[-1]))
        event = (await session.until("conversation.item.done", "error"))[-1]
        must(bool(event), "half a surrogate is taken or refused", event)
        await session.write("Still there?")
