"""What functions of ``tools/`` do when they run: as threads, over time, and against the rules."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from agents.tool import invoke_function_tool
from agents.tool_context import ToolContext

from frontdesk.desk.schema import FunctionUse
from frontdesk.team.functions import FunctionLoader
from frontdesk.team.invocation import Threads

SOURCE = """\
import asyncio, functools, sys, threading, time

go = threading.Event()
entered = threading.Semaphore(0)


def hang() -> str:
    entered.release()
    go.wait()
    return "late"


def quick() -> str:
    return threading.current_thread().name


async def deaf() -> str:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(3600)
    return "late"


def find() -> str:
    return next(name for name in ["secret-lamp"] if name == "x")


def leave() -> str:
    sys.exit("secret")


async def leave_too() -> str:
    sys.exit("secret")


async def cancelled() -> str:
    raise asyncio.CancelledError("secret")


def broken() -> str:
    raise ValueError("secret")


def logged(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


@logged
async def decorated() -> str:
    await asyncio.sleep(0)
    return "awaited"


def odd() -> dict:
    return {"bytes": b"\\xff", "number": float("nan"), "set": {1}, "type": int}
"""
FAULT = "The tool failed because of a fault of its own. Do not try it again with the same input."
Use = Callable[..., Awaitable[str]]


@pytest.fixture
def module(desk: Path) -> Any:
    """The functions' module, once one of them was loaded."""
    (desk / "tools" / "odd.py").write_text(SOURCE)
    loader = FunctionLoader(desk)
    loader.load("quick", FunctionUse(call="tools.odd:quick"), show_examples=False)
    [found] = [
        m for name, m in sys.modules.items() if name.endswith(f"{loader._package}.tools.odd")
    ]
    found.loader = loader
    yield found
    found.go.set()
    loader.close()


@pytest.fixture
def use(module: Any) -> Use:
    """Runs a function as a model does: ``await use(name)`` is what the model reads."""

    async def use(name: str, within: str = "10s") -> str:
        section = FunctionUse.model_validate({"call": f"tools.odd:{name}", "timeout": within})
        tool = module.loader.load(name, section, show_examples=False)
        context = ToolContext(None, tool_name=name, tool_call_id="c", tool_arguments="{}")
        return await invoke_function_tool(function_tool=tool, context=context, arguments="{}")

    return use


async def test_a_sync_function_runs_in_a_thread(use: Use) -> None:
    assert (await use("quick")).startswith("frontdesk-tool")


@pytest.mark.parametrize("name", ["hang", "deaf"])
async def test_a_function_that_outlives_its_time_is_given_up(use: Use, name: str) -> None:
    assert await use(name, within="50ms") == (
        "The tool did not finish within 0.05 seconds and was given up; "
        "it is not known whether it took effect."
    )
    assert (await use("quick")).startswith("frontdesk-tool")


@pytest.mark.parametrize("name", ["find", "leave", "leave_too", "cancelled", "broken"])
async def test_whatever_a_function_ends_with_is_its_own_failure(use: Use, name: str) -> None:
    assert await use(name) == FAULT


async def test_a_decorator_may_hide_that_a_function_is_async(use: Use) -> None:
    assert await use("decorated") == "awaited"


async def test_any_result_can_be_read(use: Use) -> None:
    read = json.loads(await use("odd"))
    assert read == {"bytes": "_w==", "number": None, "set": [1], "type": "<class 'int'>"}


async def test_a_caller_who_hangs_up_does_not_wait_for_a_function(use: Use, module: Any) -> None:
    task = asyncio.create_task(use("hang"))
    await asyncio.to_thread(module.entered.acquire)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_functions_that_hang_take_no_more_than_their_threads_and_the_rest_wait_in_line() -> None:
    threads, go = Threads(most=2), threading.Event()
    entered = threading.Semaphore(0)

    def hang() -> str:
        entered.release()
        go.wait()
        return threading.current_thread().name

    futures = [threads.submit(hang) for _ in range(5)]
    for _ in range(2):
        entered.acquire()
    assert not entered.acquire(timeout=0.05)
    assert futures[4].cancel()
    go.set()
    assert len({future.result(10) for future in futures[:4]}) == 2
    assert futures[4].cancelled()


def test_a_hung_function_does_not_hold_up_the_end_of_the_process() -> None:
    code = (
        "import asyncio, threading\n"
        "from frontdesk.team.invocation import Invocation\n"
        "async def main():\n"
        "    call = Invocation(lambda: threading.Event().wait())()\n"
        "    await asyncio.wait_for(call, 0.05)\n"
        "try:\n"
        "    asyncio.run(main())\n"
        "except TimeoutError:\n"
        "    print('done')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.stdout == "done\n", done.stderr
