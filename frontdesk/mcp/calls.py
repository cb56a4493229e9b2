"""Tool calls on their way to one server: each within its budget, one among so many, as often as it
takes and no oftener than the server wants."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mcp.shared.dispatcher import ProgressFnT
from mcp.types import CallToolResult

from frontdesk.mcp.circuit import Circuit
from frontdesk.mcp.faults import Fault, ToolCallError, call_error, is_failure
from frontdesk.mcp.pace import Pace
from frontdesk.mcp.record import CallRecord
from frontdesk.mcp.slots import Slots


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a tool."""

    tool: str
    arguments: dict[str, Any]
    meta: dict[str, Any] | None = None
    progress: ProgressFnT | None = None


class Line(Protocol):
    """The connection, as calls need it."""

    @property
    def absence(self) -> ToolCallError | None:
        """Why there is no connection, when there is none."""
        ...

    async def attempt(
        self, request: Request, record: CallRecord
    ) -> tuple[CallToolResult | BaseException | None, list[Fault], bool]:
        """One try, once there is a connection: the result or what went wrong, the faults on the
        way, and whether it surely never reached the server. Raises `ToolCallError` when there is
        no connection."""
        ...


class Calls:
    """The calls of ``server`` through ``line``. ``doubt`` is told when it should be looked whether
    the server still answers."""

    def __init__(self, server: str, line: Line, pace: Pace, doubt: Callable[[], None]) -> None:
        self._server = server
        self._line = line
        self._pace = pace
        self._doubt = doubt
        self._slots = Slots()
        self.circuit = Circuit(server)

    async def make(
        self, request: Request, *, seconds: float, concurrency: int, record: CallRecord
    ) -> CallToolResult:
        """The result, within ``seconds``, as one of at most ``concurrency`` calls. Raises
        `ToolCallError`; ``record`` tells what happened."""
        loop = asyncio.get_running_loop()
        record.began = loop.time()
        try:
            async with asyncio.timeout(seconds):
                with self.circuit.passing(request.tool):
                    async with self._slots.taken(concurrency):
                        result = await self._insist(request, record, record.began + seconds)
        except TimeoutError:
            error = self._overdue(seconds, record)
        except ToolCallError as failed:
            error = failed
        else:
            self.circuit.succeeded(request.tool)
            return result
        record.fault = error.fault
        if is_failure(error):
            self.circuit.failed(request.tool)
            if self.circuit.is_open:
                self._doubt()
        raise error

    async def _insist(
        self, request: Request, record: CallRecord, deadline: float
    ) -> CallToolResult:
        """Ask until it has surely been seen to: once more when the request never arrived, and as
        often as the server wants it later, while there is time. Raises `ToolCallError`."""
        resent = False
        while True:
            await self._pace.keep(self._server, deadline)
            outcome, faults, unsent = await self._line.attempt(request, record)
            if isinstance(outcome, CallToolResult):
                return outcome
            if self._pace.note(faults):
                continue
            if resent or not unsent:
                raise call_error(self._server, outcome, faults)
            resent = True

    def _overdue(self, seconds: float, record: CallRecord) -> ToolCallError:
        if record.attempts:
            words = (
                f"The {self._server} service did not answer within {seconds:g} seconds; "
                "it is not known whether the request took effect."
            )
            return ToolCallError(words, fault="timeout")
        words = f"The {self._server} service has too much to do; this request was not made."
        overloaded = ToolCallError(words, status=503, fault="overloaded")
        return self._line.absence or overloaded
