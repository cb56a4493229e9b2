"""The front door: certificates, keys, and servers that are behind them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Certificate, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def other_certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)


@pytest.fixture
def protected_certificate(tmp_path: Path) -> Certificate:
    """One whose key cannot be read without a passphrase."""
    return make_certificate(tmp_path, b"secret")


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with two teams of one agent each, without MCP servers: soon up."""
    root = tmp_path_factory.mktemp("desk")
    (root / "agents").mkdir()
    for team in ("support", "sales"):
        (root / "agents" / f"{team}.yaml").write_text(
            f"version: 1\nname: {team}\nentry: clerk\nmodels:\n  main: {{ provider: auto }}\n"
            "voice:\n  stt: { provider: auto }\n  tts: { provider: auto }\n"
            "agents:\n  clerk:\n    description: Answers.\n    instructions: clerk.md\n"
        )
    (root / "agents" / "clerk.md").write_text("Answer briefly.")
    return root


@pytest.fixture(scope="session")
def tls_server(
    server_process: Any,
    tmp_path_factory: pytest.TempPathFactory,
    desk: Path,
    certificate: Certificate,
) -> Iterator[Any]:
    """An open server on loopback that speaks https and wss."""
    running = server_process(
        tmp_path_factory.mktemp("tls_server"),
        desk=desk,
        environ=certificate.environ,
        tls=certificate.trust,
    )
    yield running
    running.stop()


KEY = "fd-a-key-of-the-tests-0123456789"
OTHER_KEY = "fd-another-key-9876543210-abcdef"


@pytest.fixture(scope="session")
def key() -> str:
    return KEY


@pytest.fixture(scope="session")
def keyed_server(
    server_process: Any, tmp_path_factory: pytest.TempPathFactory, desk: Path
) -> Iterator[Any]:
    """A server that lets in two keys, one of them from a file, and two of lesser roles."""
    data = tmp_path_factory.mktemp("keyed_server")
    file = data / "keys"
    lesser = "view:fd-a-viewing-key-0123456789,approve:fd-an-approving-key-0123456789"
    file.write_text(f"# the second office\n{OTHER_KEY}\n{lesser}\n")
    environ = {"FRONTDESK_API_KEYS": KEY, "FRONTDESK_API_KEYS_FILE": str(file)}
    running = server_process(data, desk=desk, environ=environ)
    yield running
    running.stop()
    log = running.log.read_text()
    assert "ERROR" not in log  # refusing is no trouble of ours
    assert KEY not in log
    assert OTHER_KEY not in log


@pytest.fixture(scope="session")
def open_server(
    server_process: Any, tmp_path_factory: pytest.TempPathFactory, desk: Path
) -> Iterator[Any]:
    """A server without keys."""
    running = server_process(tmp_path_factory.mktemp("open_server"), desk=desk)
    yield running
    running.stop()
