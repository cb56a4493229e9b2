"""What a key may by its role, and that each route says which it needs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, WebSocketRoute
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from frontdesk.api.door import Door
from frontdesk.api.keys import Keys, KeysError, client_key, described, load_keys
from frontdesk.api.rights import NEEDED, needed
from frontdesk.api.sign_in import SignIn
from frontdesk.app import create_app
from frontdesk.cli import app as command
from frontdesk.roles import Role, noted
from frontdesk.settings import Settings


def routes(app: Any) -> set[str]:
    """Method and path of all that a server answers."""
    found: set[str] = set()
    for context in iter_route_contexts(app.routes):
        route: BaseRoute = context.original_route
        socket = isinstance(route, WebSocketRoute)
        methods = ["WEBSOCKET"] if socket else getattr(context, "methods", None) or ["*"]
        found |= {f"{method} {context.path}" for method in methods if method != "HEAD"}
    return found


def test_each_route_is_in_the_table_with_the_role_it_needs(desk: Path, tmp_path: Path) -> None:
    app = create_app(Settings(desk=desk, data=tmp_path))
    assert routes(app) == NEEDED.keys()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", ["/api/new", "/api/calls/", "/v1/new", "/api/approvals/a/b"])
def test_a_route_that_is_not_in_the_table_needs_full(method: str, path: str) -> None:
    assert needed({"type": "http", "method": method, "path": path}) is Role.FULL


def test_what_changes_something_is_never_for_those_who_look() -> None:
    for route, least in NEEDED.items():
        if not route.startswith("GET ") and least is not Role.ANYONE:
            assert least > Role.VIEW, route


KEYS = {"full-0123456789abcdef": Role.FULL, "appr-0123456789abcdef": Role.APPROVE,
        "view-0123456789abcdef": Role.VIEW}  # fmt: skip


@pytest.fixture
def door() -> httpx2.AsyncClient:
    """The door alone; behind it, somebody says what the visitor may."""

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(str(noted(scope)))(scope, receive, send)

    worker: Any = SimpleNamespace(tokens=None)
    keys = Keys(KEYS)
    transport = httpx2.ASGITransport(app=Door(inside, keys, SignIn(keys, worker), worker))
    return httpx2.AsyncClient(transport=transport, base_url="http://desk")


@pytest.mark.parametrize("route", NEEDED)
async def test_a_role_opens_what_the_table_says_and_no_more(
    door: httpx2.AsyncClient, route: str
) -> None:
    method, path = route.split(" ")
    if method == "WEBSOCKET":
        return  # see below
    path = path.replace("{", "").replace("}", "").replace(":path", "")
    for key, role in KEYS.items():
        headers = {"authorization": f"Bearer {key}"}
        answer = await door.request("POST" if method == "*" else method, path, headers=headers)
        least = NEEDED[route]
        assert answer.status_code == (200 if role >= least else 403), (route, role)
        if role < least:
            error = answer.json()["error"]
            assert error["code"] == "insufficient_permissions"
            assert f"the role {least}; yours has the role {role}" in error["message"]
        elif least:
            assert answer.text == str(role)


# The keys of the settings


def settings(keys: str) -> Settings:
    return Settings.model_validate({"host": "127.0.0.1", "api_keys": keys})


def test_a_role_stands_before_the_key() -> None:
    keys = load_keys(settings("\n".join(f"{role}:{key}" for key, role in KEYS.items())))
    assert keys == KEYS
    assert described([*keys.values()]) == "3 known: 1 full, 1 approve, 1 view"
    assert client_key(settings("view:" + "v" * 16 + ",full:" + "f" * 16), ours=True) == "f" * 16


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("viev:0123456789abcdef", "is no role; there are: view, approve, full"),
        ("view:0123", "has 4 characters"),
        ("view:0123456789abcdef,0123456789abcdef", "key 2 was given before, with another role"),
    ],
)
def test_a_role_that_is_not_clear_is_refused_without_saying_the_key(keys: str, told: str) -> None:
    with pytest.raises(KeysError, match=told) as refused:
        load_keys(settings(keys))
    assert "0123" not in str(refused.value)


def test_the_key_command_writes_the_role_before_the_key() -> None:
    made = CliRunner().invoke(command, ["key", "--role", "view"]).output.strip()
    assert [*load_keys(settings(made)).values()] == [Role.VIEW]


# A server


VIEW, APPROVE = "fd-a-viewing-key-0123456789", "fd-an-approving-key-0123456789"


@pytest.fixture
def viewer(keyed_server: Any) -> Any:
    """Somebody who signed in with a key for looking."""
    headers = {"accept": "text/html", "origin": keyed_server.url}
    with httpx2.Client(
        base_url=keyed_server.url, headers=headers, follow_redirects=True
    ) as visitor:
        visitor.post("/sign-in", data={"key": VIEW, "next": "/"})
        yield visitor


def test_who_may_look_is_led_to_the_traces_and_shown_nothing_they_may_not(viewer: Any) -> None:
    first = viewer.get("/")
    assert first.url.path == "/traces"
    assert 'href="/talk"' not in first.text
    assert "Your name, for the record" not in viewer.get("/approvals").text
    assert "<form" not in viewer.get("/teams").text.replace(
        '<form method="post" action="/sign-out"', ""
    )
    assert (
        "Your name, for the record"
        in viewer.get("/approvals", headers={"authorization": f"Bearer {APPROVE}"}).text
    )


def test_a_page_for_others_says_which_role_it_needs(viewer: Any) -> None:
    closed = viewer.get("/talk")
    assert closed.status_code == 403
    assert "needs a key with the role full; yours has the role view" in closed.text
    assert 'action="/sign-out"' in closed.text


def test_who_may_approve_may_not_change_the_teams(keyed_server: Any) -> None:
    headers = {"authorization": f"Bearer {APPROVE}"}
    with httpx2.Client(base_url=keyed_server.url, headers=headers) as approver:
        decision = approver.post("/api/approvals/none", json={"decision": "approve"})
        assert decision.status_code == 404  # let in: there is none of this name
        assert approver.post("/api/teams/support/version", json={}).status_code == 403


async def test_a_key_for_looking_opens_no_call(keyed_server: Any) -> None:
    headers = {"authorization": f"Bearer {VIEW}"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{keyed_server.ws}/v1/realtime", additional_headers=headers)
    assert refused.value.response.status_code == 403
    assert b"the role full" in (refused.value.response.body or b"")
