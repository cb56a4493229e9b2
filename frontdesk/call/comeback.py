"""How a client comes back to its call: the token that shows who it is, and what it missed."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from frontdesk.call.book import CallBook
from frontdesk.state.entries import CallState
from frontdesk.state.events import START, Number, Tail, number_of

_TOKEN = re.compile(r"([A-Za-z0-9_-]{1,128})\.[0-9a-f]{48}")
_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off", ""})


@dataclass(frozen=True, slots=True)
class Comeback:
    """What a client says when it connects to a call that it was on. ``token`` is its resume token;
    ``take`` says that it takes the call over by its API key. ``asked``: it wants what it missed
    ``after`` an event, which is None for one that there never was."""

    token: str | None = None
    take: bool = False
    asked: bool = False
    after: Number | None = None

    @classmethod
    def read(cls, resume: str | None, after: str | None) -> "Comeback":
        """From the query: ``resume`` is a token, ``true`` or nothing, ``after`` an event's id, or
        ``0`` for the begin of the call."""
        word = (resume or "").lower()
        token = None if word in _YES or word in _NO else resume
        number = START if after == "0" else number_of(after or "")
        return cls(token, word in _YES, after is not None, number)


@dataclass(frozen=True, slots=True)
class Missed:
    """What the store has of what a client missed, None if that was not read."""

    comeback: Comeback
    tail: Tail | None = None


def call_of(token: str) -> str | None:
    """The call that a token is for; None when it is no resume token."""
    found = _TOKEN.fullmatch(token)
    return found[1] if found else None


def knows(state: CallState, token: str) -> bool:
    """Whether it is one of the call's tokens."""
    shown = hashed(token)
    return any(hmac.compare_digest(str(known["token"]), shown) for known in state.resume)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(book: CallBook, shown: str | None) -> tuple[str, str]:
    """A new token and its hash, which is on record before the client is told of it. ``shown`` is
    the hash of the one that the client came back with: that one stays good until the new one is
    shown, as the answer that carries this may be lost."""
    token = f"{book.state.call_id}.{secrets.token_hex(24)}"
    book.record("resume", token=hashed(token), shown=shown)
    return token, hashed(token)
