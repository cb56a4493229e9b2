"""Child processes that never outlive us."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""From ``<sys/prctl.h>``: the signal a Linux process gets when its parent dies."""

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""


async def start_child(
    command: Sequence[str], *, log: Path, env: dict[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start ``command`` with its output in ``log``. On Linux it ends with us even on SIGKILL."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env=env,
            start_new_session=True,  # Ctrl-C in the terminal is ours to pass on, once
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )


async def stop_child(child: asyncio.subprocess.Process) -> None:
    """End a child, politely first."""
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), GRACE)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:  # the parent died before we asked
        os._exit(1)
