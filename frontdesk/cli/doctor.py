"""``frontdesk doctor``: is the state well?"""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.settings import Settings

if TYPE_CHECKING:
    from frontdesk.state.health_servers import Finding

COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}


def doctor(
    desk: Annotated[
        Path | None, typer.Argument(help="The desk: a folder with agents/. Default: this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Look at where calls are kept: is it there, fit, quick, safe?

    Takes the settings of the server, and asks its Redis or its embedded Valkey, whether it runs
    or not. Each line is ok, warn or bad, with what mends it. The exit code is 1 when one is bad.
    """
    settings = Settings() if desk is None else Settings(desk=desk)
    findings = asyncio.run(_examine(settings, aloud=not as_json))
    healthy = all(finding.level != "bad" for finding in findings)
    if as_json:
        told = {"healthy": healthy, "findings": [asdict(finding) for finding in findings]}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    if not healthy:
        raise typer.Exit(1)


async def _examine(settings: Settings, *, aloud: bool) -> "list[Finding]":
    from frontdesk.cli.examining import examine_all

    findings: list[Finding] = []
    async for finding in examine_all(settings):
        findings.append(finding)
        if aloud:
            typer.secho(f"{finding.level:<5}", fg=COLOURS[finding.level], nl=False)
            typer.echo(f"{finding.about:<12} {finding.says}")
            if finding.mend:
                typer.echo(f"{'':<18}{finding.mend}")
    return findings
