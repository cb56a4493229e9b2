"""Signing in to the pages, as far as HTTP goes; tests/browser has it with a browser."""

from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

PAGES = ("/", "/talk", "/traces", "/traces?errors=1&q=lamp", "/traces/calls/sess_1")


@pytest.fixture
def visitor(keyed_server: Any) -> Any:
    """A browser's requests: they say where they come from and that they want pages."""
    headers = {"accept": "text/html", "origin": keyed_server.url}
    with httpx2.Client(base_url=keyed_server.url, headers=headers) as client:
        yield client


def sign_in(visitor: Any, key: str, next: str = "/traces") -> Any:
    return visitor.post("/sign-in", data={"key": key, "next": next})


@pytest.mark.parametrize("page", PAGES)
def test_who_is_not_signed_in_is_sent_to_the_sign_in_page_and_back(
    visitor: Any, key: str, page: str
) -> None:
    sent = visitor.get(page)
    assert sent.status_code == 303
    form = visitor.get(sent.headers["location"])
    assert form.status_code == 200
    escaped = page.replace("&", "&amp;")
    assert f'name="next" value="{escaped}"' in form.text
    assert sign_in(visitor, key, page).headers["location"] == page


def test_the_cookie_is_for_the_browser_alone_and_for_this_site(visitor: Any, key: str) -> None:
    cookie = sign_in(visitor, key).headers["set-cookie"]
    name, *attributes = cookie.lower().split("; ")
    assert name.startswith("frontdesk_session=session_")
    assert {"httponly", "samesite=strict", "path=/", f"max-age={12 * 3600}"} <= set(attributes)
    assert key not in cookie


def test_the_cookie_is_secure_where_the_browser_came_by_tls(tls_server: Any) -> None:
    # Without keys there is nothing to sign in to: the page leads on.
    answer = httpx2.get(f"{tls_server.url}/sign-in", verify=tls_server.tls)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_proxy_that_ends_tls_gets_a_secure_cookie(visitor: Any, key: str) -> None:
    origin = visitor.headers["origin"].replace("http:", "https:")
    answer = visitor.post("/sign-in", data={"key": key}, headers={"origin": origin})
    assert "secure" in answer.headers["set-cookie"].lower()


def test_whoever_signed_in_sees_pages_and_data_until_signing_out(visitor: Any, key: str) -> None:
    sign_in(visitor, key)
    for page in ("/talk", "/traces", "/api/calls"):
        assert visitor.get(page).status_code == 200
    assert 'action="/sign-out"' in visitor.get("/talk").text
    cookie = visitor.cookies["frontdesk_session"]
    out = visitor.post("/sign-out")
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert "frontdesk_session" not in visitor.cookies
    kept = visitor.get("/api/calls", headers={"cookie": f"frontdesk_session={cookie}"})
    assert kept.status_code == 401  # a copy of the cookie is worth nothing any more


def test_a_wrong_key_signs_nobody_in(visitor: Any) -> None:
    for key in ("wrong", "", "x" * 5000):
        answer = sign_in(visitor, key)
        assert answer.status_code == 401
        assert "not a key of this server" in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["", "x", "session_", f"session_{'0' * 48}", f"ek_{'0' * 48}"])
def test_a_made_up_cookie_opens_nothing(visitor: Any, cookie: str) -> None:
    answer = visitor.get("/api/calls", headers={"cookie": f"frontdesk_session={cookie}"})
    assert answer.status_code == 401


def test_a_client_secret_is_no_session(visitor: Any, key: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    secret = visitor.post("/v1/realtime/client_secrets", headers=headers).json()["value"]
    answer = visitor.get("/api/calls", headers={"cookie": f"frontdesk_session={secret}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_another_site_can_sign_nobody_in_or_out(
    visitor: Any, key: str, path: str, origin: str
) -> None:
    answer = visitor.post(path, data={"key": key}, headers={"origin": origin})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_another_site_cannot_act_by_the_cookie(visitor: Any, key: str, keyed_server: Any) -> None:
    sign_in(visitor, key)
    url = "/v1/realtime/client_secrets"
    assert visitor.post(url, json={}).status_code == 200
    port = urlsplit(keyed_server.url).port or 0
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{port + 1}"):
        assert visitor.post(url, json={}, headers={"origin": origin}).status_code == 403


async def test_a_socket_by_cookie_opens_from_our_own_pages_only(
    visitor: Any, key: str, keyed_server: Any
) -> None:
    sign_in(visitor, key)
    headers = {"cookie": f"frontdesk_session={visitor.cookies['frontdesk_session']}"}
    url = f"{keyed_server.ws}/v1/realtime"
    own: Any = keyed_server.url
    async with connect(url, origin=own, additional_headers=headers) as socket:
        assert "session.created" in str(await socket.recv())
    strangers: Any = ("https://evil.example", "null", "http://localhost:1", None)
    for origin in strangers:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, origin=origin, additional_headers=headers)
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/sign-in?next=/talk",
        "",
    ],
)
def test_signing_in_never_leads_elsewhere(visitor: Any, key: str, target: str) -> None:
    assert sign_in(visitor, key, target).headers["location"] == "/"


def test_the_style_of_the_sign_in_page_is_open_and_little_else(visitor: Any) -> None:
    html = visitor.get("/sign-in").text
    href = html.split('rel="stylesheet" href="')[1].split('"')[0]
    assert visitor.get(href).status_code == 200
    assert 'action="/sign-out"' not in html
    for path in ("/static/../traces", "/static/%2e%2e/traces", "/sign-in/../traces", "/sign-inx"):
        assert visitor.get(path).status_code in (303, 401, 404)
