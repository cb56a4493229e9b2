"""The front door: certificates, keys, and servers that are behind them."""

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A self-signed one of 127.0.0.1 and localhost, with its key."""

    cert: Path
    key: Path

    @property
    def environ(self) -> dict[str, str]:
        """The settings of a server that shows it."""
        return {"FRONTDESK_TLS_CERT": str(self.cert), "FRONTDESK_TLS_KEY": str(self.key)}

    @property
    def trust(self) -> ssl.SSLContext:
        """A client that knows this certificate and no other."""
        return ssl.create_default_context(cafile=str(self.cert))


def make_certificate(folder: Path, passphrase: bytes | None = None) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    how: Any = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    made.cert.write_bytes(cert.public_bytes(pem))
    made.key.write_bytes(key.private_bytes(pem, form, how))
    return made


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
