"""Ports of this machine."""

import socket


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now; whoever binds it first has it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
