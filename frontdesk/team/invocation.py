"""Runs a function of ``tools/`` so that nothing it does reaches further than its own call."""

import asyncio
import contextvars
import inspect
import itertools
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

MOST_THREADS = 32
GIVE_UP_SECONDS = 0.25
"""How long a function that was told to stop has for it."""


class FunctionLeft(RuntimeError):
    """The function ended in a way that only a program or a task of its own may."""


class Threads(Executor):
    """At most ``most`` threads, one for each call; what is more waits in line.

    Unlike a ``ThreadPoolExecutor``'s, they don't hold up the end of the process: a function may
    hang, and nothing can stop a thread.
    """

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._free = most
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = Lock()
        self._numbers = itertools.count(1)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            self._waiting.append(job)
            if not self._free:
                return future
            self._free -= 1
        name = f"frontdesk-tool-{next(self._numbers)}"
        Thread(target=self._work, name=name, daemon=True).start()
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._free += 1
                    return
                job = self._waiting.popleft()
            job()


class Invocation:
    """How ``function`` is run. A function that is not async runs in threads of its own: one that
    hangs takes none from another."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._threads = None if inspect.iscoroutinefunction(function) else Threads()

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result.

        Cancelled, it is told to stop and not waited for: an async function may hold on, a thread
        always does.

        Raises:
            FunctionLeft: it called ``sys.exit``, or raised what would end more than itself.
            Exception: whatever else it raises.
        """
        task = asyncio.create_task(self._contained(partial(self._function, *args, **kwargs)))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task}, timeout=GIVE_UP_SECONDS)
            if not task.done():
                logger.warning("Tool function %s does not stop when told", self._function.__name__)
                task.add_done_callback(_unheard)
            raise
        if task.cancelled():
            raise FunctionLeft("it ended with CancelledError, and nobody had cancelled it")
        return task.result()

    async def _contained(self, call: Callable[[], Any]) -> Any:
        try:
            return await self._result(call)
        except (SystemExit, KeyboardInterrupt) as error:
            raise FunctionLeft(f"it ended with {error!r}") from error

    async def _result(self, call: Callable[[], Any]) -> Any:
        if self._threads is None:
            return await call()
        job = partial(_without_stop_iteration, contextvars.copy_context(), call)
        result: Any = await asyncio.wrap_future(self._threads.submit(job))
        # A decorator may hide that a function is async.
        return await result if inspect.isawaitable(result) else result


def _without_stop_iteration(context: contextvars.Context, call: Callable[[], Any]) -> Any:
    """A future cannot hold ``StopIteration``, the error of a ``next()`` that found nothing."""
    try:
        return context.run(call)
    except StopIteration as error:
        raise FunctionLeft("next() found nothing: give it a default") from error


def _unheard(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()  # or the loop complains that nobody asked
