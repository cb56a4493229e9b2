"""OAuth towards a server: the SDK's providers, fit for a connection that many calls share.

The SDK's flow holds a lock while a request is answered, forgets at a restart when a token expires
and where it is refreshed, and raises into the connection when it fails. Here a request that has a
valid token goes by it, the flow is entered to get one, and its failure leaves the server's own
401, and a sentence for the operator.
"""

import logging
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import httpx2
from mcp.client.auth import OAuthClientProvider, OAuthFlowError, OAuthTokenError, TokenStorage
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.auth.utils import extract_field_from_www_auth
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl, ValidationError

from frontdesk.mcp.faults import forget_faults
from frontdesk.mcp.oauth_config import OAuth
from frontdesk.mcp.token_file import TokenFile

logger = logging.getLogger(__name__)

EARLY = 10.0
"""Seconds before its end at which a token is not used any more: the request takes a while, too."""


FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between tries to get a token: whoever knocks too often with a wrong secret is locked
out."""


class OAuthFailed(Exception):
    """No token could be had. The message is a sentence for the operator, without secrets."""


class _NotNow(OAuthFailed):
    """The authorization server is down or busy: what we have may be good later."""


_FAILURES = (OAuthFlowError, OAuthFailed, ValidationError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Login:
    """A person at a browser: who is shown the address to log in at, and who comes back."""

    show: Callable[[str], Awaitable[None]]
    returned: Callable[[], Awaitable[AuthorizationCodeResult]]


def redirect_uri(oauth: OAuth) -> str:
    """Where the browser comes back to (RFC 8252, section 7.3)."""
    return f"http://127.0.0.1:{oauth.callback_port}/callback"


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
        self._provider = _provider(url, oauth, self._file, login)
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
        if self._file:
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


class _Configured(OAuthClientProvider):
    """Asks for the scopes that mcp.json names, where it names some; the server's hints are for
    those that know nothing better."""

    scopes: str | None = None

    async def _perform_authorization(self) -> httpx2.Request:
        if self.scopes:
            self.context.client_metadata.scope = self.scopes
        return await super()._perform_authorization()


class _Code(_Configured):
    pass


class _Secret(_Configured, ClientCredentialsOAuthProvider):
    pass


class _Signed(_Configured, PrivateKeyJWTOAuthProvider):
    pass


def _provider(
    url: str, oauth: OAuth, file: TokenFile | None, login: Login | None
) -> OAuthClientProvider:
    provider: _Configured
    storage = cast("TokenStorage", file or _Forgetful())
    if oauth.private_key and oauth.client_id:
        provider = _Signed(
            url, storage, oauth.client_id, _assertions(oauth), oauth.scopes, oauth.issuer
        )
    elif oauth.grant == "client_credentials":
        provider = _Secret(
            url,
            storage,
            oauth.client_id or "",
            oauth.client_secret or "",
            scope=oauth.scopes,
            issuer=oauth.issuer,
        )
    else:
        metadata = OAuthClientMetadata(
            redirect_uris=[AnyUrl(redirect_uri(oauth))],
            client_name="Frontdesk",
            scope=oauth.scopes,
        )
        provider = _Code(
            url,
            metadata,
            _Registered(oauth, storage) if oauth.client_id else storage,
            login.show if login else _nobody,
            login.returned if login else None,
            oauth.client_metadata_url,
        )
    provider.scopes = oauth.scopes
    return provider


def _assertions(oauth: OAuth) -> Callable[[str], Awaitable[str]]:
    """Signs who we are; the key is read when it is needed, so that it can be changed."""

    async def assertion(audience: str) -> str:
        client, key = oauth.client_id or "", oauth.private_key
        assert key is not None
        try:
            text = key.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise OAuthFailed(f"the private key {key} cannot be read") from None
        signed = SignedJWTParameters(
            issuer=client,
            subject=client,
            signing_key=text,
            signing_algorithm=oauth.signing_algorithm,
        )
        try:
            return await signed.create_assertion_provider()(audience)
        except Exception:
            algorithm = oauth.signing_algorithm
            raise OAuthFailed(f"the private key {key} cannot sign with {algorithm}") from None

    return assertion


class _Forgetful:
    """Storage of a client that can get a new token at any time."""

    async def get_tokens(self) -> OAuthToken | None:
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        return

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        return


class _Registered:
    """Storage of a client that was registered by hand: who it is stands in mcp.json."""

    def __init__(self, oauth: OAuth, inner: TokenStorage) -> None:
        self._oauth = oauth
        self.get_tokens = inner.get_tokens
        self.set_tokens = inner.set_tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        oauth = self._oauth
        return OAuthClientInformationFull(
            client_id=oauth.client_id or "",
            client_secret=oauth.client_secret,
            redirect_uris=[AnyUrl(redirect_uri(oauth))],
            token_endpoint_auth_method="client_secret_basic" if oauth.client_secret else "none",
            issuer=oauth.issuer,
        )

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """A server that sends us elsewhere does not get to register us anew."""
        raise OAuthFailed("its authorization server is not the issuer that mcp.json names")


async def _nobody(url: str) -> None:
    raise OAuthFailed("the login is over: log in again")


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
