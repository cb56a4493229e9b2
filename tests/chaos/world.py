"""The world outside of the workers, which outlives them: it counts what they do to it, knows how
far each turn has come, and can hold it there."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any, Self


class Hold:
    """One step of one turn that is not let go on until it is told to."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()


class World:
    """Workers tell it what they are about to do (``chaos_stand_ins.tell``)."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.deeds: Counter[tuple[str, str]] = Counter()
        """How often each thing was done: ``(what, turn)``."""
        self.by: dict[tuple[str, str], list[int]] = {}
        """The processes that did it."""
        self.lines: dict[str, str] = {}
        """What each caller says now, by name."""
        self._holds: dict[tuple[str, str], Hold] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self.socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        for hold in self._holds.values():
            hold.let_go.set()
        self._server.close()
        await self._server.wait_closed()

    def hold(self, what: str, turn: str) -> Hold:
        """Hold this step of a turn, each time that it is reached, until let go."""
        return self._holds.setdefault((what, turn), Hold())

    def let_go(self, what: str, turn: str) -> None:
        """Let it go on, and never hold it again."""
        self._holds.pop((what, turn)).let_go.set()

    def by_process(self, pid: int) -> list[tuple[str, str]]:
        """What one process did."""
        return [deed for deed, pids in self.by.items() for each in pids if each == pid]

    async def happens(self, what: str, turn: str, pid: int) -> Any:
        """Something is done. Returns what it comes to."""
        deed = (what, turn)
        self.deeds[deed] += 1
        self.by.setdefault(deed, []).append(pid)
        if hold := self._holds.get(deed):
            hold.reached.set()
            await hold.let_go.wait()
        return self.lines[turn] if what == "words" else f"{what} is done"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            told = json.loads(await reader.readline())
            # Whoever asked may be dead by now: then nobody waits for the answer.
            answer = await self.happens(told["what"], told["turn"], told["pid"])
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError):
            pass
        finally:
            writer.close()
