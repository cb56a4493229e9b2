"""The HTTP client under a connection: a transport that answers even when the network does not.

The MCP client runs all requests of a session in one task group, so an exception in one request
(a refused connection, a reset in mid-answer) ends the session and every other call on it. Here a
network failure becomes an HTTP answer instead: the request fails, alone, and the session lives.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx2

from frontdesk.mcp.faults import Fault, note_fault
from frontdesk.mcp.guard import AddressGuard, AddressRefused

CONNECT_SECONDS = 2.0
"""Longest wait for a TCP and TLS connection. Read waits are bounded by each call's own budget."""
ASIDE_SECONDS = 2.0
"""Longest wait for the answer to a notification or a goodbye: the client queues behind them."""
MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""Cap on one JSON answer or one SSE event, far above what a model may see (see ``results``)."""


def http_client(
    headers: Mapping[str, str],
    guard: AddressGuard | None = None,
    auth: httpx2.Auth | None = None,
) -> httpx2.AsyncClient:
    """A client for one server, shared by all calls to it; it goes only where ``guard`` lets it."""
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=50)
    inner = guard.transport(limits) if guard else httpx2.AsyncHTTPTransport(limits=limits)
    return httpx2.AsyncClient(
        # Unpacked answers cannot be larger than they look.
        headers={"accept-encoding": "identity", **headers},
        auth=auth,
        timeout=httpx2.Timeout(10.0, connect=CONNECT_SECONDS, read=None),
        transport=SteadyTransport(inner),
    )


class SteadyTransport(httpx2.AsyncBaseTransport):
    """Notes each failure for the call it belongs to, and answers 503 where nothing answered."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            async with asyncio.timeout(ASIDE_SECONDS if _is_aside(request) else None):
                response = await self._inner.handle_async_request(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            forbidden = isinstance(error.__cause__, AddressRefused)
            note_fault(Fault("forbidden" if forbidden else "unreachable", repr(error)))
            return httpx2.Response(503, request=request)
        except (httpx2.TransportError, TimeoutError) as error:
            note_fault(Fault("broken", repr(error)))
            return httpx2.Response(503, request=request)
        if response.status_code >= 400:
            retry_after = response.headers.get("retry-after")
            note_fault(
                Fault("status", request.method, response.status_code, retry_after=retry_after)
            )
        limit = None
        if response.headers.get("content-type", "").startswith("application/json"):
            limit = MAX_ANSWER_BYTES
            if int(response.headers.get("content-length", 0)) > limit:
                limit = 0  # it says so itself: it need not be read to be refused
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=SteadyStream(response.stream, limit),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


def _is_aside(request: httpx2.Request) -> bool:
    return request.method == "DELETE" or b'"method":"notifications/' in request.content[:200]


class SteadyStream(httpx2.AsyncByteStream):
    """A body that ends early instead of raising; the client then fails that one request."""

    def __init__(self, inner: httpx2.AsyncByteStream, limit: int | None) -> None:
        self._inner = inner
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in self._inner:
                size += len(chunk)
                if self._limit is not None and size > self._limit:
                    note_fault(Fault("too_large", f"more than {self._limit} bytes"))
                    return
                yield chunk
        except httpx2.TransportError as error:
            note_fault(Fault("broken", repr(error)))

    async def aclose(self) -> None:
        await self._inner.aclose()
