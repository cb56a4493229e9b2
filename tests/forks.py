"""Servers that are forked by a process which has imported everything, and not started anew."""

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


class Forked:
    """A forked process, to be used as :class:`subprocess.Popen` is."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self._exit = log.with_name(f"{pid}.exit")
        self._ended: int | None = None
        with contextlib.suppress(ProcessLookupError):
            self._ended = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Its exit code once it has ended."""
        return int(self._exit.read_text()) if self._exit.exists() else None

    def wait(self, timeout: float | None = None) -> int:
        if self._ended is not None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(["frontdesk"], timeout or 0)
            os.close(self._ended)
            self._ended = None
        while (code := self.poll()) is None:  # its parent is just being told
            time.sleep(0.001)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """The process that forks them (``forkserver.py``), and all that it forked. Linux only."""

    def __init__(self, python: str, *modules: str, path: Sequence[Path] = ()) -> None:
        """``modules`` of ``path`` are imported beforehand, too."""
        paths = os.pathsep.join(str(folder) for folder in (ROOT, *path))
        self._process = subprocess.Popen(
            [python, ROOT / "tests" / "forkserver.py", *modules],
            env={**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._one_at_a_time = threading.Lock()
        """Two threads that read answers at once may take each other's, and wait for ever."""
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def fork(
        self,
        words: Sequence[str],
        environ: dict[str, str],
        log: Path,
        constants: Mapping[str, float] | None = None,
    ) -> Forked:
        """Run ``frontdesk`` with these words, this environment, and other values for some of its
        ``constants``, each with its module: patience, on a machine that may be busy."""
        order = {
            "words": [*words],
            "environ": environ,
            "log": str(log),
            "constants": {**(constants or {})},
        }
        assert self._process.stdin
        with self._one_at_a_time:
            print(json.dumps(order), file=self._process.stdin, flush=True)
            return Forked(int(self._answer()), log)

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
