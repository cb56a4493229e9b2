"""Models of the chaos desk: in place of the instant ones, by the entry points that anybody may use.

They do at once what the caller's words say, unless the world outside has another say: before each
step they tell it what they are about to do (:func:`tell`), and it may let them wait.

A caller's turn is ``NAME WHAT``, as ``t17 once``: what to do, and the name by which all that comes
of it is known.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from agents import Handoff, Model
from frontdesk.team import stream
from frontdesk.team.instant import InstantModel
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples, Transcript

TURN = re.compile(r"\b(t\d+) (\w+)")
CHUNK = OUTPUT_RATE // 10


async def tell(what: str, turn: str, **fields: Any) -> Any:
    """Tell the world what happens, and wait for its answer."""
    reader, writer = await asyncio.open_unix_connection(os.environ["CHAOS_WORLD"])
    try:
        told = {"what": what, "turn": turn, "pid": os.getpid(), **fields}
        writer.write(json.dumps(told).encode() + b"\n")
        return json.loads(await reader.readline())
    finally:
        writer.close()


class ScriptedModel(InstantModel):
    """Calls the tool that the turn names, or hands over; then tells what came of it."""

    async def stream_response(
        self, system_instructions: Any, input: Any, *rest: Any, **more: Any
    ) -> AsyncIterator[Any]:
        _, tools, _, handoffs, *_ = rest
        turn, what, since = last_turn(input)
        await tell("second" if what == "hand" and called(since) else "model", turn)
        item = next_step(turn, what, since, {tool.name for tool in tools}, handoffs)
        final = stream.response([item], 0, 1, model="scripted")
        split = re.compile(r"\S+\s*").findall
        for number, event in enumerate(stream.events(final, split)):
            if number == 5 and item.type == "message":  # two words of it are out
                await tell("halfway", turn)
            yield event


def last_turn(items: Any) -> tuple[str, str, list[dict[str, Any]]]:
    """Name and wish of the caller's last turn, and what was done since."""
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        if item.get("role") == "user" and (found := TURN.search(str(item["content"]))):
            return found[1], found[2], items[place + 1 :]
    return "t0", "say", []


def next_step(
    turn: str, what: str, since: list[dict[str, Any]], tools: set[str], handoffs: list[Handoff]
) -> Any:
    handed = {item["call_id"] for item in since if item.get("name", "").startswith("transfer_to_")}
    outputs = [
        item["output"]
        for item in since
        if item.get("type") == "function_call_output" and item["call_id"] not in handed
    ]
    if what == "hand" and handoffs and not handed:
        return stream.function_call(handoffs[0].tool_name, "{}")
    if what in tools and what not in called(since):
        return stream.function_call(what, json.dumps({"turn": turn}))
    if outputs:
        return stream.message(f"{turn} came to this: {plain(outputs[-1])}.")
    return stream.message(f"{turn} is heard here. The end of {turn} is near.")


def called(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items if item.get("type") == "function_call"]


def plain(output: Any) -> str:
    return " ".join(re.findall(r"\w+", str(output)))[:120]


def model(request: Any) -> Model:
    return ScriptedModel()


class Transcriber:
    """Hears what the world says that the caller is saying: the hint in the session's config is the
    caller's name."""

    name = "chaos: by heart"

    def __init__(self, choice: Any) -> None: ...

    def stream(self, *, language: str | None = None, prompt: str | None = None) -> "Stream":
        return Stream(prompt or "")

    async def warm_up(self) -> None: ...


class Stream:
    def __init__(self, caller: str) -> None:
        self._caller = caller
        self._length = 0

    def push(self, samples: Samples) -> None:
        self._length += len(samples)

    async def transcript(self) -> Transcript:
        words = await tell("words", self._caller)
        return Transcript(words, self._length / INPUT_RATE)

    async def aclose(self) -> None: ...


class Speech:
    """10 ms of a tone a letter: answers are over soon."""

    name = "chaos: tone"

    def __init__(self, choice: Any) -> None: ...

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        found = re.search(r"\bt\d+\b", text)
        await tell("end" if "end of" in text else "speech", found[0] if found else "")
        left = len(text) * OUTPUT_RATE // 100
        while left > 0:
            yield np.full(min(CHUNK, left), 0.3, np.float32)
            left -= CHUNK

    async def warm_up(self) -> None: ...
