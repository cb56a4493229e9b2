"""``frontdesk conformance URL``: does a server speak the Realtime protocol?"""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from frontdesk.cli.failures import Failure

if TYPE_CHECKING:
    from frontdesk.conformance.suite import Area, Report
    from frontdesk.conformance.target import Target
    from frontdesk.conformance.verdicts import Check


def conformance(
    url: Annotated[
        str, typer.Argument(help="The server, as https://HOST/v1 or ws://HOST:PORT/v1/realtime.")
    ],
    area: Annotated[
        list[str] | None,
        typer.Option(help="Only this area; may be given again. Default: all.", show_default=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="API key. Default: FRONTDESK_API_KEY; for OpenAI's own servers, and the one at "
            "OPENAI_BASE_URL, OPENAI_API_KEY.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="The model to ask for.")] = "gpt-realtime",
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write all that was found to this file.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for one event.")] = 30.0,
    insecure: Annotated[bool, typer.Option(help="Take a self-signed certificate.")] = False,
    mcp_url: Annotated[
        str | None,
        typer.Option(
            help="Where the server under test reaches an MCP server with a tool `echo`. Default: "
            "one of the suite's own, if the server under test is on this machine.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Try a Realtime server, anybody's, against the protocol.

    Runs short talks with the server and checks every event of each. Prints a table of areas and,
    for each failure, what was expected and seen. Talks use the server's model and may cost money.
    Exit code 1 when anything failed.
    """
    from frontdesk.conformance import report
    from frontdesk.conformance.areas import AREAS
    from frontdesk.conformance.target import Target

    unknown = [name for name in area or [] if name not in AREAS]
    if unknown:
        raise Failure(f"no area {unknown[0]!r}: choose from {', '.join(AREAS)}.")
    try:
        target = Target(url, key or _key_for(url), model, timeout, insecure, mcp_url)
    except ValueError as error:
        raise Failure(str(error)) from error
    if as_json:  # whether it can be written is better known before the run
        as_json.write_text("")
    found = asyncio.run(_run(target, [AREAS[name] for name in area or AREAS]))
    if as_json:
        as_json.write_text(json.dumps(report.document(found, url), indent=1, ensure_ascii=False))
    for line in report.failures(found):
        typer.echo(line)
    for line in (*report.table(found), *report.skipped(found)):
        typer.echo(line)
    if not found.passed:
        raise typer.Exit(1)


def _key_for(url: str) -> str | None:
    """The environment's key for a server. One of OpenAI's is not shown to just any."""
    host = urlsplit(url).hostname or ""
    base = urlsplit(os.environ.get("OPENAI_BASE_URL", "")).hostname
    theirs = host == base or host == "openai.com" or host.endswith(".openai.com")
    return os.environ.get("OPENAI_API_KEY" if theirs else "FRONTDESK_API_KEY") or None


async def _run(target: "Target", areas: "list[Area]") -> "Report":
    from frontdesk.conformance.session import opened
    from frontdesk.conformance.suite import run
    from frontdesk.conformance.verdicts import Failed, Ledger

    try:
        async with opened(target, Ledger()):
            pass
    except Failed as failed:
        raise Failure(f"{target.url} takes no Realtime socket: {failed.seen}") from failed
    done: Counter[str] = Counter()

    def tell(check: "Check") -> None:
        if not sys.stderr.isatty():
            return
        done[check.status] += 1
        counts = ", ".join(f"{done[status]} {status}" for status in ("passed", "failed", "skipped"))
        typer.echo(f"\r{counts}", nl=False, err=True)

    found = await run(target, areas, tell)
    typer.echo("\r\033[K" if sys.stderr.isatty() else "", nl=False, err=True)
    return found
