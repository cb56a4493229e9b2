"""Who is let in, and what the others are told."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, AuthenticationError, OpenAI
from pydantic import SecretStr
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from frontdesk.api.keys import Keys, KeysError, client_key, load_keys, new_key
from frontdesk.cli import app
from frontdesk.mcp import local
from frontdesk.roles import Role
from frontdesk.settings import Settings

GUARDED = ("/v1/models", "/v1/nothing", "/api/calls", "/api/live", "/docs", "/openapi.json")


def assert_refused(status: int, body: bytes | str) -> None:
    """401, told as the OpenAI API tells it."""
    assert status == 401
    error = json.loads(body)["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "invalid_api_key"
    assert error["param"] is None
    assert error["message"]


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer wrong", "Basic {key}", "{key}"])
def test_nothing_is_shown_without_a_right_key(
    keyed_server: Any, key: str, path: str, authorization: str | None
) -> None:
    headers = {"authorization": authorization.format(key=key)} if authorization else {}
    answer = httpx2.get(keyed_server.url + path, headers=headers)
    assert_refused(answer.status_code, answer.content)


def test_any_of_the_keys_is_let_in_also_one_from_the_file(keyed_server: Any, key: str) -> None:
    for each in (key, "fd-another-key-9876543210-abcdef"):
        headers = {"authorization": f"Bearer {each}"}
        assert httpx2.get(f"{keyed_server.url}/v1/models", headers=headers).status_code == 200
        assert httpx2.get(f"{keyed_server.url}/api/calls", headers=headers).status_code == 200


def test_health_is_open(keyed_server: Any) -> None:
    assert httpx2.get(f"{keyed_server.url}/healthz").json()["status"] == "ok"


def test_the_stock_client_knows_a_wrong_key_by_its_error(keyed_server: Any) -> None:
    client = OpenAI(api_key="wrong", base_url=f"{keyed_server.url}/v1", max_retries=0)
    with pytest.raises(AuthenticationError) as refused:
        client.models.list()
    assert refused.value.code == "invalid_api_key"
    assert refused.value.request_id
    client.close()


async def test_a_socket_with_a_wrong_key_is_refused_before_it_opens(keyed_server: Any) -> None:
    client = AsyncOpenAI(api_key="wrong", base_url=f"{keyed_server.url}/v1")
    with pytest.raises(InvalidStatus) as refused:
        async with client.realtime.connect(model="support"):
            pass
    response = refused.value.response
    assert_refused(response.status_code, response.body or b"")
    await client.close()


async def test_a_socket_with_a_right_key_opens(keyed_server: Any, key: str) -> None:
    client = AsyncOpenAI(api_key=key, base_url=f"{keyed_server.url}/v1")
    async with client.realtime.connect(model="support") as connection:
        assert (await connection.recv()).type == "session.created"
    await client.close()


def protocols(*names: str) -> list[Subprotocol]:
    return [Subprotocol(name) for name in names]


async def test_a_browser_brings_its_key_as_a_subprotocol_that_is_not_echoed(
    keyed_server: Any, key: str
) -> None:
    offered = protocols(
        "realtime",
        f"openai-insecure-api-key.{key}",
        "openai-organization.org-1",
        "openai-project.proj-1",
        "openai-agents-sdk.0.20.0",
    )
    origin: Any = "https://shop.example"  # whoever has the key may call from any page
    url = f"{keyed_server.ws}/v1/realtime"
    async with connect(url, subprotocols=offered, origin=origin) as socket:
        assert socket.subprotocol == "realtime"
        assert key not in str(socket.response)
        assert json.loads(await socket.recv())["type"] == "session.created"


async def test_a_wrong_key_as_a_subprotocol_is_refused(keyed_server: Any) -> None:
    offered = protocols("realtime", "openai-insecure-api-key.wrong")
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{keyed_server.ws}/v1/realtime", subprotocols=offered)
    assert_refused(refused.value.response.status_code, refused.value.response.body or b"")


# Without keys


def test_without_keys_it_is_open_and_says_so(open_server: Any) -> None:
    assert "keys             none: open to this machine alone" in open_server.log.read_text()
    client = OpenAI(api_key="anything", base_url=f"{open_server.url}/v1")
    assert client.models.list().data
    client.close()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "169.254.1.1", "", "a b"])
async def test_without_keys_a_name_that_is_not_this_machines_is_refused(
    open_server: Any, host: str
) -> None:
    answer = httpx2.get(f"{open_server.url}/v1/models", headers={"host": host})
    assert answer.status_code in (400, 403)
    page = httpx2.get(f"{open_server.url}/traces", headers={"host": host, "accept": "text/html"})
    assert page.status_code in (400, 403)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
async def test_without_keys_a_page_of_another_site_cannot_place_calls(
    open_server: Any, origin: Any
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{open_server.ws}/v1/realtime", origin=origin)
    assert refused.value.response.status_code == 403
    answer = httpx2.post(
        f"{open_server.url}/v1/realtime/client_secrets", headers={"origin": origin}
    )
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden_origin"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "https://[::1]:8443",
        "http://app.localhost",
    ],
)
async def test_without_keys_programs_and_pages_of_this_machine_are_let_in(
    open_server: Any, origin: Any
) -> None:
    async with connect(f"{open_server.ws}/v1/realtime", origin=origin) as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"


# The keys of the settings


def settings(**given: Any) -> Settings:
    return Settings.model_validate({"host": "127.0.0.1", **given})


def test_keys_stand_behind_commas_and_on_lines() -> None:
    one, two, three = new_key(), new_key(), new_key()
    text = f" {one},{two}\n\n# a remark\n{three},{one}\n"
    assert list(load_keys(settings(api_keys=text))) == [one, two, three]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "10.0.0.1"])
def test_an_address_for_others_needs_keys(host: str) -> None:
    with pytest.raises(KeysError, match="`frontdesk key`"):
        load_keys(settings(host=host))
    assert load_keys(settings(host=host, api_keys=new_key()))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert load_keys(settings(host=host)) == {}


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("short", "key 1 has 5 characters"),
        ("with a space inside it", "key 1 has a space"),
        ("schlüssel-schlüssel", "a letter that headers lack"),
        ("ek_0123456789abcdef0123", "begins with ek_"),
    ],
)
def test_what_is_no_key_is_told_without_saying_it(key: str, told: str) -> None:
    with pytest.raises(KeysError, match=told) as refused:
        load_keys(settings(api_keys=key))
    assert key not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=r"FRONTDESK_API_KEYS_FILE .*No such file"):
        load_keys(settings(api_keys_file=tmp_path / "keys"))


def test_keys_are_held_as_hashes_only() -> None:
    key = new_key()
    keys = Keys({key: Role.VIEW})
    assert keys.role(key) is Role.VIEW
    assert keys.role(key[:-1]) is None
    assert keys.role("") is None
    assert key not in str(keys.__dict__)
    assert keys.role_of(keys.fingerprint(key)) is Role.VIEW
    assert Keys({new_key(): Role.VIEW}).role_of(keys.fingerprint(key)) is None


def test_our_commands_give_a_servers_own_keys_to_no_other_server() -> None:
    own = settings(api_keys="0123456789abcdef")
    assert client_key(own, ours=True) == "0123456789abcdef"
    assert client_key(own, ours=False) is None
    told = settings(api_keys="0123456789abcdef", api_key=SecretStr("mine"))
    assert client_key(told, ours=False) == "mine"


def test_serve_refuses_to_start_for_others_without_keys(desk: Path) -> None:
    shown = CliRunner().invoke(app, ["serve", str(desk), "--host", "0.0.0.0", "--port", "0"])
    assert isinstance(shown.exception, KeysError)
    assert "0.0.0.0 can be reached from other machines" in str(shown.exception)
    assert "frontdesk key" in str(shown.exception)


def test_the_key_command_makes_a_key_that_serves() -> None:
    made = CliRunner().invoke(app, ["key"]).output.strip()
    assert load_keys(settings(host="0.0.0.0", api_keys=made)) == {made: Role.FULL}
    assert made != CliRunner().invoke(app, ["key"]).output.strip()


def test_mcp_servers_are_not_told_the_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[dict[str, str]] = []
    monkeypatch.setattr(local, "Process", lambda command, log, env: told.append(env))
    monkeypatch.setenv("FRONTDESK_API_KEYS", new_key())
    monkeypatch.setenv("FRONTDESK_API_KEY", new_key())
    monkeypatch.setenv("ORDERS_FILE", "orders.json")
    script = tmp_path / "server.py"
    local._start(local.LocalServer("orders", script, "http://127.0.0.1:1/mcp"), tmp_path, {})
    (environ,) = told
    assert environ["ORDERS_FILE"] == "orders.json"
    assert not [name for name in environ if name.startswith("FRONTDESK_API_KEY")]
