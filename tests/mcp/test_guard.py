"""What may be connected to when a client names the server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Any

import pytest

from frontdesk.mcp.config import HttpServer
from frontdesk.mcp.connection import Connection
from frontdesk.mcp.guard import AddressGuard, AddressRefused, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:53aa:64c:0:fbff:f5ff:fffe",
    ],
)
def test_addresses_that_only_we_can_reach_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "172.32.0.1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2606:4700::1111"],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "169.254.169.254",
    ],
)
def test_an_address_that_is_plainly_private_is_refused_before_anything_is_sent(host: str) -> None:
    assert "private" in (AddressGuard().refusal(f"http://{host}:8000/mcp") or "")


@pytest.mark.parametrize("host", ["example.com", "1.1.1.1", "[2606:4700::1111]", "x" * 300])
def test_what_may_be_public_is_left_to_the_connection(host: str) -> None:
    assert AddressGuard().refusal(f"https://{host}/mcp") is None


@pytest.mark.parametrize(
    ("allowed", "url", "passes"),
    [
        ("localhost", "http://LocalHost:8000/", True),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/", True),
        ("127.0.0.1:8000", "http://127.0.0.1:8001/", False),
        ("127.0.0.1:443", "https://127.0.0.1/", True),
        ("*.lan", "http://tools.lan/", True),
        ("10.*", "http://10.0.0.1/", True),
        ("10.*", "http://192.168.0.1/", False),
        ("[::1]:8000", "http://[::1]:8000/", True),
        ("*", "http://127.0.0.1/", True),
    ],
)
def test_a_desk_may_allow_hosts_of_its_own(allowed: str, url: str, passes: bool) -> None:
    assert (AddressGuard([allowed]).refusal(url) is None) == passes


class Names:
    """The DNS, as a test wants it: the answers to each question in turn, the last one again."""

    def __init__(self, answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked = 0

    async def __call__(self, host: str, port: int, **hints: Any) -> list[Any]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in answer]


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names([["127.0.0.1"]])
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    return found


@pytest.fixture
async def door() -> AsyncIterator[tuple[int, list[str]]]:
    """A port on this machine that notes who knocks."""
    knocks: list[str] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append(repr(await reader.read(100)))
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], knocks
    server.close()


async def refused(url: str, guard: AddressGuard) -> str:
    """Why a server cannot be connected to."""
    connection = Connection(HttpServer("shop", url, {"authorization": "Bearer HUSH"}), guard)
    connection.open()
    await connection.settled.wait()
    await connection.aclose()
    assert connection.error
    return connection.error


async def test_only_the_public_addresses_of_a_name_are_used(names: Names) -> None:
    names.answers = [["10.0.0.1", "1.1.1.1", "127.0.0.1"]]
    assert await AddressGuard().addresses("shop.example", 443) == ["1.1.1.1"]
    names.answers = [["10.0.0.1"]]
    with pytest.raises(AddressRefused, match="private"):
        await AddressGuard().addresses("shop.example", 443)
    assert await AddressGuard(["shop.example"]).addresses("shop.example", 443) == ["10.0.0.1"]


async def test_a_public_name_for_a_private_address_is_refused(
    names: Names, door: tuple[int, list[str]]
) -> None:
    port, knocks = door
    error = await refused(f"http://shop.example:{port}/mcp", AddressGuard())
    assert "private address" in error
    assert knocks == []


async def test_a_name_that_changes_its_answer_is_asked_once_for_each_connection(
    names: Names, door: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: what was looked at is what is connected to, so a second answer has no say."""
    port, knocks = door
    connected: list[str] = []

    async def connect(self: Any, host: str, *rest: Any) -> Any:
        connected.append(host)
        raise OSError("far away")

    monkeypatch.setattr("httpcore2.AnyIOBackend.connect_tcp", connect)
    names.answers = [["1.1.1.1"], ["127.0.0.1"]]
    await refused(f"http://shop.example:{port}/mcp", AddressGuard())
    assert set(connected) == {"1.1.1.1"}
    assert knocks == []


@pytest.mark.parametrize("host", ["x" * 300, "no-such-name.invalid"])
async def test_a_name_that_is_none_cannot_be_reached(host: str) -> None:
    assert "cannot be reached" in await refused(f"http://{host}/mcp", AddressGuard())


async def test_redirects_lead_nowhere_else(door: tuple[int, list[str]]) -> None:
    port, knocks = door
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        there = f"Location: http://127.0.0.1:{port}/mcp\r\nContent-Length: 0\r\n"
        writer.write(f"HTTP/1.1 307 Temporary Redirect\r\n{there}\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    own = server.sockets[0].getsockname()[1]
    await refused(f"http://127.0.0.1:{own}/mcp", AddressGuard([f"127.0.0.1:{own}"]))
    server.close()
    assert asked and all(b"HUSH" in head for head in asked)
    assert knocks == []


async def test_a_compressed_answer_is_not_unpacked(names: Names) -> None:
    async def bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + b"abc")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(bomb, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    error = await refused(f"http://127.0.0.1:{port}/mcp", AddressGuard(["127.0.0.1"]))
    server.close()
    assert "shop service" in error


async def test_a_real_server_is_reached_by_name_and_through_the_guard(
    host: Any, names: Names
) -> None:
    config = HttpServer("orders", f"http://localhost:{host.port}/mcp", host.config.headers)
    connection = Connection(config, AddressGuard(["localhost"]))
    connection.open()
    await connection.settled.wait()
    assert connection.error is None
    result = await connection.call("find_order", {"order_id": "1"}, seconds=30)
    assert not result.is_error
    await connection.aclose()
