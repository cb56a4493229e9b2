"""Plain HTTP beside the socket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from frontdesk.conformance.target import Target
from frontdesk.conformance.verdicts import Failed, Skipped


class Rest:
    """Requests under ``/v1``. An endpoint that is not there makes the check skipped."""

    def __init__(self, client: httpx2.AsyncClient, target: Target) -> None:
        self._client = client
        self._target = target

    async def request(
        self, method: str, path: str, *, status: int | None = 200, **fields: Any
    ) -> httpx2.Response:
        """One request. Raises :class:`Failed` when the answer has another status than this, and
        :class:`Skipped` when there is no such endpoint."""
        url = self._target.rest(path)
        headers = self._target.headers() | fields.pop("headers", {})
        try:
            answer = await self._client.request(method, url, headers=headers, **fields)
        except httpx2.HTTPError as error:
            raise Failed(
                f"an answer to {method} {path}", f"{type(error).__name__}: {error}"
            ) from None
        if answer.status_code in (404, 405, 501) and status not in (404, None):
            raise Skipped(f"the server has no {method} {path}: HTTP {answer.status_code}")
        if status is not None and answer.status_code != status:
            raise Failed(f"HTTP {status} from {method} {path}", _told(answer))
        return answer

    async def refused(self, method: str, path: str, **fields: Any) -> dict[str, Any]:
        """A request that has to fail: the ``error`` of an OpenAI error body, status 4xx."""
        answer = await self.request(method, path, status=None, **fields)
        if answer.status_code == 405 or answer.status_code >= 500 or answer.status_code < 400:
            raise Failed(f"a status of 400 to 499 from {method} {path}", _told(answer))
        try:
            error: Any = answer.json()["error"]
            if not {"message", "type", "param", "code"} <= error.keys():
                raise KeyError
        except (ValueError, KeyError, TypeError, AttributeError):
            expected = '{"error": {"message", "type", "param", "code"}}'
            raise Failed(expected, _told(answer)) from None
        return error


def _told(answer: httpx2.Response) -> str:
    return f"HTTP {answer.status_code} {answer.text[:300]}"


@asynccontextmanager
async def rest(target: Target) -> AsyncGenerator[Rest]:
    """A client for the server under test."""
    verify = target.tls() or True
    async with httpx2.AsyncClient(verify=verify, timeout=target.timeout) as client:
        yield Rest(client, target)
