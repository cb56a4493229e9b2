"""Names and addresses: whose they are, and where they lead."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from frontdesk.api.origins import from_own_page, is_local
from frontdesk.api.sign_in import _local
from frontdesk.ports import is_loopback, origin


@pytest.mark.parametrize(
    ("host", "tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:80"),
        ("0.0.0.0", True, "https://127.0.0.1:80"),
        ("::", False, "http://[::1]:80"),
        ("::1", True, "https://[::1]:80"),
        ("desk.example", True, "https://desk.example:80"),
    ],
)
def test_a_server_is_reached_from_its_own_machine(host: str, tls: bool, url: str) -> None:
    assert origin(host, 80, tls=tls) == url


def test_only_this_machines_own_names_are_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "::1")))
    others = ("", "0.0.0.0", "localhost.example", "127.0.0.1.example", "10.0.0.1", "::", "1")
    assert not any(map(is_loopback, others))


def asked(host: str, origin: str | None) -> HTTPConnection:
    headers = [(b"host", host.encode("latin-1", "replace"))]
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1", "replace")))
    scope: Any = {"type": "http", "path": "/", "headers": headers}
    return HTTPConnection(scope)


@pytest.mark.parametrize(
    ("host", "origin", "own"),
    [
        ("desk.example", "https://desk.example", True),
        ("desk.example:443", "https://desk.example", True),  # a proxy that says the port
        ("desk.example", "http://desk.example:80", True),
        ("Desk.Example:8080", "http://desk.example:8080", True),
        ("[::1]:8080", "http://[::1]:8080", True),
        ("desk.example", "https://desk.example:8443", False),
        ("desk.example", "https://desk.example.evil.example", False),
        ("desk.example", "https://evil.example", False),
        ("desk.example", "null", False),
        ("desk.example", None, False),
        ("", "", False),
    ],
)
def test_a_page_is_our_own_when_it_came_from_where_it_now_asks(
    host: str, origin: str | None, own: bool
) -> None:
    assert from_own_page(asked(host, origin)) == own


ANY = st.text(max_size=40) | st.sampled_from(["http://[", "//[", ":", "a:b:c", "http://x:99999"])


@given(ANY, ANY)
def test_whatever_the_headers_say_they_are_judged(host: str, origin: str) -> None:
    judged = asked(host, origin)
    assert isinstance(is_local(judged), bool)
    assert isinstance(from_own_page(judged), bool)


@given(st.text() | st.text(alphabet="/\\:@.\t\n e%5c").map("/".__add__))
def test_signing_in_leads_to_a_page_of_this_server_whatever_was_asked(target: str) -> None:
    led = urljoin("https://desk.example/sign-in", _local(target).replace("\\", "/"))
    assert urlsplit(led).netloc == "desk.example"
