"""A transport seen through: tool lists are vetted as they come in, and the end is noticed."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

from mcp.client import Transport
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCResponse

from frontdesk.mcp.vetting import Finding, vet_tools

Incoming = SessionMessage | Exception
Streams = tuple[ReadStream[Incoming], WriteStream[SessionMessage]]


def seen_through(
    transport: Transport, on_finding: Callable[[Finding], None], on_end: Callable[[], None]
) -> AbstractAsyncContextManager[Streams]:
    """Wrap ``transport``: ``on_finding`` hears what there is to say of tools, ``on_end`` of the
    end."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Streams]:
        async with transport as (read, write):
            yield _VettedStream(read, on_finding, on_end), write

    return opened()


class _VettedStream(ReadStream[Incoming]):
    """The read half. The client validates a tool list as a whole and would lose all of it for one
    bad tool, so lists are vetted before the client sees them."""

    def __init__(
        self,
        inner: ReadStream[Incoming],
        on_finding: Callable[[Finding], None],
        on_end: Callable[[], None],
    ) -> None:
        self._inner = inner
        self._on_finding = on_finding
        self._on_end = on_end

    @property
    def last_context(self) -> Any:
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Incoming:
        return self._vetted(await self._inner.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Incoming:
        try:
            return self._vetted(await self._inner.__anext__())
        except StopAsyncIteration:
            self._on_end()
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        return await self._inner.__aexit__(exc_type, exc_val, exc_tb)

    def _vetted(self, incoming: Incoming) -> Incoming:
        message = incoming.message if isinstance(incoming, SessionMessage) else None
        if isinstance(message, JSONRPCResponse):
            # A result that does not say so is complete; the client would refuse it.
            message.result.setdefault("resultType", "complete")
        if isinstance(message, JSONRPCResponse) and isinstance(message.result.get("tools"), list):
            good, findings = vet_tools(cast("list[Any]", message.result["tools"]))
            message.result["tools"] = good
            for finding in findings:
                self._on_finding(finding)
        return incoming
