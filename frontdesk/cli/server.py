"""A server to talk to: the one that runs, or one of our own for as long as it is needed."""

import asyncio
import gc
import json
import os
import socket
import ssl
import sys
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast

import typer

from frontdesk.api.keys import client_key
from frontdesk.cli.failures import Failure, make_data_dir
from frontdesk.cli.tls import client_context
from frontdesk.ports import free_port, origin
from frontdesk.process import Process
from frontdesk.settings import Settings

NO_KEY = "none"
"""Clients want some key even where none is asked for."""

ANSWERS = 10.0
"""Seconds in which a server that is there answers, however busy its machine is."""

START_LIMIT = 60.0
"""Seconds a server may take to load its models on a slow machine."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and what it says it runs on."""

    url: str
    in_use: dict[str, str]
    tls: ssl.SSLContext | None
    key: str
    """What to call it with; ``none`` where it asks for no key."""

    def get(self, path: str) -> dict[str, Any]:
        """GET a JSON document. Raises :class:`Failure`."""
        return self._ask(path, None)

    def post(self, path: str, document: Any) -> dict[str, Any]:
        """POST one JSON document and get another. Raises :class:`Failure`."""
        return self._ask(path, json.dumps(document).encode())

    def _ask(self, path: str, body: bytes | None) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWERS, context=self.tls) as answer:
                return json.load(answer)
        except (OSError, ValueError) as error:
            raise Failure(f"{self.url}{path}: {error}") from error


def health(url: str, tls: ssl.SSLContext | None) -> dict[str, Any] | None:
    """What ``/healthz`` says; None when nobody (or somebody else) answers. Raises
    :class:`Failure` when the server's certificate is not to be trusted."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=ANSWERS, context=tls) as answer:
            told = json.load(answer)
        return cast("dict[str, Any]", told) if told["status"] == "ok" else None
    except (OSError, ValueError, LookupError, TypeError, HTTPException) as error:
        reason = getattr(error, "reason", None)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise Failure(
                f"the certificate of {url} is not trusted ({reason.verify_message}): name the file "
                "of its authority, or its own, in SSL_CERT_FILE."
            ) from None
        return None


def running(settings: Settings, url: str | None = None, key: str | None = None) -> Server | None:
    """The server on the usual port, if one is there, or the one at ``url``. ``key`` wins over those
    of the settings. Raises :class:`Failure`, also when none is at ``url``."""
    address = (url or origin(settings.host, settings.port, tls=bool(settings.tls_cert))).rstrip("/")
    tls = client_context(settings, address, ours=url is None)
    if told := health(address, tls):
        key = key or client_key(settings, ours=url is None) or NO_KEY
        return Server(address, told["in_use"], tls, key)
    if url:
        raise Failure(f"no Frontdesk answers at {url}: start one with `frontdesk serve`.")
    return None


@asynccontextmanager
async def reachable(
    url: str | None, settings: Settings, key: str | None = None
) -> AsyncGenerator[Server]:
    """The server at ``url``; without one, whatever runs on the usual port, or a new one. ``key``
    wins over those of the settings."""
    if server := await asyncio.to_thread(running, settings, url, key):
        yield server
    else:
        async with started(settings, key) as server:
            yield server


@asynccontextmanager
async def started(settings: Settings, key: str | None = None) -> AsyncGenerator[Server]:
    """A server of our own, as a process of its own, on the usual port or a free one.

    Output goes to ``<data>/serve.log``. Raises :class:`Failure` with the end of that log.
    """
    port = settings.port
    if not _free(settings.host, port):
        port = free_port()
        typer.echo(f"Port {settings.port} is taken: using {port} instead.", err=True)
    typer.echo("Starting Frontdesk …", err=True)
    log = settings.data_dir / "serve.log"
    make_data_dir(settings)
    environ = {**os.environ, **_environment(settings)}
    command = [sys.executable, "-m", "frontdesk", "serve", str(settings.desk), "--port", str(port)]
    child = Process(command, log, env=environ)
    url = origin(settings.host, port, tls=bool(settings.tls_cert))
    tls = client_context(settings, url, ours=True)
    try:
        told = await _until_healthy(url, tls, child, log)
        gc.enable()
        yield Server(url, told["in_use"], tls, key or client_key(settings, ours=True) or NO_KEY)
    finally:
        await child.stop()


def _environment(settings: Settings) -> dict[str, str]:
    environ = {"FRONTDESK_MODELS": settings.models, "PYTHONUNBUFFERED": "1"}
    if settings.data:
        environ["FRONTDESK_DATA"] = str(settings.data)
    return environ


async def _until_healthy(
    url: str, tls: ssl.SSLContext | None, child: Process, log: Path
) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_LIMIT
    while loop.time() < deadline:
        if child.ended.done():
            break
        if told := await asyncio.to_thread(health, url, tls):
            return told
        await asyncio.sleep(0.05)
    raise Failure(f"the server did not start. The end of {log}:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-12:])


def _free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
