"""A process that has imported Frontdesk and forks servers: 2 s of CPU once, and not for each.

Reads orders from its standard input, one JSON object a line: ``{"words": […], "environ": {…},
"log": PATH, "constants": {"MODULE.NAME": VALUE}}``, and answers each with a process id. What is
forked is the command itself, with these words, nothing but this environment and other values for
these constants; when it has ended, its exit code is in ``PID.exit`` beside the log. All end with
this process, and this one with its standard input.
"""

import ctypes
import gc
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from frontdesk import cli

LATE = (
    # What a server imports when it starts or takes its first call.
    "anyio._backends._asyncio",
    "frontdesk.cli.serving",
    "frontdesk.state.valkey",
    "frontdesk.team.instant",
    "frontdesk.voice.instant.speech",
    "frontdesk.voice.instant.transcription",
    "mcp.client.stdio",
    "pydantic.v1",
    "redis.asyncio.cluster",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.auto",
)
PR_SET_PDEATHSIG = 1

_logs: dict[int, Path] = {}


def bury(*_: object) -> None:
    """Note how those ended that have."""
    while _logs:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        log = _logs.pop(pid)
        part = log.with_name(f"{pid}.part")
        part.write_text(str(os.waitstatus_to_exitcode(status)))
        part.replace(part.with_suffix(".exit"))


def become(order: dict[str, Any]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, descriptor)
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.argv = ["frontdesk", *order["words"]]
    for path, value in order["constants"].items():
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name), path
        setattr(import_module(module), name, value)


def main() -> None:
    for name in (*LATE, *sys.argv[1:]):
        import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, bury)
    print("ready", flush=True)
    while line := sys.stdin.readline():
        order = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        if (pid := os.fork()) == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            become(order)
            cli.main()
            return
        _logs[pid] = Path(order["log"])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        print(pid, flush=True)


if __name__ == "__main__":
    main()
