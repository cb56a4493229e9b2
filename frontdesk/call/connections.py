"""The connections of one call: the caller's, and those attached beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from frontdesk.call.clock import Clock
from frontdesk.call.comeback import Comeback, Missed
from frontdesk.call.identity import Identity
from frontdesk.call.resume_token import ResumeToken

PAUSE = 1.0
"""Seconds of no audio from one connection after which another may speak. Clients stream without
a break, or fall silent between turns for longer."""

PATIENCE = 0.25
"""Seconds that a client has to say its first word, where that is waited for."""
HELD_BYTES = 8 * 1024 * 1024
"""More than that does not wait for it."""


@dataclass(slots=True, eq=False)
class Connection:
    """One client's end of a call. ``caller``: the call lives as long as one of these is there.
    ``comes_back``: it connects again when it is told that this worker is restarted.
    ``shows_tools``: it asked to see what the team's own tools are called with and give back.
    ``given``: what it gave for MCP servers that act in the caller's name. ``missed``: what it says
    that it missed. ``identity`` is who calls. ``chain``: that of the resume token that it
    got. ``greeted``: it was told the session, and is told all that follows."""

    send: Callable[[bytes], None]
    close: Callable[[int, str], None]
    caller: bool = True
    comes_back: bool = False
    shows_tools: bool = False
    approves: bool = False
    given: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    identity: Identity = field(default_factory=Identity)
    missed: Missed = field(default_factory=lambda: Missed(Comeback()), repr=False)
    chain: str | None = None
    greeted: bool = False
    drop: Callable[[], None] = lambda: None
    """Forget what waits to be sent."""
    has_spoken: bool = field(default=False, init=False)
    """Whether a frame came from it."""
    _held: list[bytes] | None = field(default=None, init=False, repr=False)
    _held_bytes: int = field(default=0, init=False, repr=False)

    def greet(self) -> None:
        """From here on it is told what all are told."""
        self.greeted = True

    def tell(self, frame: bytes) -> None:
        """Send a frame, in its order."""
        if self._held is None:
            self.send(frame)
            return
        self._held.append(frame)
        self._held_bytes += len(frame)
        if self._held_bytes > HELD_BYTES:
            self.tell_on()

    def hold(self, clock: Clock) -> None:
        """Let all that follows wait for the client's first word, for ``PATIENCE`` seconds at most.

        The Agents SDK in JavaScript empties its history when it is connected, and so of items that
        came with the answer to its handshake; then it says ``session.update``."""
        if not self.has_spoken:
            self._held = []
            clock.later(PATIENCE, self.tell_on)

    def spoke(self) -> None:
        """A frame came from it."""
        self.has_spoken = True
        self.tell_on()

    def tell_on(self) -> None:
        """Send what was held, and hold nothing more."""
        held, self._held = self._held or (), None
        for frame in held:
            self.send(frame)

    def forget(self) -> None:
        """Send nothing of what waits."""
        self._held = None
        self.drop()

    @property
    def shown(self) -> ResumeToken | None:
        """The token with which it came back."""
        return ResumeToken.read(self.missed.comeback.token or "")


To = Connection | Literal["tools"] | None
"""Whom a frame is for: one connection, those that asked to see the team's tools, or all."""


class Connections:
    """Used by the call's writer only. All see the same events; one at a time is listened to."""

    def __init__(self, first: Connection) -> None:
        self._all = [first]
        self.given = dict(first.given)
        """What the clients gave, the newest of each: a second one may bring a fresh token."""
        self._speaking = first
        self.spoke_at = float("-inf")
        """When audio was last taken."""

    def __len__(self) -> int:
        return len(self._all)

    def join(self, connection: Connection) -> None:
        self._all.append(connection)
        self.given.update(connection.given)

    def leave(self, connection: Connection) -> bool:
        """Let one go; returns whether that was the last caller."""
        if connection not in self._all:  # another one has taken its place
            return False
        self._all.remove(connection)
        connection.close(1000, "")
        return connection.caller and not self.has_caller

    @property
    def has_caller(self) -> bool:
        return any(connection.caller for connection in self._all)

    def replaced_by(self, connection: Connection) -> list[Connection]:
        """Let those go that are the same client's: their tokens are of one chain."""
        shown = connection.shown
        old = [other for other in self._all if shown is not None and other.chain == shown.chain]
        self._all = [other for other in self._all if other not in old]
        return old

    @property
    def approving(self) -> bool:
        """Whether one of them approves calls of the team's tools."""
        return any(connection.approves for connection in self._all)

    @property
    def come_back(self) -> bool:
        """Whether all callers do."""
        return all(connection.comes_back for connection in self._all if connection.caller)

    @property
    def showing_tools(self) -> bool:
        """Whether one of them asked to see the team's tools."""
        return any(connection.shows_tools for connection in self._all)

    def send(self, frame: bytes, to: To) -> None:
        """One frame to whom it is for."""
        for connection in self._all:
            if connection is to or (
                connection.greeted and (to is None or (to == "tools" and connection.shows_tools))
            ):
                connection.tell(frame)

    def drop(self) -> None:
        for connection in self._all:
            connection.forget()

    def close(self, code: int, reason: str) -> None:
        for connection in self._all:
            connection.tell_on()
            connection.close(code, reason)

    def may_speak(self, connection: Connection, now: float) -> bool:
        """Whether audio of this connection can be taken: two voices in one stream are noise."""
        return connection is self._speaking or now - self.spoke_at > PAUSE

    def spoke(self, connection: Connection, now: float) -> None:
        """Audio was taken: whoever speaks is a caller."""
        self._speaking, self.spoke_at = connection, now
        connection.caller = True
