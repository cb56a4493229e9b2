"""SQL over ClickHouse's HTTP interface (https://clickhouse.com/docs/interfaces/http)."""

import re
from collections.abc import Iterable
from typing import Any

import httpx2
import orjson

from frontdesk.tracing.clickhouse.address import Address

CONNECT = 2.0
ANSWER = 30.0
_SETTINGS = {
    "wait_end_of_query": "1",  # an error comes as a status, never in the middle of rows
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_quote_denormals": "0",
    "date_time_input_format": "basic",
}
_NO_TABLE = {"60", "81"}
_UNFIT = {"6", "26", "27", "38", "41", "53", "69", "72", "117", "130", "349", "407"}
"""Codes of ClickHouse's errors for rows that cannot be parsed; all others may pass."""


class Away(OSError):
    """ClickHouse is not there, or cannot do it now; the message says why."""


class NoTable(Away):
    """The database or its tables are not made yet."""


class Unfit(Exception):
    """ClickHouse cannot take these rows, nor will it later."""


class Client:
    """One connection pool; may be used by several threads. Every method raises :class:`Away`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._http = self._connections()

    def _connections(self) -> httpx2.Client:
        return httpx2.Client(
            timeout=httpx2.Timeout(ANSWER, connect=CONNECT),
            headers={
                "x-clickhouse-user": self.address.user,
                "x-clickhouse-key": self.address.password,
                "content-type": "text/plain; charset=utf-8",
            },
            trust_env=False,
        )

    def close(self) -> None:
        """Close all connections. Whoever asks later gets new ones."""
        old, self._http = self._http, self._connections()
        old.close()

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """The rows that a query finds, ``{name}`` in it being a value."""
        answer = self._post(f"{bind(sql, values)}\nFORMAT JSONEachRow".encode())
        return [orjson.loads(line) for line in answer.splitlines() if line]

    def run(self, sql: str, **values: Any) -> None:
        """Anything that answers nothing."""
        self._post(bind(sql, values).encode())

    def make_database(self) -> None:
        """Make the database where there is none."""
        self._post(f"CREATE DATABASE IF NOT EXISTS {self.address.database}".encode(), database=None)

    def version(self) -> str:
        """The server's version. There need be no database yet."""
        return self._post(b"SELECT version() FORMAT TSV", database=None).decode().strip()

    def insert(self, table: str, lines: Iterable[bytes]) -> None:
        """Rows, each as one line of JSON. Raises :class:`Unfit`, too."""
        self._post(b"\n".join(lines), query=f"INSERT INTO {table} FORMAT JSONEachRow")

    def _post(self, body: bytes, **more: str | None) -> bytes:
        chosen = {"database": self.address.database, **_SETTINGS, **more}
        params = {name: value for name, value in chosen.items() if value is not None}
        try:
            response = self._http.post(self.address.url, params=params, content=body)
        except httpx2.HTTPError as error:
            raise Away(f"{self.address.shown} is not there: {error}") from error
        if response.status_code == 200:
            return response.content
        code = response.headers.get("x-clickhouse-exception-code", "")
        said = f"{self.address.shown}: {response.text.strip()[:500] or response.status_code}"
        if code in _NO_TABLE:
            raise NoTable(said)
        raise Unfit(said) if code in _UNFIT else Away(said)


_PLACE = re.compile(r"\{(\w+)\}")


def bind(sql: str, values: dict[str, Any]) -> str:
    """``{name}`` replaced by literals. Raises :class:`KeyError` for one without a value."""
    return _PLACE.sub(lambda found: literal(values[found[1]]), sql)


def literal(value: Any) -> str:
    """A string, a number, or a list or tuple of them as SQL
    (https://clickhouse.com/docs/sql-reference/syntax#literals)."""
    match value:
        case str():
            clean = value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0")
            return f"'{clean}'"
        case bool() | int() | float():
            return repr(value).lower()
        case list():
            return f"[{_literals(value)}]"  # pyright: ignore[reportUnknownArgumentType]
        case tuple():
            return f"({_literals(value)})"  # pyright: ignore[reportUnknownArgumentType]
        case _:
            raise TypeError(f"no literal of {type(value).__name__}")


def _literals(values: Iterable[Any]) -> str:
    return ", ".join(map(literal, values))
