"""A person logs in to a server: a browser goes there, and comes back to us (RFC 8252)."""

import asyncio
import html
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from mcp import Client
from mcp.client.auth import AuthorizationCodeResult
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from frontdesk.mcp.auth import ServerAuth
from frontdesk.mcp.config import HttpServer
from frontdesk.mcp.faults import in_words
from frontdesk.mcp.http import http_client
from frontdesk.mcp.oauth_config import OAuth
from frontdesk.mcp.oauth_provider import Login, OAuthFailed, redirect_uri

PATIENCE = 600.0
"""Seconds that a person may take."""

_Back = dict[str, str]


async def log_in(config: HttpServer, data: Path, show: Callable[[str], Awaitable[None]]) -> None:
    """Get tokens for the server, and keep them in ``data``. ``show`` is given the address that the
    person has to open. Raises :class:`OAuthFailed`."""
    oauth = config.oauth or OAuth()
    async with _coming_back(oauth) as came:
        auth = ServerAuth(config, data, Login(show, lambda: _result(came)))
        try:
            async with http_client(config.headers, auth=auth) as http:
                transport = streamable_http_client(config.url, http_client=http)
                async with Client(transport, cache=None) as client:
                    await client.list_tools()
        except (MCPError, ExceptionGroup, TimeoutError) as error:
            problem = auth.tokens and auth.tokens.problem
            raise OAuthFailed(problem or in_words(config.name, error, [])) from None


async def _result(came: "asyncio.Queue[_Back]") -> AuthorizationCodeResult:
    try:
        async with asyncio.timeout(PATIENCE):
            told = await came.get()
    except TimeoutError:
        raise OAuthFailed("nobody came back from the browser") from None
    if "error" in told:
        code = re.sub(r"[^a-z_]", "", told["error"])[:40]
        raise OAuthFailed(f"the login was refused ({code})")
    return AuthorizationCodeResult(code=told["code"], state=told.get("state"), iss=told.get("iss"))


@asynccontextmanager
async def _coming_back(oauth: OAuth) -> AsyncGenerator["asyncio.Queue[_Back]"]:
    """Listen where the browser comes back to. Raises :class:`OAuthFailed`."""
    came: asyncio.Queue[_Back] = asyncio.Queue()
    path = urlsplit(redirect_uri(oauth)).path

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode("latin-1").split()
        target = urlsplit(line[1] if len(line) > 1 else "")
        told = {key: values[0] for key, values in parse_qs(target.query).items()}
        ours = target.path == path and ("code" in told or "error" in told)
        words = "You can close this page." if "code" in told else told.get("error", "Not found")
        body = f"<!doctype html><title>Frontdesk</title><p>{html.escape(words)}".encode()
        status = "200 OK" if ours else "404 Not Found"
        head = f"HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {len(body)}"
        writer.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()
        if ours:
            came.put_nowait(told)

    try:
        server = await asyncio.start_server(answer, "127.0.0.1", oauth.callback_port)
    except OSError as error:
        raise OAuthFailed(
            f"cannot listen on port {oauth.callback_port}, where the browser comes back to: "
            f"{error.strerror}. Give the server another `callbackPort`."
        ) from None
    async with server:
        yield came
