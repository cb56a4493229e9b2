"""A process that has imported Frontdesk and forks workers: 3 s of CPU once, and not for each.

Reads orders from its standard input, one JSON object a line: ``{"environ": {…}, "log": PATH}``, and
answers each with the worker's process id. A forked worker is the product's own: it reads its
settings from the environment and serves as ``frontdesk serve`` does. Workers end with this process,
and this one with its standard input.
"""

import ctypes
import gc
import json
import os
import signal
import socket
import sys
from importlib import import_module

import uvloop

from frontdesk.cli.serving import run
from frontdesk.mcp import local
from frontdesk.settings import Settings

LATE = (
    # What a worker imports when it starts or takes its first call.
    "chaos_stand_ins",
    "frontdesk.state.valkey",
    "frontdesk.team.instant",
    "mcp.client.stdio",
    "redis.asyncio.cluster",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
)
PR_SET_PDEATHSIG = 1


async def serve() -> None:
    settings = Settings()
    with socket.create_server((settings.host, settings.port)) as listener:
        async with local.running([], settings.data_dir) as started:
            await run(settings, listener, None, started)


def become_worker(order: dict[str, object]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, descriptor)
    os.environ.update(order["environ"])  # type: ignore[arg-type]
    uvloop.run(serve())


def main() -> None:
    for name in LATE:
        import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    print("ready", flush=True)
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            become_worker(json.loads(line))
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
