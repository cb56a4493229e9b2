"""Our client, as the conformance suite's client scenarios want it to behave: it connects to the
server that an mcp.json names and calls every tool once."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.shared.auth import AuthorizationCodeResult
from mcp.types import Tool

from frontdesk.mcp.auth import server_auth
from frontdesk.mcp.config import load_servers
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.faults import ToolCallError
from frontdesk.mcp.oauth import Login
from frontdesk.team.instant import sample

CLIENT_METADATA = "https://conformance-test.local/client-metadata.json"
"""The suite takes a client of this identity for one that has such a document."""


PATIENCE = 6.0


class Browser:
    """Somebody who logs in wherever they are sent, and lands where they are sent back to."""

    def __init__(self) -> None:
        self._landed: asyncio.Queue[str] = asyncio.Queue()

    async def show(self, url: str) -> None:
        async with httpx2.AsyncClient(timeout=40) as http:
            answer = await http.get(url)
        await self._landed.put(answer.headers["location"])

    async def returned(self) -> AuthorizationCodeResult:
        query = parse_qs(urlsplit(await self._landed.get()).query)
        found = {name: values[0] for name, values in query.items()}
        return AuthorizationCodeResult(
            code=found["code"], state=found.get("state"), iss=found.get("iss")
        )


async def play(wish: dict[str, Any], folder: Path) -> None:
    """The client's part in the scenario that ``wish`` tells of. ``folder`` is its own."""
    connection = await _connection(wish, folder)
    connection.open()
    try:
        await _up_or_refused(connection)
        for name, arguments in _calls(wish["context"], connection.tools):
            try:
                await connection.call(name, arguments, seconds=30)
            except ToolCallError:  # the suite sees on its side of the wire what it looks for
                continue
    finally:
        await connection.aclose()


async def _up_or_refused(connection: Connection) -> None:
    """On a busy machine the first try may time out; the connection tries again by itself."""
    await connection.settled.wait()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while connection.state != "ready" and "refused access" not in (connection.error or ""):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def _calls(context: dict[str, Any], tools: Sequence[Tool]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "toolCalls" in context:
        yield from ((call["name"], call["arguments"]) for call in context["toolCalls"])
        return
    for tool in tools:
        # This one wants to see what has become of the schema of its neighbour.
        is_echo = tool.name == "json_schema_echo"
        yield tool.name, {"schema": tools[0].input_schema} if is_echo else sample(tool.input_schema)


async def _connection(wish: dict[str, Any], folder: Path) -> Connection:
    server: dict[str, Any] = {"type": "http", "url": wish["url"]}
    if wish["scenario"].startswith("auth/"):
        server["oauth"] = await _oauth(wish["url"], wish["context"], folder)
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"peer": server}}))
    config = load_servers(file)["peer"]
    browser = Browser()
    login = Login(browser.show, browser.returned)
    return Connection(config, auth=server_auth(config, folder, login))


async def _oauth(url: str, context: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The ``oauth`` that an operator would write, given what the scenario gives."""
    if "client_secret" not in context and "private_key_pem" not in context:
        return {"clientMetadataUrl": CLIENT_METADATA}
    oauth = {"clientId": context["client_id"]}
    if "private_key_pem" in context:
        (folder / "key.pem").write_text(context["private_key_pem"])
        oauth |= {"privateKeyFile": "key.pem", "signingAlgorithm": context["signing_algorithm"]}
    elif "client_secret" in context:
        oauth["clientSecret"] = context["client_secret"]
    if "issuer" in context:
        return {**oauth, "issuer": context["issuer"]}
    return {**oauth, "grant": "client_credentials", "issuer": await _issuer(url)}


async def _issuer(url: str) -> str:
    """Who gives out tokens: an operator knows, and is told to write it down beside a secret."""
    async with httpx2.AsyncClient(timeout=40) as http:
        answer = await http.get(url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp"))
    return answer.json()["authorization_servers"][0]
