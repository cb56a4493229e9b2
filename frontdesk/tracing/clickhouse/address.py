"""Where the ClickHouse of ``FRONTDESK_TRACES_URL`` is."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from frontdesk.tracing.stores import StoreError

_FORM = "clickhouse://user:password@host:8123/database, or clickhouses:// with TLS"
_PORTS = {"clickhouse": 8123, "clickhouses": 8443}


@dataclass(frozen=True, slots=True)
class Address:
    """A ClickHouse's HTTP interface, and the database there. ``url`` has no password."""

    url: str
    database: str
    user: str
    password: str = field(repr=False)
    shown: str
    """For people."""


def parse(url: str) -> Address:
    """Raises :class:`StoreError`, which names the setting and the mend but not the password."""
    try:
        found = urlsplit(url)
        port = found.port or _PORTS.get(found.scheme, 0)
    except ValueError as error:
        raise _unfit(str(error)) from None
    if found.scheme not in _PORTS:
        raise _unfit(f"{found.scheme or 'nothing'}:// is no trace store")
    if not found.hostname:
        raise _unfit("no host")
    if found.query or found.fragment:
        raise _unfit("nothing may stand behind the database")
    database = unquote(found.path.strip("/")) or "default"
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", database):
        raise _unfit(f"{database!r} is no name of a database: letters, digits and _")
    host = f"[{found.hostname}]" if ":" in found.hostname else found.hostname
    return Address(
        url=f"{'https' if found.scheme == 'clickhouses' else 'http'}://{host}:{port}/",
        database=database,
        user=unquote(found.username or "default"),
        password=unquote(found.password or ""),
        shown=f"{found.scheme}://{host}:{port}/{database}",
    )


def _unfit(why: str) -> StoreError:
    return StoreError(f"FRONTDESK_TRACES_URL: {why}. Write it as {_FORM}.")
