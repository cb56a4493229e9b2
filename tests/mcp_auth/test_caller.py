"""Headers of the caller's own, on connections that all callers share."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp.types import TextContent

from frontdesk.mcp.caller import CallerHeader, CallerValue
from frontdesk.mcp.config import HttpServer, McpConfigError, load_servers
from frontdesk.mcp.connections import McpConnections
from frontdesk.mcp.faults import ToolCallError
from frontdesk.mcp.oauth_config import OAuth
from frontdesk.mcp.passing import speaking_for

CUSTOMER = {"X-Customer": CallerHeader((CallerValue("customer"),))}


async def whoami(connection: Any, caller: dict[str, str], **arguments: Any) -> str:
    async with speaking_for(connection, caller) as speaking:
        result = await speaking.call("whoami", arguments, seconds=30)
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def opened(shop: Any, **config: Any) -> McpConnections:
    connections = McpConnections({"shop": shop.config(**config)})
    await connections.start(settle=30)
    return connections


async def test_callers_at_the_same_time_are_each_seen_as_themselves(open_shop: Any) -> None:
    connections = await opened(open_shop, caller_headers=CUSTOMER)
    shared = connections.get("shop")
    names = [f"customer-{number}" for number in range(8)]
    try:  # the server answers none of them before all are there
        calls = [whoami(shared, {"customer": name}, party=8) for name in names]
        assert await asyncio.gather(*calls) == [str(number) for number in range(8)]
        assert await whoami(shared, {"customer": "one-more"}) == "more"
    finally:
        await connections.aclose()


async def test_a_session_of_the_older_protocol_is_never_shared_by_callers(open_shop: Any) -> None:
    connections = await opened(open_shop, caller_headers=CUSTOMER)
    shared = connections.get("shop")
    try:
        before = open_shop.sessions
        for name in ("anna", "bert"):
            await whoami(shared, {"customer": name})
        assert open_shop.sessions - before == (2 if open_shop.legacy else 0)
    finally:
        await connections.aclose()


async def test_a_call_without_the_callers_value_is_not_made(open_shop: Any) -> None:
    connections = await opened(open_shop, caller_headers=CUSTOMER)
    try:
        with pytest.raises(ToolCallError, match="without the caller's customer"):
            await whoami(connections.get("shop"), {"other": "value"})
    finally:
        await connections.aclose()
    assert open_shop.who == []


async def test_a_default_stands_in_for_a_value_and_for_what_the_connection_asks_itself(
    closed_shop: Any, authority: Any
) -> None:
    authority.good = {"of-the-desk": ("", 4e9), "of-anna": ("", 4e9)}
    token = CallerHeader(("Bearer ", CallerValue("token", "of-the-desk")))
    connections = await opened(closed_shop, caller_headers={"authorization": token})
    try:
        connection = connections.get("shop")
        assert connection.state == "ready", "it lists tools with the desk's own token"
        await whoami(connection, {"token": "of-anna"})
        await whoami(connection, {})
    finally:
        await connections.aclose()
    assert [authorization for authorization, _ in closed_shop.who] == [
        "Bearer of-anna",
        "Bearer of-the-desk",
    ]


async def test_oauth_tokens_and_callers_headers_go_together(shop: Any, authority: Any) -> None:
    oauth = OAuth("client_credentials", "desk", authority.secret, issuer=authority.issuer)
    connections = await opened(shop, caller_headers=CUSTOMER, oauth=oauth)
    try:
        assert await whoami(connections.get("shop"), {"customer": "anna"}) == "anna"
    finally:
        await connections.aclose()
    [(authorization, _)] = shop.who
    assert authorization.startswith("Bearer canary-access-")
    assert not any("anna" in str(grant) for grant in authority.grants)


# mcp.json


def read(tmp_path: Path, entry: str, **environ: str) -> HttpServer:
    path = tmp_path / "mcp.json"
    start = '{"mcpServers": {"shop": {"url": "https://shop.example.com/mcp", '
    path.write_text(start + entry + "}}}")
    server = load_servers(path, environ)["shop"]
    assert isinstance(server, HttpServer)
    return server


def test_a_header_may_be_the_callers_in_part(tmp_path: Path) -> None:
    server = read(
        tmp_path,
        '"headers": {"Authorization": "Bearer ${caller:token:-${env:TOKEN}}", "X-Desk": "1"}',
        TOKEN="a}b",
    )
    assert server.headers == {"X-Desk": "1"}
    header = server.caller_headers["Authorization"]
    assert header.filled({}) == "Bearer a}b"
    assert header.filled({"token": "t"}) == "Bearer t"
    assert "a}b" not in repr(server)


def test_what_the_environment_holds_is_not_looked_into(tmp_path: Path) -> None:
    header = '"headers": {"X-A": "${env:A} ${caller:b}"}'
    server = read(tmp_path, header, A="${caller:c}")
    assert server.caller_headers["X-A"].filled({"b": "x", "c": "y"}) == "${caller:c} x"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ('"headers": {"X": "${caller:No}"}', "headers.X: 'No' is no name of a caller's value"),
        ('"headers": {"X": "${caller:a"}', "expected ${caller:NAME} or ${caller:NAME:-default}"),
        ('"headers": {"X": "${caller:a:-${env:NONE}}"}', "variable NONE is not set"),
        ('"oauth": "yes"', "oauth: expected an object, true or false"),
        ('"oauth": {"clientID": "a"}', "did you mean 'clientId'?"),
        ('"oauth": {"grant": "password"}', "unknown grant 'password'"),
        ('"oauth": {"grant": "client_credentials"}', "needs clientId, and clientSecret or"),
        ('"oauth": {"clientId": "a", "clientSecret": "b"}', "issuer is missing"),
        ('"oauth": {"clientSecret": "b", "issuer": "https://a.b"}', "clientId is missing"),
        ('"oauth": {"clientId": "${env:NONE}"}', "oauth.clientId: the environment variable NONE"),
        ('"oauth": {"callbackPort": "80"}', "callbackPort: expected a port, found '80'"),
        ('"oauth": {"issuer": "a.b"}', "issuer is not an http(s) address: 'a.b'"),
        ('"oauth": {"clientMetadataUrl": "http://a.b/c"}', "must be an https address with a path"),
        ('"oauth": true, "headers": {"authorization": "b"}', "oauth makes this header"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(entry: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(McpConfigError) as failed:
        read(tmp_path, entry)
    assert told in str(failed.value)
    assert "mcp.json:1: mcpServers.shop" in str(failed.value)


def test_the_words_of_other_hosts_are_understood(tmp_path: Path) -> None:
    oauth = read(
        tmp_path,
        '"oauth": {"enabled": true, "clientId": "a", "scopes": ["x", "y"], "callbackPort": 3118}',
    ).oauth
    assert oauth
    assert (oauth.client_id, oauth.scopes, oauth.callback_port) == ("a", "x y", 3118)
    assert oauth.grant == "authorization_code"
    assert read(tmp_path, '"oauth": false').oauth is None
    assert read(tmp_path, '"oauth": {"enabled": false, "whatever": 1}').oauth is None
