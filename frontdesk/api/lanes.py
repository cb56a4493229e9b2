"""How much of the speech models the files may take: calls come first."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from frontdesk.api.errors import ApiError
from frontdesk.voice.base import runs_elsewhere

_HERE, _ELSEWHERE = 1, 8
"""Pieces of work at a time: on the models of this machine, and on a provider's."""


class Lanes:
    """The requests of one endpoint. Beyond ``most`` at once they are told to come again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._admitted = 0
        self._here = asyncio.Semaphore(_HERE)
        self._elsewhere = asyncio.Semaphore(_ELSEWHERE)

    def slot(self, model: object) -> asyncio.Semaphore:
        """To be held while ``model`` makes one piece. The slot goes round: a short file does not
        wait for a long one to be over, and a call for one piece at most."""
        return self._elsewhere if runs_elsewhere(model) else self._here

    @contextmanager
    def admitted(self) -> Generator[None]:
        """One request, from its beginning to its end. Raises :class:`ApiError` (429)."""
        if self._admitted >= self._most:
            message = "Too many sound files are being worked on. Try again in a few seconds."
            raise ApiError(429, "rate_limit_exceeded", message, headers={"Retry-After": "5"})
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1
