"""``frontdesk doctor``: is the state well?"""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from frontdesk.cli.failures import Failure, make_data_dir
from frontdesk.settings import Settings
from frontdesk.state.health_servers import Finding, Level, size

COLOURS: dict[Level, str] = {"ok": "green", "warn": "yellow", "bad": "red"}
ROOM, SCARCELY = 1 << 30, 100 << 20
"""Bytes that should be free on the disk of the data folder, and that must be."""
LAST_WORDS = 5
"""Lines of the embedded Valkey's log that are shown when it is ill."""


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
    findings = asyncio.run(_all(settings, aloud=not as_json))
    if as_json:
        healthy = all(finding.level != "bad" for finding in findings)
        told = {"healthy": healthy, "findings": [asdict(finding) for finding in findings]}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    if any(finding.level == "bad" for finding in findings):
        raise typer.Exit(1)


async def _all(settings: Settings, *, aloud: bool) -> list[Finding]:
    findings: list[Finding] = []
    async for finding in _examine(settings):
        findings.append(finding)
        if aloud:
            typer.secho(f"{finding.level:<5}", fg=COLOURS[finding.level], nl=False)
            typer.echo(f"{finding.about:<12} {finding.says}")
            if finding.mend:
                typer.echo(f"{'':<18}{finding.mend}")
    return findings


async def _examine(settings: Settings) -> AsyncIterator[Finding]:
    yield _desk(settings)
    for finding in _data(settings):
        yield finding
    async for finding in _store(settings):
        yield finding


def _desk(settings: Settings) -> Finding:
    from frontdesk.desk.loader import load_desk
    from frontdesk.desk.problems import DeskError

    try:
        teams = load_desk(settings.desk, overlay=settings.overlay).teams
    except DeskError as error:
        says = f"{len(error.problems)} mistakes in {settings.desk}"
        return Finding("bad", "desk", says, "See `frontdesk check`.")
    return Finding("ok", "desk", f"teams: {', '.join(teams)}")


def _data(settings: Settings) -> list[Finding]:
    """The data folder, and the disk that it is on."""
    try:
        make_data_dir(settings)
    except Failure as failure:
        return [Finding("bad", "data", str(failure))]
    folder = settings.data_dir
    free = shutil.disk_usage(folder).free
    level: Level = "ok" if free > ROOM else "warn" if free > SCARCELY else "bad"
    mend = "" if level == "ok" else "Make room, or set FRONTDESK_DATA to another folder."
    return [Finding(level, "data", f"{folder} can be written; {size(free)} free", mend)]


async def _store(settings: Settings) -> AsyncIterator[Finding]:
    from frontdesk.encryption import KeysUnfit
    from frontdesk.state.connection import located, opened
    from frontdesk.state.errors import StateError
    from frontdesk.state.health import examine

    try:
        async with located(settings) as address, opened(address) as redis:
            if settings.redis_url is None:
                yield Finding("ok", "store", f"embedded Valkey at {address.shown}")
            else:
                yield Finding("ok", "store", f"FRONTDESK_REDIS_URL: {address.shown}")
            async for finding in examine(settings, address, redis):
                yield finding
    except (StateError, KeysUnfit) as error:
        yield Finding("bad", "store", str(error))
        if settings.redis_url is None:
            for line in _last_words(settings.data_dir / "valkey" / "valkey.log"):
                yield Finding("warn", "valkey.log", line)


def _last_words(log: Path) -> list[str]:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip()][-LAST_WORDS:]
