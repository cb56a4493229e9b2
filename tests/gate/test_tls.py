"""https and wss on the one port."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from typer.testing import CliRunner

from frontdesk.cli import app
from frontdesk.cli.failures import Failure
from frontdesk.cli.server import reachable
from frontdesk.settings import Settings


def frontdesk(*words: str, typed: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "frontdesk", *words],
        input=typed,
        env={"PATH": "", **environ},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_banner_says_https_and_wss(tls_server: Any) -> None:
    printed = tls_server.log.read_text()
    assert f"talk             {tls_server.url}/talk" in printed
    assert tls_server.url.startswith("https://127.0.0.1:")
    assert f"Realtime API     {tls_server.ws}/v1/realtime" in printed
    assert tls_server.ws.startswith("wss://")


async def test_a_stock_client_has_a_text_turn_over_wss(tls_server: Any, certificate: Any) -> None:
    http = httpx2.AsyncClient(verify=certificate.trust)
    client = AsyncOpenAI(api_key="none", base_url=f"{tls_server.url}/v1", http_client=http)
    options: Any = {"ssl": certificate.trust}
    async with client.realtime.connect(
        model="support", websocket_connection_options=options
    ) as connection:
        content: Any = [{"type": "input_text", "text": "Hello"}]
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": content}
        )
        await connection.response.create(response={"output_modalities": ["text"]})
        async for event in connection:
            if event.type == "response.done":
                assert event.response.status == "completed"
                break
    await client.close()


def test_plain_http_is_not_answered_on_the_port_of_https(tls_server: Any) -> None:
    with pytest.raises(httpx2.HTTPError):
        httpx2.get(tls_server.url.replace("https", "http") + "/healthz")


def test_the_chat_trusts_a_certificate_that_the_environment_names(
    tls_server: Any, certificate: Any
) -> None:
    chat = frontdesk(
        "chat", "--url", tls_server.url, typed="Hello\n", SSL_CERT_FILE=str(certificate.cert)
    )
    assert chat.returncode == 0, chat.stderr
    assert "agent" in chat.stdout


def test_the_chat_finds_a_server_of_the_same_settings_by_its_certificate(
    tls_server: Any, certificate: Any
) -> None:
    port = tls_server.url.rsplit(":", 1)[1]
    chat = frontdesk("chat", typed="Hello\n", FRONTDESK_PORT=port, **certificate.environ)
    assert chat.returncode == 0, chat.stderr
    assert f"Chatting at {tls_server.url}" in chat.stderr
    assert "agent" in chat.stdout


async def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_mend(
    tls_server: Any,
) -> None:
    with pytest.raises(Failure, match=r"not trusted \(self-signed certificate\).*SSL_CERT_FILE"):
        async with reachable(tls_server.url, Settings()):
            pass


def serve(*words: object) -> str:
    """What ``frontdesk serve`` says as it refuses to start."""
    shown = CliRunner().invoke(app, ["serve", "--port", "0", *map(str, words)])
    assert isinstance(shown.exception, Failure)
    return str(shown.exception)


def test_a_certificate_without_a_key_is_told(certificate: Any) -> None:
    assert "--tls-cert needs --tls-key" in serve("--tls-cert", certificate.cert)
    assert "--tls-key needs --tls-cert" in serve("--tls-key", certificate.key)


def test_a_missing_file_is_told_by_its_option(certificate: Any, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.pem"
    told = serve("--tls-cert", nowhere, "--tls-key", certificate.key)
    assert told == f"--tls-cert {nowhere}: No such file or directory"
    told = serve("--tls-cert", certificate.cert, "--tls-key", nowhere)
    assert told == f"--tls-key {nowhere}: No such file or directory"


def test_files_that_are_no_pem_are_told_by_their_option(certificate: Any, tmp_path: Path) -> None:
    words = tmp_path / "words.pem"
    words.write_text("not a certificate")
    assert f"--tls-cert {words}: no cert" in serve("--tls-cert", words, "--tls-key", words)
    told = serve("--tls-cert", certificate.cert, "--tls-key", words)
    assert f"--tls-key {words}: no private key" in told


def test_the_key_of_another_certificate_is_told(certificate: Any, other_certificate: Any) -> None:
    told = serve("--tls-cert", certificate.cert, "--tls-key", other_certificate.key)
    assert f"--tls-key {other_certificate.key}: not the key of the certificate" in told


def test_a_key_behind_a_passphrase_is_told_and_not_asked_for(protected_certificate: Any) -> None:
    made = protected_certificate
    assert "protected by a passphrase" in serve("--tls-cert", made.cert, "--tls-key", made.key)
