"""The ``oauth`` of a server in mcp.json.

``clientId``, ``clientSecret``, ``scopes`` (or ``scope``) and ``callbackPort`` are the names that
other MCP hosts use (Claude Code, Gemini CLI, opencode); the rest is ours, and they ignore it.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

Grant = Literal["authorization_code", "client_credentials"]

CALLBACK_PORT = 14141
"""Where a browser comes back to after a login: fixed, as it is registered with the server."""

KEYS = (
    "enabled",
    "grant",
    "clientId",
    "clientSecret",
    "clientMetadataUrl",
    "privateKeyFile",
    "signingAlgorithm",
    "issuer",
    "scopes",
    "scope",
    "callbackPort",
)


@dataclass(frozen=True, slots=True)
class OAuth:
    """How to get tokens. A client without ``client_id`` registers itself. ``scopes`` are separated
    by spaces, None asks for what the server names."""

    grant: Grant = "authorization_code"
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    client_metadata_url: str | None = None
    private_key: Path | None = None
    signing_algorithm: str = "RS256"
    issuer: str | None = None
    scopes: str | None = None
    callback_port: int = CALLBACK_PORT


String = Callable[[tuple[str, ...], object], str]
"""Reads a string at a place, its variables filled in. Raises ``McpConfigError``."""
Mistake = Callable[[tuple[str, ...], str], Exception]


def read_oauth(
    server: str, value: object, *, folder: Path, string: String, mistake: Mistake
) -> OAuth | None:
    """The ``oauth`` of ``server``; None where it has none. Files are relative to ``folder``."""
    at = (server, "oauth")
    if value is None or value is False:
        return None
    if value is True:
        return OAuth()
    if not isinstance(value, dict):
        raise mistake(at, "expected an object, true or false")
    found = cast("dict[str, Any]", value)
    if found.get("enabled") is False:
        return None
    for key in found:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it may have {', '.join(KEYS)}"
            raise mistake((*at, key), f"unknown key {key!r}: {hint}")
    texts = {
        key: string((*at, key), found[key])
        for key in KEYS
        if key in found and key not in ("enabled", "scopes", "callbackPort")
    }
    oauth = OAuth(
        grant=_grant(texts.get("grant"), at, mistake),
        client_id=texts.get("clientId"),
        client_secret=texts.get("clientSecret"),
        client_metadata_url=texts.get("clientMetadataUrl"),
        private_key=folder / texts["privateKeyFile"] if "privateKeyFile" in texts else None,
        signing_algorithm=texts.get("signingAlgorithm", "RS256"),
        issuer=texts.get("issuer"),
        scopes=_scopes(found.get("scopes"), at, string) or texts.get("scope"),
        callback_port=_port(found.get("callbackPort"), at, mistake),
    )
    if problem := _problem(oauth):
        raise mistake(at, problem)
    return oauth


def _grant(value: str | None, at: tuple[str, ...], mistake: Mistake) -> Grant:
    for grant in get_args(Grant):
        if value == grant:
            return grant
    if value is not None:
        raise mistake(
            (*at, "grant"), f"unknown grant {value!r}: use {' or '.join(get_args(Grant))}"
        )
    return "authorization_code"


def _scopes(value: object, at: tuple[str, ...], string: String) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        items = cast("list[object]", value)
        return " ".join(string((*at, "scopes"), item) for item in items) or None
    return string((*at, "scopes"), value)


def _port(value: object, at: tuple[str, ...], mistake: Mistake) -> int:
    if value is None:
        return CALLBACK_PORT
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
        raise mistake((*at, "callbackPort"), f"expected a port, found {value!r}")
    return value


def _problem(oauth: OAuth) -> str | None:
    """What does not go together."""
    if oauth.client_secret and oauth.private_key:
        return "give clientSecret or privateKeyFile, not both"
    secret = oauth.client_secret or oauth.private_key
    if secret and not oauth.client_id:
        return "clientId is missing: a secret belongs to a client"
    if secret and not oauth.issuer:
        return (
            "issuer is missing: without the issuer URL of your authorization server, the MCP "
            "server could say to whom the secret is sent"
        )
    if oauth.grant == "client_credentials" and not secret:
        return "client_credentials needs clientId, and clientSecret or privateKeyFile"
    if oauth.grant == "authorization_code" and oauth.private_key:
        return 'privateKeyFile is for "grant": "client_credentials"'
    url = oauth.client_metadata_url
    if url and not (url.startswith("https://") and url.count("/") > 2):
        return "clientMetadataUrl must be an https address with a path"
    for name, address in (("issuer", oauth.issuer),):
        if address and not address.startswith(("https://", "http://")):
            return f"{name} is not an http(s) address: {address!r}"
    return None
