"""A child process that ends with us."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LAUNCHER = Path(__file__).with_name("launch.py")
STOP_TIMEOUT = 10.0


class Process:
    """A server under :mod:`frontdesk.launch`, running ``command`` from here on.

    It gets the environment ``env`` (ours by default), inherits ``descriptor``, if any, and writes
    to the file ``log``, anew. ``ended`` is done, with the exit code, when it is gone; it fails
    with ``OSError`` when it could not be run.

    A thread starts it and waits for it: the kernel's signal at the parent's end is really sent at
    the end of the *thread* that made the child, so that thread must live as long as the child.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        descriptor: int | None = None,
        env: Mapping[str, str] | None = None,
        bind: bool = sys.platform == "linux",
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._child: subprocess.Popen[bytes] | None = None
        self.started: asyncio.Future[int] = self._loop.create_future()
        """Its process id."""
        self.ended: asyncio.Future[int] = self._loop.create_future()
        mode = "bind" if bind else "watch"
        launch = [sys.executable, "-I", "-S", str(LAUNCHER), mode, str(os.getpid())]
        kept = () if descriptor is None else (descriptor,)
        command = [*launch, ",".join(map(str, kept)), *command]
        threading.Thread(target=self._attend, args=(command, kept, log, env), daemon=True).start()

    async def stop(self) -> None:
        """Ask it to end, and see to it after 10 s."""
        await asyncio.wait((self.started, self.ended), return_when=asyncio.FIRST_COMPLETED)
        if not self.started.done():
            return
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await asyncio.shield(self.ended)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.ended

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended.done() and self._child:
            self._child.send_signal(number)

    def _attend(
        self,
        command: list[str],
        kept: tuple[int, ...],
        log: Path,
        env: Mapping[str, str] | None,
    ) -> None:
        try:
            with log.open("wb") as output:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,  # closed at our end: what `watch` waits for
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=kept,
                    env=env,
                    start_new_session=True,  # Ctrl-C is for us: it ends after our last write
                )
        except OSError as error:
            self._tell(self.ended.set_exception, error)
            return
        with child:
            self._child = child
            self._tell(self.started.set_result, child.pid)
            code = child.wait()
        self._tell(self.ended.set_result, code)

    def _tell(self, settle: Callable[[T], None], value: T) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits for the answer
            self._loop.call_soon_threadsafe(settle, value)
