"""Keeps requests to addresses that a stranger gave away from the networks that only we can reach.

A client names an MCP server, and we connect to it: without care it could make us talk to our own
Redis, the cloud's metadata service or a printer. So only public addresses are spoken to. The name
is resolved here and the connection is made to the very address that was looked at, so an answer
of the DNS that changes in between changes nothing; TLS still checks the name. The MCP client
follows redirects within the server's origin only, which come through here again.
"""

import asyncio
import socket
from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
from httpcore2 import AnyIOBackend

Address = IPv4Address | IPv6Address

NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""
NEVER = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",  # Azure's platform service
            "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
            "64:ff9b:1::/48",  # NAT64 of a local network
            "2001::/32",  # Teredo and 6to4: IPv4 addresses of anywhere inside
            "2002::/16",
        ),
    )
)
"""Networks that count as public, or may stand for what is not."""


class AddressRefused(httpcore2.ConnectError):
    """The server's address is not public."""


class AddressGuard:
    """``private_hosts`` may be anywhere: names, addresses or globs of them, with or without a
    port (``tools.internal``, ``*.lan``, ``127.0.0.1:8931``)."""

    def __init__(self, private_hosts: Iterable[str] = ()) -> None:
        self._private_hosts = tuple(host.lower() for host in private_hosts)

    def refusal(self, url: str) -> str | None:
        """Why ``url`` is refused, as far as it can be said without asking the DNS."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if self.allows(host, port):
            return None
        literal = _literal(host)
        is_local = host == "localhost" or host.endswith(".localhost")
        if is_local or (literal is not None and not is_public(literal)):
            return f"{host} is a private address, and this desk does not allow it."
        return None

    def allows(self, host: str, port: int) -> bool:
        """Whether the desk lets clients name this host wherever it is."""
        host = host.lower().rstrip(".")
        names = (host, f"{host}:{port}", f"[{host}]:{port}")
        return any(
            name == glob or fnmatchcase(name, glob)  # an IPv6 address is no sensible glob
            for glob in self._private_hosts
            for name in names
        )

    async def addresses(self, host: str, port: int) -> list[str]:
        """Addresses of ``host`` that may be connected to.

        Raises:
            AddressRefused: none of them is public.
            OSError: it has none.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        if not self.allows(host, port):
            addresses = [address for address in addresses if is_public(ip_address(address))]
        if not addresses:
            raise AddressRefused(f"{host} has a private address, and this desk does not allow it")
        return addresses

    def transport(self, limits: httpx2.Limits) -> httpx2.AsyncBaseTransport:
        """An HTTP transport that connects to what is allowed and to nothing else."""
        return _GuardedTransport(self, limits)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public Internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address.is_site_local:
            return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    in_never = any(address in network for network in NEVER if network.version == address.version)
    return address.is_global and not special and not in_never


def _literal(host: str) -> Address | None:
    """The address that ``host`` spells, also in the short and odd ways that resolvers take."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError, ValueError):
        return None


class _GuardedBackend(AnyIOBackend):
    """Where TCP connections are made: each to an address that was looked at."""

    def __init__(self, guard: AddressGuard) -> None:
        super().__init__()
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the interface has it)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._guard.addresses(host, port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("the name was not resolved in time") from error
        except (OSError, UnicodeError) as error:  # no such name, or no name at all
            raise httpcore2.ConnectError(str(error)) from error
        for address in addresses[:-1]:
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await super().connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )


class _GuardedTransport(httpx2.AsyncHTTPTransport):
    """No proxy of the environment stands between: it would resolve the name once more."""

    def __init__(self, guard: AddressGuard, limits: httpx2.Limits) -> None:
        super().__init__(limits=limits)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_GuardedBackend(guard),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            # We did not ask for it, and how large it unpacks nobody knows.
            await response.aclose()
            raise httpx2.RemoteProtocolError("the answer is compressed", request=request)
        return response
