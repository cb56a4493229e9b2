"""The official JavaScript clients, and what they have to say of a talk."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import make_certificate
from tests.frames import checked

HERE = Path(__file__).parent
UNKNOWN = {
    "input_audio_buffer.timeout_triggered": "nothing happens at it; the turn that follows is known",
    "response.mcp_call.failed": "the call's item, with its error, is known",
}
"""Events that the Agents SDK has no schema for, and what that means to its users."""
KEY = "sk-of-the-clients-in-node"


class Report:
    """What a scenario of this folder told: ``frames`` of the server, ``events`` of the client, its
    ``history`` at the end, and the frames that it ``refused``, with its reasons."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.frames = [checked(json.dumps(line["frame"])) for line in lines if "frame" in line]
        self.events = [line["event"] for line in lines if "event" in line]
        self.refused = [line["refused"] for line in lines if "refused" in line]
        self.history = next((line["history"] for line in lines if "history" in line), [])
        self.ended = any("end" in line for line in lines)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The frames of a type."""
        return [frame for frame in self.frames if frame["type"] == kind]

    def told(self, name: str) -> list[dict[str, Any]]:
        """The events of the client with a name."""
        return [event for event in self.events if event["name"] == name]

    @property
    def responses(self) -> list[dict[str, Any]]:
        """All that ended, in order; every one that began has."""
        done = [frame["response"] for frame in self.of("response.done")]
        created = [frame["response"]["id"] for frame in self.of("response.created")]
        assert [response["id"] for response in done] == created
        return done


def is_excused(frame: dict[str, Any]) -> bool:
    """Whether it is no fault of the frame that the Agents SDK does not take it."""
    if frame["type"] in UNKNOWN:
        return True
    # The SDK sends images, but its schema of items forgets them: they are not in its history.
    content = frame.get("item", {}).get("content") or []
    return any(part["type"] == "input_image" for part in content)


@pytest.fixture(scope="session")
def excused() -> Callable[[dict[str, Any]], bool]:
    return is_excused


def words(item: dict[str, Any]) -> str:
    """What an item says, on the wire or in a client's history."""
    parts = item["content"]
    return "".join(part.get("transcript") or part.get("text") or "" for part in parts)


@pytest.fixture(scope="session")
def words_of() -> Callable[[dict[str, Any]], str]:
    return words


@pytest.fixture(scope="session")
def node() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a script of this folder with its arguments, to its end and without a complaint."""
    if shutil.which("node") is None:
        pytest.skip("needs Node.js; then `make peers`")
    if not (HERE / "node_modules").is_dir():
        pytest.skip("needs the JavaScript clients: `make peers` installs them")

    def run(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        environ = {**os.environ, **options.pop("environ", {})}
        options = {"capture_output": True, "text": True, "timeout": 25, **options}
        done = subprocess.run(["node", *words], cwd=HERE, env=environ, check=False, **options)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def scenario(node: Any) -> Callable[..., Report]:
    """Plays a scenario: ``scenario("agents.mjs", "text", url)``. The client acts on every event."""

    def play(script: str, name: str, *words: str, **options: Any) -> Report:
        done = node(script, name, *words, **options)
        report = Report([json.loads(line) for line in done.stdout.splitlines()])
        assert report.ended, done.stdout[-2000:] + done.stderr
        assert not [line for line in report.refused if not is_excused(line["frame"])]
        return report

    return play


@pytest.fixture(scope="session")
def secure_server(server_process: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """A server with TLS and a key, and two teams: ``support`` answers; the first answer of
    ``patient`` in a call has a beginning and no end. ``client_environ`` is what clients in Node
    know of it, ``headers`` what others send."""
    certificate = make_certificate(tmp_path_factory.mktemp("certificate"))
    running = server_process(
        tmp_path_factory.mktemp("secure_server"),
        desk=HERE / "desk",
        environ={**certificate.environ, "FRONTDESK_API_KEYS": KEY},
        tls=certificate.trust,
    )
    running.client_environ = {
        "NODE_EXTRA_CA_CERTS": str(certificate.cert),
        "OPENAI_API_KEY": KEY,
    }
    running.headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    yield running
    running.stop()
