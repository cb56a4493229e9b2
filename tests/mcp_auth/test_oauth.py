"""Tokens by OAuth, from an authorization server on a real socket."""

import asyncio
import json
import logging
import stat
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp.client.auth import AuthorizationCodeResult
from mcp.types import TextContent
from starlette.responses import JSONResponse, PlainTextResponse

from frontdesk.mcp.auth import ServerAuth
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.faults import ToolCallError
from frontdesk.mcp.oauth_config import OAuth
from frontdesk.mcp.oauth_provider import Login


def credentials(authority: Any, **more: Any) -> OAuth:
    fields: dict[str, Any] = {
        "client_id": "desk",
        "client_secret": authority.secret,
        "issuer": authority.issuer,
    }
    return OAuth("client_credentials", **{**fields, **more})


def browser() -> Login:
    """A person whose browser goes where it is sent, and who says yes."""
    came: asyncio.Queue[httpx2.URL] = asyncio.Queue()

    async def show(url: str) -> None:
        async with httpx2.AsyncClient(timeout=40) as client:
            answer = await client.get(url)
        came.put_nowait(httpx2.URL(answer.headers["location"]))

    async def returned() -> AuthorizationCodeResult:
        params = (await came.get()).params
        return AuthorizationCodeResult(code=params["code"], state=params["state"])

    return Login(show, returned)


async def connected(config: Any, auth: ServerAuth) -> Connection:
    connection = Connection(config, auth=auth)
    connection.open()
    await connection.settled.wait()
    return connection


async def whoami(connection: Connection, **arguments: Any) -> str:
    result = await connection.call("whoami", arguments, seconds=30)
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def test_a_client_with_a_secret_gets_one_token_for_all_its_requests(
    shop: Any, authority: Any
) -> None:
    config = shop.config(oauth=credentials(authority, scopes="orders:read"))
    auth = ServerAuth(config)
    connection = await connected(config, auth)
    try:
        assert connection.state == "ready", connection.error
        await asyncio.gather(*(whoami(connection) for _ in range(5)))
    finally:
        await connection.aclose()
    [grant] = authority.grants
    assert (grant["grant_type"], grant["scope"]) == ("client_credentials", "orders:read")
    assert grant["resource"] == shop.url
    assert len({authorization for authorization, _ in shop.who}) == 1
    assert auth.tokens
    assert auth.tokens.problem is None
    assert 3500 < (auth.tokens.expires_in or 0) <= 3600


async def test_calls_with_a_token_run_side_by_side(shop: Any, authority: Any) -> None:
    config = shop.config(oauth=credentials(authority))
    connection = await connected(config, ServerAuth(config))
    try:  # each waits on the server for the others
        await asyncio.gather(*(whoami(connection, party=4) for _ in range(4)))
    finally:
        await connection.aclose()


async def test_a_token_that_ends_early_is_replaced_and_the_call_goes_through(
    shop: Any, authority: Any
) -> None:
    config = shop.config(oauth=credentials(authority))
    connection = await connected(config, ServerAuth(config))
    try:
        authority.revoke_access()
        assert await asyncio.gather(*(whoami(connection) for _ in range(4))) == ["nobody"] * 4
    finally:
        await connection.aclose()
    assert len(authority.grants) == 2  # one for all four


async def test_a_client_may_sign_who_it_is(shop: Any, authority: Any, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "desk.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    authority.public_key = public.decode()
    config = shop.config(oauth=credentials(authority, client_secret=None, private_key=file))
    connection = await connected(config, ServerAuth(config))
    try:
        assert await whoami(connection) == "nobody"
    finally:
        await connection.aclose()


async def test_the_secret_goes_to_nobody_but_the_issuer(shop: Any, authority: Any) -> None:
    config = shop.config(oauth=credentials(authority, issuer="https://login.example.com"))
    auth = ServerAuth(config)
    connection = await connected(config, auth)
    await connection.aclose()
    assert authority.grants == []
    assert auth.tokens
    assert "https://login.example.com" in (auth.tokens.problem or "")


async def test_without_a_login_the_operator_is_told_what_to_run(
    shop: Any, authority: Any, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = shop.config(oauth=OAuth())
    connection = await connected(config, ServerAuth(config, data))
    try:
        assert connection.state == "down"
        assert connection.error == (
            "The shop service refused access (401): its credentials need attention."
        )
    finally:
        await connection.aclose()
    told = [r.message for r in caplog.records if "frontdesk mcp login shop" in r.message]
    assert len(told) == 1
    assert authority.clients == {}, "nobody is registered before somebody logs in"


async def test_a_login_is_kept_for_others_and_refreshed_after_a_restart(
    shop: Any, authority: Any, data: Path, callback_port: int
) -> None:
    config = shop.config(oauth=OAuth(callback_port=callback_port))
    running = await connected(config, ServerAuth(config, data))
    assert running.state == "down"
    try:
        person = await connected(config, ServerAuth(config, data, browser()))
        assert person.state == "ready", person.error
        await person.aclose()
        [file] = (data / "mcp-tokens").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

        assert await whoami(running) == "nobody"  # it is in without a restart
    finally:
        await running.aclose()

    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "expires_at": 1.0}))
    authority.revoke_access()
    restarted = await connected(config, ServerAuth(config, data))
    try:
        assert await whoami(restarted) == "nobody"
    finally:
        await restarted.aclose()
    assert [grant["grant_type"] for grant in authority.grants] == [
        "authorization_code",
        "refresh_token",
    ]
    assert json.loads(file.read_text())["tokens"] != kept["tokens"]  # it was rotated
    assert len(authority.clients) == 1


