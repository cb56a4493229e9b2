"""The SDK's OAuth providers, as mcp.json asks for them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import httpx2
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from frontdesk.mcp.oauth_config import OAuth
from frontdesk.mcp.token_file import TokenFile


class OAuthFailed(Exception):
    """No token could be had. The message is a sentence for the operator, without secrets."""


@dataclass(frozen=True, slots=True)
class Login:
    """A person at a browser: who is shown the address to log in at, and who comes back."""

    show: Callable[[str], Awaitable[None]]
    returned: Callable[[], Awaitable[AuthorizationCodeResult]]


def redirect_uri(oauth: OAuth) -> str:
    """Where the browser comes back to (RFC 8252, section 7.3)."""
    return f"http://127.0.0.1:{oauth.callback_port}/callback"


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


def provider_of(
    url: str, oauth: OAuth, file: TokenFile | None, login: Login | None
) -> OAuthClientProvider:
    """What gets tokens for the server at ``url``: kept in ``file``, with ``login`` at hand."""
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
