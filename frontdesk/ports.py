"""Ports and addresses of this machine."""

import ipaddress
import socket

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""What listens on all addresses is reached from here at loopback."""


def origin(host: str, port: int, *, tls: bool) -> str:
    """Where a server on ``host`` and ``port`` is reached from this machine: ``http://HOST:PORT``,
    or ``https://…`` with ``tls``."""
    host = EVERYWHERE.get(host, host)
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{name}:{port}"


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now; whoever binds it first has it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_loopback(host: str) -> bool:
    """Whether a name or address (without port or brackets) can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