async def test_a_token_refused_before_its_time_is_refreshed(
    shop: Any, authority: Any, data: Path, callback_port: int
) -> None:
    config = shop.config(oauth=OAuth(callback_port=callback_port))
    person = await connected(config, ServerAuth(config, data, browser()))
    await person.aclose()
    restarted = await connected(config, ServerAuth(config, data))
    try:
        authority.revoke_access()
        assert await whoami(restarted) == "nobody"
    finally:
        await restarted.aclose()
    assert authority.grants[-1]["grant_type"] == "refresh_token"


async def test_an_authority_that_is_down_does_not_cost_the_login(
    shop: Any, authority: Any, data: Path, callback_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontdesk.mcp.oauth.FIRST_PAUSE", 0.0)
    config = shop.config(oauth=OAuth(callback_port=callback_port))
    person = await connected(config, ServerAuth(config, data, browser()))
    await person.aclose()
    restarted = await connected(config, ServerAuth(config, data))
    try:
        authority.answer = PlainTextResponse("come again", 503)
        authority.revoke_access()
        with pytest.raises(ToolCallError, match="refused access"):
            await whoami(restarted)
        authority.answer = None
        assert await whoami(restarted) == "nobody"
    finally:
        await restarted.aclose()


async def test_whoever_is_refused_a_token_does_not_hammer_the_authority(
    shop: Any, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontdesk.mcp.oauth.FIRST_PAUSE", 60.0)
    config = shop.config(oauth=credentials(authority, client_secret="wrong"))
    connection = await connected(config, ServerAuth(config))
    try:
        for _ in range(2):
            with pytest.raises(ToolCallError, match="refused access"):
                await whoami(connection)
    finally:
        await connection.aclose()
    assert len(authority.grants) == 1


async def test_what_was_kept_for_another_address_is_not_sent_to_this_one(
    shop: Any, authority: Any, data: Path, callback_port: int
) -> None:
    config = shop.config(oauth=OAuth(callback_port=callback_port))
    person = await connected(config, ServerAuth(config, data, browser()))
    await person.aclose()
    [file] = (data / "mcp-tokens").iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), "url": "http://elsewhere/mcp"}))
    moved = await connected(config, ServerAuth(config, data))
    await moved.aclose()
    assert moved.state == "closed"
    assert moved.error
    assert len(authority.grants) == 1


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"access_token": "canary-access-leak", "expires_in": "canary"}),
        JSONResponse({"error": "invalid_client", "error_description": "canary-secret-x"}, 401),
        PlainTextResponse("canary-secret-y", 500),
    ],
    ids=["out of form", "refused", "broken"],
)
async def test_no_secret_is_in_a_log_or_an_error_whatever_the_authority_answers(
    answer: Any, shop: Any, authority: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    authority.answer = answer
    config = shop.config(oauth=credentials(authority))
    auth = ServerAuth(config)
    connection = await connected(config, auth)
    try:
        with pytest.raises(ToolCallError) as failed:
            await whoami(connection)
    finally:
        await connection.aclose()
    assert auth.tokens
    ours = [r for r in caplog.records if not r.name.startswith(("httpcore", "asyncio"))]
    told = [str(failed.value), connection.error, auth.tokens.problem, repr(config), repr(auth)]
    told += [r.getMessage() + str(r.exc_info or "") + (r.exc_text or "") for r in ours]
    assert "no access: its authorization server" in "".join(map(str, told))
    assert not [line for line in told if "canary" in str(line)]
