"""The server under test: its addresses and how to sign in."""

import ssl
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

LOCAL = ("localhost", "127.0.0.1", "::1")
PORTS = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


@dataclass(frozen=True, slots=True)
class Target:
    """``url`` is as a user types it: ``http(s)://`` or ``ws(s)://``, with or without ``/v1``,
    ``/v1/realtime`` and a query, which is kept."""

    url: str
    key: str | None = None
    model: str = "gpt-realtime"
    timeout: float = 30.0
    """Seconds to wait for any one event."""
    insecure: bool = False
    """Take a certificate that nobody vouches for."""
    mcp_url: str | None = None
    """An MCP server of the suite's kind that the server under test can reach."""

    def __post_init__(self) -> None:
        """Raises :class:`ValueError` when ``url`` is not an address."""
        parts = urlsplit(self.url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(
                f"{self.url!r} is not an address: give http(s)://HOST[:PORT][/v1] or ws(s)://…"
            )

    @property
    def local(self) -> bool:
        """Whether the server runs on this machine, and so reaches what listens on loopback."""
        return urlsplit(self.url).hostname in LOCAL

    def socket(self, **query: str) -> str:
        """Where the Realtime socket is; ``query`` in place of ``model=``."""
        parts = urlsplit(self.url)
        asked = urlencode(query or {"model": self.model})
        whole = f"{parts.query}&{asked}" if parts.query else asked
        path = f"{self._base_path()}/realtime"
        return urlunsplit((PORTS[parts.scheme], parts.netloc, path, whole, ""))

    def rest(self, path: str) -> str:
        """An address under ``/v1``."""
        parts = urlsplit(self.url)
        scheme = "https" if PORTS[parts.scheme] == "wss" else "http"
        return urlunsplit((scheme, parts.netloc, f"{self._base_path()}{path}", parts.query, ""))

    def headers(self, key: str | None = None) -> dict[str, str]:
        given = key or self.key
        return {"Authorization": f"Bearer {given}"} if given else {}

    def tls(self) -> ssl.SSLContext | None:
        """For a secure address: the context to connect with."""
        if PORTS[urlsplit(self.url).scheme] != "wss":
            return None
        context = ssl.create_default_context()
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _base_path(self) -> str:
        path = urlsplit(self.url).path.rstrip("/").removesuffix("/realtime")
        return path or "/v1"
