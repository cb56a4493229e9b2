"""One guardrail: it always comes to an outcome, and its function gets what it asks for."""

import asyncio
import time
from pathlib import Path

import pytest

from frontdesk.desk.guardrails import Guardrail
from frontdesk.team.functions import FunctionLoader, FunctionLoadError
from frontdesk.team.guardrails.checking import check
from frontdesk.team.guardrails.functions import by_function
from frontdesk.team.guardrails.guard import Guard
from frontdesk.team.guardrails.passage import Passage, Violation, nothing_open
from frontdesk.team.guardrails.patterns import searching

FUNCTIONS = """
from __future__ import annotations
from frontdesk.team.guardrails.passage import Passage, Violation

async def whole(passage: Passage) -> Violation | None:
    return Violation(f"{passage.stage} of {passage.agent} after {passage.before!r}")

def leaves(text: str) -> str | None:
    raise SystemExit

def nothing() -> None: ...

def two(text: str, other: str) -> None: ...
"""


@pytest.fixture
def function(tmp_path: Path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "g.py").write_text(FUNCTIONS)
    loader = FunctionLoader(tmp_path)
    return lambda name: by_function(loader, "guardrails.no", f"tools.g:{name}")


def guard(rule_check, name="no", open_from=nothing_open, **rule):
    rule = {"call": "a:b", "hold": "20s"} | rule
    return Guard(name, Guardrail(**rule), "No.", rule_check, open_from)


def searcher(name="no", **rule):
    checked, open_from = searching(Guardrail(**rule))
    return Guard(name, Guardrail(**rule), "No.", checked, open_from)


async def test_a_function_may_ask_for_more_than_the_text(function):
    passage = Passage("Hi.", "output", before="So. ", agent="clerk")
    outcome = await guard(function("whole")).check(passage)
    assert outcome.reason == "output of clerk after 'So. '"


async def test_time_in_which_the_process_was_held_up_is_not_the_functions():
    async def held_up(passage):
        for _ in range(8):
            time.sleep(0.03)  # noqa: ASYNC251 (something else holds the loop up)
            await asyncio.sleep(0)

    outcome = await guard(held_up, hold="100ms").check(Passage("Hi.", "output"))
    assert (outcome.problem, outcome.blocks) == (None, False)


async def test_a_function_that_would_end_the_program_has_failed(function):
    outcome = await guard(function("leaves")).check(Passage("Hi.", "output"))
    assert (outcome.problem, outcome.blocks) == ("error", True)


@pytest.mark.parametrize("name", ["nothing", "two", "none"])
def test_a_function_that_cannot_be_called_is_refused_at_start(function, name):
    with pytest.raises(FunctionLoadError, match=r"guardrails\.no: "):
        function(name)


async def test_a_check_that_is_cancelled_stops():
    began, stopped = asyncio.Event(), asyncio.Event()

    async def waits(passage):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    task = asyncio.create_task(guard(waits).check(Passage("Hi.", "output")))
    await began.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(stopped.wait(), 30)


async def test_what_is_found_at_once_saves_asking_the_others():
    asked = []

    async def slow(passage):
        asked.append(passage.text)

    guards = [guard(slow, "slow"), searcher("words", words=["no"])]
    result = await check(guards, Passage("Oh no.", "output"))
    assert result.blocked is guards[1]
    assert not asked


async def test_those_that_replace_are_given_what_the_one_before_left():
    def shout(passage):
        return Violation("x", passage.text.upper())

    guards = [
        guard(shout, "shout", mode="replace"),
        searcher("words", words=["red"], mode="replace", replacement="blue"),
    ]
    result = await check(guards, Passage("a red lamp", "output"))
    assert result.text == "A BLUE LAMP"


async def test_others_are_stopped_when_one_blocks():
    stopped = asyncio.Event()

    async def waits(passage):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def blocks(passage):
        await asyncio.sleep(0)
        return Violation("x")

    result = await check([guard(waits, "one"), guard(blocks, "two")], Passage("Hi.", "input"))
    assert result.blocked and result.blocked.name == "two"
    await asyncio.wait_for(stopped.wait(), 30)


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ({"words": ["red lamp"]}, "a Red, lamp!", "a X!"),
        ({"words": ["red"]}, "a reddish lamp", None),
        ({"words": ["할인"]}, "할인을 드립니다", "X을 드립니다"),
        ({"pattern": r"sku-(\d+)"}, "the SKU-17 lamp", "the X lamp"),
        ({"pattern": r"\d*"}, "no figures", None),
    ],
)
async def test_words_and_patterns_are_found_in_any_case(rule, text, expected):
    one = searcher(mode="replace", replacement="X", **rule)
    assert (await one.check(Passage(text, "output"))).instead == expected
