"""``frontdesk chat``: the same team, typed."""

import asyncio
import contextlib
import sys
import threading
from io import FileIO
from typing import TYPE_CHECKING, Annotated, Any

import typer
from websockets.exceptions import ConnectionClosed

from frontdesk.cli.failures import Failure
from frontdesk.cli.identity import Consents, User, who
from frontdesk.cli.server import reachable
from frontdesk.settings import Settings

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection

    from frontdesk.client.resume import Ticket


def chat(
    url: Annotated[
        str | None,
        typer.Option(
            help="A running server, as http://HOST:PORT. Default: the one on the usual port, or "
            "else one that is started for as long as it is needed."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="A key of the server. Default: FRONTDESK_API_KEY, or the server's own."),
    ] = None,
    team: Annotated[
        str,
        typer.Option(help="The team to talk to. Default: the desk's first.", show_default=False),
    ] = "default",
    user: User = None,
    consent: Consents = False,
) -> None:
    """Talk to a team by typing.

    An empty line or Ctrl-D ends the chat.

    The words go over the same Realtime API as speech does, so what is tried here holds on a call.
    """
    asyncio.run(_chat(url, key, team, who(user, consent=consent)))


async def _chat(url: str | None, key: str | None, team: str, query: dict[str, str]) -> None:
    async with reachable(url, Settings(), key) as server:
        from openai import AsyncOpenAI

        from frontdesk.client.resume import Ticket

        typer.echo(f"Chatting at {server.url}. An empty line ends the chat.", err=True)
        client = AsyncOpenAI(api_key=server.key, base_url=f"{server.url}/v1")
        options: Any = {"ssl": server.tls} if server.tls else {}
        ticket = Ticket()
        connecting = client.realtime.connect(
            model=team,
            extra_query=query,
            websocket_connection_options=options,
            **ticket.options(),
        )
        async with connecting as connection:
            session: Any = {"type": "realtime", "output_modalities": ["text"]}
            await connection.session.update(session=session)
            events: asyncio.Queue[Any] = asyncio.Queue()
            reading = asyncio.create_task(_read(connection, ticket, events))
            while line := (await _asked()).strip():
                await _exchange(connection, events, line)
            reading.cancel()
        await client.close()


async def _read(
    connection: "AsyncRealtimeConnection", ticket: "Ticket", events: asyncio.Queue[Any]
) -> None:
    """Read all the time: that is how a connection comes back that broke. None is the end."""
    from openai import WebSocketConnectionClosedError

    try:
        async for event in connection:
            before = ticket.times
            ticket.saw(event)
            if ticket.times > before:
                typer.secho("[the connection broke; the chat goes on]", fg="yellow", err=True)
            events.put_nowait(event)
    except (ConnectionClosed, WebSocketConnectionClosedError):
        pass
    finally:
        events.put_nowait(None)


async def _asked() -> str:
    """The next line typed; empty at the end of input.

    Read by a daemon thread, without Python's buffers: a thread that still waits for a line would
    keep Ctrl-C waiting too, and one that holds the buffer's lock makes the interpreter's end fail.
    """
    if sys.stdin.isatty():
        typer.secho("you    ", fg="cyan", nl=False)
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        line = FileIO(sys.stdin.fileno(), closefd=False).readline()
        with contextlib.suppress(RuntimeError):  # the loop is gone: the chat has ended
            loop.call_soon_threadsafe(_settle, typed, line)

    threading.Thread(target=read, daemon=True).start()
    return (await typed).decode(errors="replace")


def _settle(typed: asyncio.Future[bytes], line: bytes) -> None:
    if not typed.done():
        typed.set_result(line)


async def _exchange(
    connection: "AsyncRealtimeConnection", events: asyncio.Queue[Any], line: str
) -> None:
    item: Any = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": line}],
    }
    while not events.empty():
        events.get_nowait()  # of a time when nobody asked
    await _sent(connection, {"type": "conversation.item.create", "item": item})
    await _sent(connection, {"type": "response.create"})
    typer.secho("agent  ", fg="green", nl=False)
    while event := await events.get():
        if event.type == "response.output_text.delta":
            typer.echo(event.delta, nl=False)
        elif event.type == "error":
            typer.secho(f"[{event.error.message}]", fg="red", nl=False)
        elif event.type == "response.done":
            typer.echo()
            return
    raise Failure("the connection broke, and did not come back")


async def _sent(connection: "AsyncRealtimeConnection", event: Any) -> None:
    """Send an event, once: what is sent while the connection is made again is kept till then."""
    try:
        await connection.send(event)
    except ConnectionClosed:  # the news came this moment
        await asyncio.sleep(0.1)
        await connection.send(event)
