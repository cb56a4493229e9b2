"""Headers that are the caller's own: sent with the requests of one call, on a shared connection.

``"headers": {"Authorization": "Bearer ${caller:token}"}`` in mcp.json takes ``token`` from what the
client gave with its call. The values travel in a context variable. The MCP client sends each
message in the context of whoever sent it, so they reach the HTTP request of that one tool call and
no other; what the connection asks for itself (lists, notices) is sent without them.
"""

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""What a value may be called: it is also the end of a header's name."""

VALUE = re.compile(r"\$\{caller:([^}:]*)(?::-((?:[^{}]|\$\{[^}]*\})*))?\}")


@dataclass(frozen=True, slots=True)
class CallerValue:
    """The value that the caller gave under ``name``, else ``default``."""

    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class CallerHeader:
    """A header's value, in pieces."""

    pieces: tuple[str | CallerValue, ...]

    def filled(self, values: Mapping[str, str]) -> str | None:
        """The header for a call with ``values``; None when one is missing."""
        found = [
            piece if isinstance(piece, str) else values.get(piece.name, piece.default)
            for piece in self.pieces
        ]
        texts = [text for text in found if text is not None]
        return "".join(texts) if len(texts) == len(found) else None

    def missing(self, values: Mapping[str, str]) -> list[str]:
        """What is needed of the caller, was not given and has no default."""
        needed = [p for p in self.pieces if isinstance(p, CallerValue) and p.default is None]
        return [piece.name for piece in needed if piece.name not in values]


def read_header(
    where: tuple[str, ...],
    value: object,
    *,
    string: Callable[[tuple[str, ...], object], str],
    mistake: Callable[[tuple[str, ...], str], Exception],
) -> str | CallerHeader:
    """A header of mcp.json. ``string`` fills in the variables of the environment; what it puts
    there is not looked into for others. Raises what ``mistake`` makes."""
    if not isinstance(value, str) or "${caller:" not in value:
        return string(where, value)
    pieces: list[str | CallerValue] = []
    end = 0
    for found in VALUE.finditer(value):
        name, default = found.groups()
        if not NAME.fullmatch(name):
            raise mistake(where, f"{name!r} is no name of a caller's value: use a-z, 0-9 and -")
        _add(pieces, value[end : found.start()], where, string, mistake)
        pieces.append(CallerValue(name, string(where, default) if default else default))
        end = found.end()
    _add(pieces, value[end:], where, string, mistake)
    return CallerHeader(tuple(pieces))


def _add(
    pieces: list[str | CallerValue],
    text: str,
    where: tuple[str, ...],
    string: Callable[[tuple[str, ...], object], str],
    mistake: Callable[[tuple[str, ...], str], Exception],
) -> None:
    if "${caller:" in text:
        raise mistake(where, "expected ${caller:NAME} or ${caller:NAME:-default}")
    if text:
        pieces.append(string(where, text))


_values: ContextVar[Mapping[str, str] | None] = ContextVar("frontdesk_caller", default=None)


@contextmanager
def calling_for(values: Mapping[str, str]) -> Generator[None]:
    """Requests sent inside are a caller's who gave ``values``."""
    token = _values.set(values)
    try:
        yield
    finally:
        _values.reset(token)


def filled(headers: Mapping[str, CallerHeader]) -> dict[str, str]:
    """``headers`` for the call that is served in this context, those that lack a value left out."""
    values = _values.get() or {}
    found = {name: header.filled(values) for name, header in headers.items()}
    return {name: value for name, value in found.items() if value is not None}
