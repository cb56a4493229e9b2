"""``frontdesk mcp call``: one tool, called by hand."""

import asyncio
import json
import sys
from typing import Annotated, Any, cast

import typer

from frontdesk.call.given import problem_of
from frontdesk.cli.failures import Failure
from frontdesk.cli.mcp.desk import Desk, Name, chosen, settings_of, up
from frontdesk.settings import Settings


def call(
    name: Name,
    tool: Annotated[str, typer.Argument(help="The tool, as the server names it.")],
    arguments: Annotated[
        str, typer.Argument(metavar="JSON", help="Its arguments; - reads them from stdin.")
    ] = "{}",
    desk: Desk = None,
    caller: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What a caller would give for ${caller:NAME}."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Longest wait for the answer.")] = 30.0,
) -> None:
    """Call a tool, and print what models would read of its result.

    Progress goes to stderr. The exit code is 1 when the tool fails. A server that comes with the
    desk is started for it, with data of its own that is thrown away.
    """
    given = dict(_given(pair) for pair in caller or ())
    asked = _arguments(sys.stdin.read() if arguments == "-" else arguments)
    text, failed = asyncio.run(_call(settings_of(desk), name, tool, asked, given, seconds))
    typer.echo(text, err=failed)
    if failed:
        raise typer.Exit(1)


def _arguments(text: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise Failure(f"the arguments are not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Failure('the arguments must be a JSON object, such as \'{"order_number": "48271"}\'')
    return cast("dict[str, Any]", value)


def _given(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    if problem := problem_of({name: value}):
        raise Failure(f"--caller {problem[0]}: {problem[1]}")
    return name, value


async def _call(
    settings: Settings,
    name: str,
    tool: str,
    arguments: dict[str, Any],
    given: dict[str, str],
    seconds: float,
) -> tuple[str, bool]:
    """What the result says, and whether it is an error."""
    # They take a second to import.
    from frontdesk.mcp.auth import server_auth
    from frontdesk.mcp.connection import Connection
    from frontdesk.mcp.faults import ToolCallError
    from frontdesk.mcp.passing import speaking_for
    from frontdesk.mcp.results import as_text

    async def report(progress: float, total: float | None, message: str | None) -> None:
        of = f" of {total:g}" if total else ""
        typer.echo(f"[{progress:g}{of}] {message or ''}".rstrip(), err=True)

    async with up(settings.desk, [name]) as servers:
        config = chosen(servers, name)
        connection = Connection(config, auth=server_auth(config, settings.data_dir))
        connection.open()
        try:
            async with asyncio.timeout(seconds):
                while connection.state != "ready" and name in servers.words:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)  # it was started just now
                await connection.settled.wait()
            async with speaking_for(connection, given) as speaking:
                result = await speaking.call(tool, arguments, seconds=seconds, progress=report)
        except TimeoutError:
            return f"The {name} service did not answer within {seconds:g} seconds.", True
        except ToolCallError as error:
            return str(error), True
        finally:
            await connection.aclose()
    return as_text(result), bool(result.is_error)
