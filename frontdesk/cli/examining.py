"""What ``frontdesk doctor`` looks at: takes a moment to import."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from frontdesk.api.keys import KeysError, described, load_keys
from frontdesk.cli.failures import Failure, make_data_dir
from frontdesk.desk.loader import load_desk
from frontdesk.desk.problems import DeskError
from frontdesk.encryption import KeysUnfit, load_cipher
from frontdesk.roles import Role
from frontdesk.settings import Settings
from frontdesk.state.connection import located, opened
from frontdesk.state.errors import StateError
from frontdesk.state.health import examine
from frontdesk.state.health_servers import Finding, Level, size
from frontdesk.tracing.clickhouse.address import parse
from frontdesk.tracing.clickhouse.client import Client
from frontdesk.tracing.opening import open_store
from frontdesk.tracing.stores import StoreError

ROOM, SCARCELY = 1 << 30, 100 << 20
"""Bytes that should be free on the disk of the data folder, and that must be."""
LAST_WORDS = 5
"""Lines of the embedded Valkey's log that are shown when it is ill."""


async def examine_all(settings: Settings) -> AsyncIterator[Finding]:
    """The desk, the keys, the data folder, the traces, and the store."""
    yield _desk(settings)
    yield _keys(settings)
    for finding in _data(settings):
        yield finding
    if settings.traces_url:
        yield await asyncio.to_thread(_traces, settings)
    async for finding in _store(settings):
        yield finding


def _desk(settings: Settings) -> Finding:
    try:
        teams = load_desk(settings.desk, overlay=settings.overlay).teams
    except DeskError as error:
        says = f"{len(error.problems)} mistakes in {settings.desk}"
        return Finding("bad", "desk", says, "See `frontdesk check`.")
    return Finding("ok", "desk", f"teams: {', '.join(teams)}")


def _keys(settings: Settings) -> Finding:
    try:
        keys = load_keys(settings)
    except KeysError as error:
        return Finding("bad", "keys", str(error), "See docs/deployment.md.")
    if keys and Role.FULL not in keys.values():
        return Finding(
            "warn", "keys", f"{described([*keys.values()])}: nobody may call",
            "Add a key with the role full.",
        )  # fmt: skip
    return Finding("ok", "keys", described([*keys.values()]))


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


def _traces(settings: Settings) -> Finding:
    """The ClickHouse that has the traces. Blocks."""
    assert settings.traces_url is not None
    client = None
    try:
        where = open_store(settings, load_cipher(settings)).where  # or why they do not fit
        client = Client(parse(settings.traces_url.get_secret_value()))
        return Finding("ok", "traces", f"{where} is ClickHouse {client.version()}")
    except (StoreError, KeysUnfit, OSError) as error:
        return Finding("bad", "traces", str(error), "See docs/tracing.md, ClickHouse.")
    finally:
        if client is not None:
            client.close()


async def _store(settings: Settings) -> AsyncIterator[Finding]:
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
