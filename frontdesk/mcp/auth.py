"""With what requests to a server are sent, beside its fixed headers."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2

from frontdesk.mcp.caller import filled
from frontdesk.mcp.config import HttpServer, ServerConfig
from frontdesk.mcp.oauth import OAuthTokens
from frontdesk.mcp.oauth_provider import Login
from frontdesk.mcp.token_file import TokenFile


class ServerAuth(httpx2.Auth):
    """The headers of the caller who is served, then a token of our own. One for a connection, over
    all its reconnects, so that tokens are asked for once."""

    def __init__(
        self, config: HttpServer, data: Path | None = None, login: Login | None = None
    ) -> None:
        """Tokens of logins are kept in the folder ``data``; without one, as long as this lives."""
        self._config = config
        file = None if data is None else TokenFile(data, config.name, config.url)
        self.tokens = config.oauth and OAuthTokens(
            config.name, config.url, config.oauth, file, login
        )

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Only the server's requests get the headers: those for a token go elsewhere."""
        request.headers.update(filled(self._config.caller_headers))
        if self.tokens is None:
            yield request
            return
        flow = self.tokens.async_auth_flow(request)
        try:
            outgoing = await anext(flow)
            while True:
                response = yield outgoing
                outgoing = await flow.asend(response)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()


def server_auth(
    config: ServerConfig, data: Path | None = None, login: Login | None = None
) -> ServerAuth | None:
    """None for a server that gets fixed headers only."""
    if isinstance(config, HttpServer) and (config.caller_headers or config.oauth):
        return ServerAuth(config, data, login)
    return None
