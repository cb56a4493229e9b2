"""``frontdesk chat``: the same team, typed."""

import asyncio
import contextlib
import sys
import threading
from io import FileIO
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frontdesk.cli.identity import Consents, User, who
from frontdesk.cli.server import reachable
from frontdesk.settings import Settings

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection


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

        typer.echo(f"Chatting at {server.url}. An empty line ends the chat.", err=True)
        client = AsyncOpenAI(api_key=server.key, base_url=f"{server.url}/v1")
        options: Any = {"ssl": server.tls} if server.tls else {}
        connecting = client.realtime.connect(
            model=team, extra_query=query, websocket_connection_options=options
        )
        async with connecting as connection:
            session: Any = {"type": "realtime", "output_modalities": ["text"]}
            await connection.session.update(session=session)
            while line := (await _asked()).strip():
                await _exchange(connection, line)
        await client.close()


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


async def _exchange(connection: "AsyncRealtimeConnection", line: str) -> None:
    item: Any = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": line}],
    }
    await connection.conversation.item.create(item=item)
    await connection.response.create()
    typer.secho("agent  ", fg="green", nl=False)
    async for event in connection:
        if event.type == "response.output_text.delta":
            typer.echo(event.delta, nl=False)
        elif event.type == "error":
            typer.secho(f"[{event.error.message}]", fg="red", nl=False)
        elif event.type == "response.done":
            typer.echo()
            return
