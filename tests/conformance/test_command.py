"""``frontdesk conformance`` as its users meet it."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from frontdesk.api.keys import new_key
from frontdesk.conformance.target import Target
from tests.gate.conftest import make_certificate

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(240)


async def conformance(*arguments: str, **environ: str) -> tuple[int, str]:
    """Exit code and all that was printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "frontdesk", "conformance", *arguments),
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def without_text_done(event: dict[str, Any], sent: list[Any]) -> list[dict[str, Any]]:
    return [] if event["type"] == "response.output_text.done" else [event]


async def test_a_failure_says_what_to_mend(broken: Any, tmp_path: Path) -> None:
    url = await broken(without_text_done)
    written = tmp_path / "run.json"
    code, told = await conformance(url, "--area", "text", "--json", str(written))
    assert code == 1
    lines = [line.strip() for line in told.splitlines()]
    at = lines.index("text: a response in text opens and closes in order")
    assert lines[at + 1] == "rule      The events of section 2.3, in that order."
    assert lines[at + 2] == "expected  response.output_text.done after response.output_text.delta"
    assert lines[at + 3].startswith("seen")
    assert any("← response.output_text.delta" in line for line in lines[at:])
    table = [line.split() for line in lines if line.startswith("text ")]
    assert int(table[-1][2]) > 0
    document = json.loads(written.read_text("utf-8"))
    assert not document["passed"]
    assert {check["status"] for check in document["checks"]} >= {"passed", "failed"}


async def test_a_server_with_keys_and_a_certificate_of_its_own_is_tried(
    server_process: Any, tmp_path: Path
) -> None:
    key = new_key()
    certificate = make_certificate(tmp_path)
    environ = {**certificate.environ, "FRONTDESK_API_KEYS": key}
    running = server_process(tmp_path, environ=environ, tls=certificate.trust)
    try:
        areas = ("--area", "connect", "--area", "keys", "--insecure")
        code, told = await conformance(running.url, *areas, FRONTDESK_API_KEY=key)
        assert code == 0, told
        assert "no key was given" not in told
        code, told = await conformance(running.url, *areas, "--key", "sk-wrong")
        assert (code, "401" in told) == (1, True)
        code, told = await conformance(running.url, "--area", "connect", "--key", key)
        assert (code, "certificate" in told) == (1, True)
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("http://127.0.0.1:1", "--area", "smell"), "no area 'smell': choose from connect,"),
        (("127.0.0.1:8080",), "is not an address"),
        (("http://127.0.0.1:1",), "http://127.0.0.1:1 takes no Realtime socket"),
    ],
)
async def test_a_mistake_is_told_in_a_line(arguments: tuple[str, ...], told: str) -> None:
    code, output = await conformance(*arguments)
    assert code == 1
    assert told in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("url", "socket", "rest"),
    [
        ("http://h", "ws://h/v1/realtime?model=m", "http://h/v1/models"),
        ("https://h/v1/", "wss://h/v1/realtime?model=m", "https://h/v1/models"),
        ("wss://h:1/v1/realtime", "wss://h:1/v1/realtime?model=m", "https://h:1/v1/models"),
        ("ws://h/a/b?x=1", "ws://h/a/b/realtime?x=1&model=m", "http://h/a/b/models?x=1"),
    ],
)
def test_an_address_is_taken_in_any_form(url: str, socket: str, rest: str) -> None:
    target = Target(url, model="m")
    assert target.socket() == socket
    assert target.rest("/models") == rest


def test_a_transcription_session_is_asked_for_without_a_model() -> None:
    assert (
        Target("ws://h").socket(intent="transcription") == "ws://h/v1/realtime?intent=transcription"
    )


def test_an_openai_key_is_not_shown_to_other_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    from frontdesk.cli.conformance import _key_for

    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    monkeypatch.setenv("FRONTDESK_API_KEY", "sk-ours")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert _key_for("https://api.openai.com/v1") == "sk-theirs"
    assert _key_for("https://openai.com.example/v1") == "sk-ours"
    assert _key_for("http://127.0.0.1:8080") == "sk-ours"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1")
    assert _key_for("http://127.0.0.1:8080") == "sk-theirs"
