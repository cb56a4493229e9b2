"""OAuth towards a server: the SDK's providers, fit for a connection that many calls share.

The SDK's flow holds a lock while a request is answered, forgets at a restart when a token expires
and where it is refreshed, and raises into the connection when it fails. Here a request that has a
valid token goes by it, the flow is entered to get one, and its failure leaves the server's own
401, and a sentence for the operator.
"""

import logging
import re
import time
from collections.abc import AsyncGenerator

import httpx2
from mcp.client.auth import OAuthFlowError, OAuthTokenError
from mcp.client.auth.utils import extract_field_from_www_auth
from mcp.shared.auth import (
    OAuthToken,
)
from pydantic import ValidationError

from frontdesk.mcp.faults import forget_faults
from frontdesk.mcp.oauth_config import OAuth
from frontdesk.mcp.oauth_provider import Login, OAuthFailed, provider_of
from frontdesk.mcp.token_file import TokenFile

logger = logging.getLogger(__name__)

EARLY = 10.0
"""Seconds before its end at which a token is not used any more: the request takes a while, too."""


FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between tries to get a token: whoever knocks too often with a wrong secret is locked
out."""


class _NotNow(OAuthFailed):
    """The authorization server is down or busy: what we have may be good later."""


_FAILURES = (OAuthFlowError, OAuthFailed, ValidationError, ValueError, OSError)


class OAuthTokens(httpx2.Auth):
    """The ``Authorization`` of requests to the server called ``name``.

    ``file`` keeps what a login gave, for the grant that has one. ``login`` is there while a person
    logs in; without one, a token that cannot be refreshed is a failure that says so.
    ``problem`` is why there is no token.
    """

    def __init__(
        self,
        name: str,
        url: str,
        oauth: OAuth,
        file: TokenFile | None = None,
        login: Login | None = None,
    ) -> None:
        self.problem: str | None = None
        self._name = name
        self._oauth = oauth
        self._file = file if oauth.grant == "authorization_code" else None
        self._login = login
        self._provider = provider_of(url, oauth, self._file, login)
        self._restored = False
        self._next_try, self._pause = 0.0, FIRST_PAUSE

    @property
    def expires_in(self) -> float | None:
        """Seconds that the token is good for; None when there is none or it does not say."""
        context = self._provider.context
        if context.current_tokens is None or context.token_expiry_time is None:
            return None
        return context.token_expiry_time - time.time()

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """The request with a token, and again with a new one when the server wants that."""
        await self._restore()
        if (tokens := self._valid()) is not None:
            request.headers["authorization"] = f"Bearer {tokens.access_token}"
            response = yield request
            if not _wants_more(response):
                return
            if response.status_code == 401 and self._provider.context.current_tokens is tokens:
                self._provider.context.token_expiry_time = 1.0  # long ago: refused before its time
            await self._restore()
        if not self._may_ask():
            if tokens is None:
                yield request
            return
        flow = self._provider.async_auth_flow(request)
        try:
            outgoing = await anext(flow)
            refreshing = outgoing is not request
            while True:
                forget_faults()  # of what came before: only the last answer is the request's
                response = yield outgoing
                if refreshing and _not_now(response):
                    raise _NotNow(
                        f"its authorization server cannot answer ({response.status_code})"
                    )
                refreshing = False
                outgoing = await flow.asend(response)
        except StopAsyncIteration:
            self._succeeded()
            return
        except _FAILURES as error:
            self._fail(_words(error), error)
        finally:
            await flow.aclose()
        forget_faults()
        request.headers.pop("authorization", None)
        yield request  # for the server's own words: what was answered last was not for the client

    async def _restore(self) -> None:
        """Take up what was kept, at first and whenever somebody else has kept something newer."""
        if self._restored and not (self._file and self._file.changed()):
            return
        if self._restored:
            self._next_try, self._pause = 0.0, FIRST_PAUSE
        self._restored = True
        await self._provider._initialize()  # pyright: ignore[reportPrivateUsage]
        if self._file and self._login is None:
            self._file.restore(self._provider.context)

    def _valid(self) -> OAuthToken | None:
        context = self._provider.context
        early = context.token_expiry_time and context.token_expiry_time - EARLY < time.time()
        return context.current_tokens if context.is_token_valid() and not early else None

    def _may_ask(self) -> bool:
        """Whether the flow can come to a token now, without a person."""
        by_itself = self._oauth.grant == "client_credentials" or self._login is not None
        if not by_itself and not self._provider.context.can_refresh_token():
            if self.problem is None:
                self._tell(f"nobody is logged in: run `frontdesk mcp login {self._name}`")
            return False
        return time.monotonic() >= self._next_try

    def _succeeded(self) -> None:
        context = self._provider.context
        if context.current_tokens is None:
            return
        self.problem, self._pause = None, FIRST_PAUSE
        if self._file:
            try:
                self._file.keep(context)
            except OSError as error:
                self._tell(f"its tokens cannot be kept: {error.strerror}")

    def _fail(self, problem: str, error: Exception) -> None:
        self._tell(problem)
        if isinstance(error, _NotNow):
            self._restored = False  # the SDK may have dropped what is still good
        self._next_try = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _tell(self, problem: str) -> None:
        """Tell an operator of each change."""
        if problem != self.problem:
            logger.warning("MCP server %s: no access: %s", self._name, problem)
        self.problem = problem


def _wants_more(response: httpx2.Response) -> bool:
    """A new token, or one with more scopes."""
    if response.status_code == 403:
        return extract_field_from_www_auth(response, "error") == "insufficient_scope"
    return response.status_code == 401


def _not_now(response: httpx2.Response) -> bool:
    return response.status_code >= 500 or response.status_code == 429


def _words(error: Exception) -> str:
    """A failure in words of ours: what the other side answered may repeat what it was sent."""
    if isinstance(error, OAuthFailed):
        return str(error)
    text = str(error)
    if isinstance(error, OAuthTokenError):
        status = re.search(r"\((\d{3})\)", text)
        code = re.search(r'"error"\s*:\s*"([a-z_]{1,40})"', text)
        told = " ".join(match.group(1) for match in (status, code) if match)
        return f"its authorization server gave no token ({told or 'an answer out of form'})"
    if isinstance(error, OAuthFlowError) and re.match(
        r"Protected resource|No authorization server metadata|Authorization server metadata", text
    ):
        return text
    return f"its authorization server answered out of form ({type(error).__name__})"


def _details_left_out(record: logging.LogRecord) -> bool:
    """The SDK logs the answers of authorization servers, tokens included, with their stacks. What
    concerns an operator is in ``problem``."""
    return not record.exc_info


logging.getLogger("mcp.client.auth.oauth2").addFilter(_details_left_out)
