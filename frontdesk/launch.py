"""Runs a server that ends when its parent does, even if the parent is killed.

A script of its own, not a ``preexec_fn``: running Python between fork and exec is not safe in a
process with threads. ``python launch.py bind|watch PARENT DESCRIPTORS COMMAND…``:

* ``bind`` (Linux) asks the kernel for SIGTERM at the parent's end and becomes the command.
* ``watch`` stays beside the command, and stops it when standard input closes.
"""

import os
import signal
import subprocess
import sys
import threading
from typing import NoReturn

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def bind(parent: int, command: list[str]) -> NoReturn:
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    os.execv(command[0], command)


def watch(command: list[str], keep: tuple[int, ...]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=keep)

    def terminate(number: int, frame: object) -> None:
        child.terminate()

    signal.signal(signal.SIGTERM, terminate)
    threading.Thread(target=_terminate_at_eof, args=(child,), daemon=True).start()
    return child.wait()


def _terminate_at_eof(child: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 1024):
        pass
    child.terminate()


if __name__ == "__main__":
    mode, parent, kept, *command = sys.argv[1:]
    if mode == "bind":
        bind(int(parent), command)
    sys.exit(watch(command, tuple(int(number) for number in kept.split(",") if number)))
