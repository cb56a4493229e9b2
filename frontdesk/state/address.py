"""Where the store is: what ``FRONTDESK_REDIS_URL`` says, in the forms that other tools use.

====================================================  ==========================================
``redis://[user:password@]host[:6379][/db]``          one server
``unix:///path/to/socket``                            one server, by its socket
``redis+sentinel://[…@]host[:26379],…/service[/db]``  whichever server the Sentinels say is the
                                                      primary of ``service``
``redis+cluster://[…@]host[:6379],…``                 a cluster, of which these are some nodes
====================================================  ==========================================

With ``rediss`` in place of ``redis`` all of them speak TLS. User and password are the servers';
Sentinels have theirs in ``?sentinel_username=`` and ``?sentinel_password=``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio.connection import parse_url

from frontdesk.settings import Settings
from frontdesk.state.errors import StateError

Kind = Literal["server", "socket", "sentinel", "cluster"]

SCHEMES: Mapping[str, Kind] = {
    "redis": "server",
    "rediss": "server",
    "unix": "socket",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
EXAMPLES = (
    "redis://user:password@host:6379/0, rediss://… for TLS, unix:///path/to/socket, "
    "redis+sentinel://user:password@host1:26379,host2:26379/service, or "
    "redis+cluster://user:password@host1:6379,host2:6379"
)

_TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_OPTIONS: Mapping[Kind, tuple[str, ...]] = {
    "server": ("db",),
    "socket": ("db",),
    "sentinel": ("db", "sentinel_username", "sentinel_password"),
    "cluster": (),
}
_ANY = ("username", "password", "client_name", "health_check_interval", "protocol")
_TIMES = ("socket_timeout", "socket_connect_timeout", "max_connections")


@dataclass(frozen=True, slots=True)
class Address:
    """``shown`` is the URL without what is secret in it, ``options`` are redis-py's names."""

    kind: Kind
    shown: str
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    tls: bool = False
    options: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    sentinel: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """User and password of the Sentinels."""

    @property
    def what(self) -> str:
        """It in a message: with an article, and no password."""
        kinds = {"sentinel": "the Sentinels at", "cluster": "the Redis Cluster at"}
        return f"{kinds.get(self.kind, 'the Redis at')} {self.shown}"


def read_address(settings: Settings) -> Address:
    """What the settings say. Raises :class:`StateError`, which quotes nothing secret."""
    assert settings.redis_url is not None
    url = settings.redis_url.get_secret_value()
    scheme, found, given = url.partition("://")
    if not found or scheme not in SCHEMES:
        # Without a scheme the first part may be anything, a password too.
        begins = ", ".join(f"{known}://" for known in SCHEMES)
        raise _unreadable(f"it begins with none of {begins}")
    kind, tls = SCHEMES[scheme], scheme.startswith("rediss")
    try:
        parts = urlsplit(f"redis://{given}")
        users, _, names = parts.netloc.rpartition("@")
        hosts = _hosts(names, 26379 if kind == "sentinel" else 6379) if kind != "socket" else ()
        if len(hosts) > 1 and kind == "server":
            raise StateError(
                "FRONTDESK_REDIS_URL names several servers: several are a Redis Cluster, "
                "redis+cluster://…, or the Sentinels of one, redis+sentinel://…"
            )
        shown = _shown(scheme, hosts, unquote(parts.path))
        # redis-py reads what is quoted and of which type.
        options: dict[str, Any] = {
            **parse_url(f"redis://{users}{'@' * bool(users)}h?{parts.query}")
        }
    except ValueError:
        raise _unreadable(
            "a bad port or host, or a character in the password that has to be written as %XX"
        ) from None
    del options["host"]
    known = (*_ANY, *_TIMES, *_OPTIONS[kind], *(_TLS if tls else ()))
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            raise StateError(
                f"FRONTDESK_REDIS_URL: {name!r} is no option of {scheme}://: it has "
                f"{', '.join(known)}"
            )
    path = [unquote(part) for part in parts.path.split("/") if part]
    if kind == "socket":
        options["path"] = unquote(parts.path)
    service = path.pop(0) if kind == "sentinel" and path else ""
    if kind == "sentinel" and not service:
        raise StateError(
            f"FRONTDESK_REDIS_URL names no service ({shown}): what the Sentinels call the primary "
            "stands behind the hosts, as in redis+sentinel://host1:26379,host2:26379/mymaster"
        )
    if kind != "socket" and path:
        options["db"] = _database(path, kind, shown)
    if tls:
        options |= _certificates(settings, options)
    sentinel = {
        name: value
        for name in ("username", "password")
        if (value := options.pop(f"sentinel_{name}", None))
    }
    return Address(kind, shown, hosts, service, tls, options, sentinel)


def _unreadable(why: str) -> StateError:
    # The URL is not quoted: its password may be anywhere in it.
    return StateError(f"FRONTDESK_REDIS_URL cannot be read ({why}): it is like {EXAMPLES}")


def _hosts(names: str, port: int) -> tuple[tuple[str, int], ...]:
    """Raises ``ValueError``."""
    hosts: list[tuple[str, int]] = []
    for name in names.split(","):
        parts = urlsplit(f"//{name}")
        if not parts.hostname and len(names) > len(name):
            raise ValueError
        hosts.append((parts.hostname or "localhost", parts.port or port))
    return tuple(hosts)


def _shown(scheme: str, hosts: tuple[tuple[str, int], ...], path: str) -> str:
    return f"{scheme}://{','.join(f'{_bracketed(host)}:{port}' for host, port in hosts)}{path}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _database(path: list[str], kind: Kind, shown: str) -> int:
    if len(path) > 1 or not re.fullmatch("[0-9]+", path[0]):
        raise StateError(
            f"FRONTDESK_REDIS_URL has no number of a database at its end ({shown}): it is like "
            f"{EXAMPLES}"
        )
    if kind == "cluster" and int(path[0]):
        raise StateError("FRONTDESK_REDIS_URL: a Redis Cluster has no database but 0")
    return int(path[0])


def _certificates(settings: Settings, options: Mapping[str, Any]) -> dict[str, str]:
    """What the settings say of TLS, where the URL does not. Raises :class:`StateError`."""
    named = {
        "ssl_ca_certs": ("FRONTDESK_REDIS_CA", settings.redis_ca),
        "ssl_certfile": ("FRONTDESK_REDIS_CERT", settings.redis_cert),
        "ssl_keyfile": ("FRONTDESK_REDIS_KEY", settings.redis_key),
    }
    files: dict[str, str] = {}
    for option, (setting, path) in named.items():
        where = f"{option} in FRONTDESK_REDIS_URL" if option in options else setting
        file = Path(options[option]) if option in options else path
        if file is None:
            continue
        try:
            file.open("rb").close()
        except OSError as error:
            raise StateError(f"{where}: {file} cannot be read: {error.strerror}") from error
        files[option] = str(file)
    if "ssl_keyfile" in files and "ssl_certfile" not in files:
        raise StateError(
            "FRONTDESK_REDIS_KEY is the key of a certificate: set FRONTDESK_REDIS_CERT"
        )
    return files
