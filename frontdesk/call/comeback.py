"""What a client says that comes back to its call, and what it missed."""

from dataclasses import dataclass

from frontdesk.state.events import START, Number, Tail, number_of

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
