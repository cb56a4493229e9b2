"""The connections of one call: the caller's, and those attached beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

PAUSE = 1.0
"""Seconds of no audio from one connection after which another may speak. Clients stream without
a break, or fall silent between turns for longer."""


@dataclass(slots=True, eq=False)
class Connection:
    """One client's end of a call. ``caller``: the call lives as long as one of these is there.
    ``shows_tools``: it asked to see what the team's own tools are called with and give back.
    ``given``: what it gave for MCP servers that act in the caller's name."""

    send: Callable[[bytes], None]
    close: Callable[[int, str], None]
    caller: bool = True
    shows_tools: bool = False
    approves: bool = False
    given: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    drop: Callable[[], None] = lambda: None
    """Forget what waits to be sent."""


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
        """Let one go; returns whether a caller is left."""
        if connection in self._all:
            self._all.remove(connection)
            connection.close(1000, "")
        return any(other.caller for other in self._all)

    @property
    def approving(self) -> bool:
        """Whether one of them approves calls of the team's tools."""
        return any(connection.approves for connection in self._all)

    def showing_tools(self) -> list[Connection]:
        return [connection for connection in self._all if connection.shows_tools]

    def send(self, frame: bytes, only: Connection | None) -> None:
        """One frame to all, or to the one whose question it answers."""
        for connection in self._all:
            if only is None or connection is only:
                connection.send(frame)

    def drop(self) -> None:
        for connection in self._all:
            connection.drop()

    def close(self, code: int, reason: str) -> None:
        for connection in self._all:
            connection.close(code, reason)

    def may_speak(self, connection: Connection, now: float) -> bool:
        """Whether audio of this connection can be taken: two voices in one stream are noise."""
        return connection is self._speaking or now - self.spoke_at > PAUSE

    def spoke(self, connection: Connection, now: float) -> None:
        """Audio was taken: whoever speaks is a caller."""
        self._speaking, self.spoke_at = connection, now
        connection.caller = True
