"""``frontdesk traces tail``: calls as they happen."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frontdesk.cli.failures import Failure
from frontdesk.cli.server import Server, running
from frontdesk.settings import Settings

if TYPE_CHECKING:
    from frontdesk.tracing.live import Event

LOOK = 0.5
"""Seconds between looks into the store of a server that is not asked."""
AGAIN = 2.0
"""Seconds until a server that went away is tried again."""
SILENT = 45.0
"""Seconds without even a sign of life, which comes each 15 s, after which a server is gone."""


def tail(
    url: Annotated[
        str | None,
        typer.Option(help="A running server, as http://HOST:PORT. Default: the one on the usual "
                     "port, or else what is written into the data folder."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="A key of the server. Default: FRONTDESK_API_KEY, or the server's own."),
    ] = None,
    call: Annotated[str | None, typer.Option(help="Only this call: its id, or the start.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only spans that failed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
) -> None:  # fmt: skip
    """Follow calls while they run: spans and turns as they begin and end, a line each. Ctrl-C ends
    it."""
    settings = Settings()
    server = running(settings, url, key)
    try:
        _print(_served(server) if server else _stored(settings), call or "", errors, as_json)
    except KeyboardInterrupt:
        typer.echo(err=True)


def _print(events: "Iterator[Event]", call: str, errors: bool, as_json: bool) -> None:
    # Here, as other commands need not wait for it.
    from frontdesk.cli.traces_lines import Lines, columns

    lines = Lines()
    for kind, data in events:
        line = lines.of(kind, data)
        if not (data.get("call_id") or "").startswith(call) or (errors and not _failed(kind, data)):
            continue
        if as_json:
            typer.echo(json.dumps({"event": kind, **data}, ensure_ascii=False))
        elif line:
            text, colour = line
            typer.secho(text[: columns()], fg=colour)


def _failed(kind: str, data: dict[str, Any]) -> bool:
    return kind == "span" and data["status"] == "error"


def _stored(settings: Settings) -> "Iterator[Event]":
    """Looks into the data folder: its server listens elsewhere, or nobody knows where."""
    from frontdesk.encryption import load_cipher
    from frontdesk.tracing.following import Following
    from frontdesk.tracing.opening import open_store

    store = open_store(settings, load_cipher(settings))
    typer.echo(f"No server on {settings.host}:{settings.port}; following {store.where}.", err=True)
    following = Following(store)
    while True:
        yield from following.look()
        time.sleep(LOOK)


def _served(server: Server) -> "Iterator[Event]":
    """Events of a server, also after it was started anew. Raises :class:`Failure` when it does not
    let us in."""
    import httpx2

    typer.echo(f"Following {server.url}. Ctrl-C ends it.", err=True)
    headers = {"authorization": f"Bearer {server.key}"}
    with httpx2.Client(verify=server.tls or True, timeout=SILENT, headers=headers) as client:
        while True:
            try:
                with client.stream("GET", f"{server.url}/api/live") as answer:
                    if answer.status_code != 200:
                        raise Failure(f"{server.url} says {_reason(answer.read())}")
                    yield from _events(answer.iter_lines())
            except httpx2.TransportError:
                pass
            typer.echo(f"{server.url} does not answer; trying again.", err=True)
            time.sleep(AGAIN)


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return body.decode(errors="replace")[:200]


def _events(lines: Iterator[str]) -> "Iterator[Event]":
    """Server-sent events, each with one line of data."""
    kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)
