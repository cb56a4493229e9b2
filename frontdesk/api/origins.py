"""Where a browser's request comes from, so that no other site acts in its user's name."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from frontdesk.ports import is_loopback

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def from_own_page(connection: HTTPConnection) -> bool:
    """Whether a page of this very server asks. The scheme is not compared: behind a proxy that
    ends TLS, ours is http and the browser's https."""
    origin = connection.headers.get("origin")
    return origin is not None and _same_place(origin, connection.headers.get("host", ""))


def is_local(connection: HTTPConnection) -> bool:
    """Whether the request is meant for this machine by name, and no foreign page sends it.

    A name that a foreign site lets point to 127.0.0.1 shows in ``Host``, a foreign page in
    ``Origin``. Clients that are no browsers send no ``Origin``; pages of this machine, on any
    port, may be a browser app in the making.
    """
    if not is_loopback(_host(f"//{connection.headers.get('host', '')}")):
        return False
    origin = connection.headers.get("origin")
    return origin is None or is_loopback(_host(origin)) or from_own_page(connection)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _same_place(origin: str, host: str) -> bool:
    try:
        ours, theirs = urlsplit(f"//{host}"), urlsplit(origin)
        default = DEFAULT_PORTS.get(theirs.scheme)
        return bool(ours.hostname) and (ours.hostname, ours.port or default) == (
            theirs.hostname,
            theirs.port or default,
        )
    except ValueError:
        return False
