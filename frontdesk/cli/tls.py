"""TLS: the server's certificate, and what its own clients trust."""

import ssl
from pathlib import Path

from frontdesk.cli.failures import Failure
from frontdesk.settings import Settings


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """The certificate and key of the settings, ready to serve; None without any.

    Raises :class:`Failure` naming the option whose file is missing, unreadable or does not match.
    """
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        given, missing = ("key", "cert") if cert is None else ("cert", "key")
        raise Failure(f"--tls-{given} needs --tls-{missing}, or FRONTDESK_TLS_{missing.upper()}")
    _readable("--tls-cert", cert)
    _readable("--tls-key", key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        ssl.create_default_context(cafile=str(cert))
    except ssl.SSLError:
        raise Failure(f"--tls-cert {cert}: no certificate in it; it must be PEM") from None
    try:
        context.load_cert_chain(cert, key, password=_encrypted)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Failure(f"--tls-key {key}: not the key of the certificate {cert}") from None
        raise Failure(f"--tls-key {key}: no private key in it; it must be PEM") from None
    except _Encrypted:
        raise Failure(
            f"--tls-key {key}: protected by a passphrase, which nobody can type here; "
            "write it without one: openssl pkey -in KEY -out PLAIN"
        ) from None
    return context


class _Encrypted(Exception):
    pass


def _encrypted() -> str:
    """Asked for a passphrase. Without this, OpenSSL would wait for one at the terminal."""
    raise _Encrypted


def _readable(option: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise Failure(f"{option} {file}: {error.strerror}") from error


def client_context(settings: Settings, url: str, *, ours: bool) -> ssl.SSLContext | None:
    """What a client trusts at ``url``: the authorities of this machine, and the certificate of the
    settings. At a server of ``ours`` only that one, under whatever name it was made for."""
    if not url.startswith("https:"):
        return None
    context = ssl.create_default_context()
    if settings.tls_cert is None:
        return context
    if ours:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a certificate that others signed
    try:
        context.load_verify_locations(settings.tls_cert)
    except OSError as error:
        raise Failure(f"FRONTDESK_TLS_CERT {settings.tls_cert}: {error.strerror}") from error
    return context
