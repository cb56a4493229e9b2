"""The Agents SDK's runner by itself: the same instant model and function, no server around it.

    python benchmarks/bare_runner.py TURNS

Prints the milliseconds from each turn's input to its first word, as a JSON list. Nothing is
exported, and each turn begins with an empty history: the least that the SDK can take. Turns come
as far apart as those of a call do: back to back, with all caches warm, they take half as long.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator

import uvloop
from openai.types.responses import ResponseTextDeltaEvent

from agents import Agent, Runner, function_tool, set_trace_processors
from frontdesk.team.instant import InstantModel

PAUSE = 0.4
"""Seconds."""


@function_tool
async def find_order(order_number: str) -> dict[str, str]:
    """Find an order by its number."""
    return {"order_number": order_number, "status": "on its way"}


def bare_agent() -> Agent[None]:
    """One agent with one function, and nothing that watches its runs."""
    logging.disable(logging.WARNING)
    set_trace_processors([])
    return Agent[None](
        name="agent",
        instructions="You answer questions about orders, in two sentences.",
        model=InstantModel(),
        tools=[find_order],
    )


async def words(agent: Agent[None]) -> AsyncIterator[str]:
    """What it says in one turn, as it comes."""
    async for event in Runner.run_streamed(agent, "two seconds of speech").stream_events():
        if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
            yield event.data.delta


async def first_word(agent: Agent[None]) -> float:
    """Milliseconds of one turn until its first word."""
    began, first = time.perf_counter(), 0.0
    async for _ in words(agent):
        first = first or 1000 * (time.perf_counter() - began)
    return first


async def main(turns: int) -> None:
    agent = bare_agent()
    taken: list[float] = []
    for _ in range(turns):
        await asyncio.sleep(PAUSE)
        taken.append(await first_word(agent))
    print(json.dumps(taken))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
