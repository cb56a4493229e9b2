"""The MCP servers of a desk, up for as long as a command looks at them."""

import tempfile
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, cast

import typer

from frontdesk.cli.failures import Failure
from frontdesk.desk.problems import did_you_mean
from frontdesk.desk.servers import URLS, read_servers
from frontdesk.mcp import local
from frontdesk.mcp.config import HttpServer, ServerConfig, load_servers
from frontdesk.settings import Settings

FILE = Path("mcp_servers") / "mcp.json"

Desk = Annotated[
    Path | None, typer.Option(help="The desk. Default: FRONTDESK_DESK, or this folder.")
]
Name = Annotated[str, typer.Argument(help="The server, as mcp.json names it.")]


@dataclass(frozen=True, slots=True)
class Servers:
    """``configs`` by name, at their real addresses. ``words`` tells what each that was started
    wrote last."""

    configs: dict[str, ServerConfig]
    words: dict[str, Callable[[], str | None]]


def settings_of(desk: Path | None) -> Settings:
    """The process's settings, for ``desk`` if one is named."""
    settings = Settings()
    return settings if desk is None else settings.model_copy(update={"desk": desk})


@asynccontextmanager
async def up(root: Path, names: Collection[str] | None = None) -> AsyncGenerator[Servers]:
    """The servers of the desk at ``root``; those of ``names`` (all, by default) that come with the
    desk are started, as ``serve`` does, with a data folder that is thrown away. Raises
    ``McpConfigError``."""
    shipped = [
        server for server in local.desk_servers(root) if names is None or server.name in names
    ]
    with tempfile.TemporaryDirectory(prefix="frontdesk-mcp-") as data:
        async with local.running(shipped, Path(data)) as started:
            configs = load_servers(root / FILE)
            for server in started:
                config = configs[server.name]
                if isinstance(config, HttpServer):
                    configs[server.name] = replace(config, url=server.url)
            words = {s.name: partial(local.last_line, s, Path(data)) for s in started}
            yield Servers(configs, words)


def chosen(servers: Servers, name: str) -> ServerConfig:
    """The server called ``name``. Raises :class:`Failure`."""
    config = servers.configs.get(name)
    if config is None:
        hint = did_you_mean(name, list(servers.configs))
        known = hint or f"there are: {', '.join(servers.configs) or 'none'}"
        raise Failure(f"mcp.json has no server {name!r}; {known}")
    return config


def addresses(root: Path) -> dict[str, str]:
    """Where each server is, or how it is started, as it stands in mcp.json: there variables are not
    filled in, so that no secret shows."""
    entries = read_servers(root / FILE)
    return {name: _address(cast("dict[str, Any]", entry)) for name, entry in entries.items()}


def _address(entry: dict[str, Any]) -> str:
    words = [entry.get(key, "") for key in (*URLS, "command")] + list(entry.get("args") or [])
    return shorten(" ".join(str(word) for word in words if word), 100, placeholder=" …")


def access(config: ServerConfig) -> str:
    """With what it lets us in, in words, without the secrets."""
    if not isinstance(config, HttpServer):
        return "none: it is a child of ours"
    parts = [f"fixed headers ({', '.join(config.headers)})"] if config.headers else []
    if config.caller_headers:
        parts.append(f"the caller's own ({', '.join(config.caller_headers)})")
    if config.oauth:
        parts.append(f"OAuth, {config.oauth.grant.replace('_', ' ')}")
    return ", ".join(parts) or "none"
