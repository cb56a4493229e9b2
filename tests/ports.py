"""Ports of this machine for servers that begin later, or anew.

One that is only known to be free now is taken sooner or later by a test beside this one, as a
server's or for the near end of a connection.
"""

import socket
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_port() -> Iterator[int]:
    """A port that nobody else is given meanwhile, and on which whoever knows of it may listen,
    again and again."""
    with _held() as held:
        yield _port(held)


def hold_port(owner: object) -> int:
    """The same, for as long as ``owner`` lives."""
    held = _held()
    weakref.finalize(owner, held.close)
    return _port(held)


def _held() -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that a server may bind it, too
    held.bind(("127.0.0.1", 0))
    return held


def _port(held: socket.socket) -> int:
    return int(held.getsockname()[1])
