"""Short-lived keys that carry a session config."""

import asyncio
import json
import time
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError
from openai.types.realtime import ClientSecretCreateResponse
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

SESSION = {
    "type": "realtime",
    "model": "sales",
    "instructions": "Sell nothing.",
    "output_modalities": ["text"],
    "audio": {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}},
    "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
}


@pytest.fixture
async def client(keyed_server: Any, key: str) -> Any:
    client = AsyncOpenAI(api_key=key, base_url=f"{keyed_server.url}/v1", max_retries=0)
    yield client
    await client.close()


async def test_a_secret_opens_sessions_that_begin_with_its_config(
    client: Any, keyed_server: Any
) -> None:
    before = time.time()
    made = await client.realtime.client_secrets.create(session=SESSION)
    ClientSecretCreateResponse.model_validate(made.model_dump(), strict=True)
    assert made.value.startswith("ek_")
    assert before + 599 <= made.expires_at <= time.time() + 600
    assert made.session.instructions == "Sell nothing."

    browser = AsyncOpenAI(api_key=made.value, base_url=f"{keyed_server.url}/v1")
    ids = set[str]()
    for _ in range(2):  # as often as one likes until it expires
        async with browser.realtime.connect() as connection:
            created: Any = await connection.recv()
            assert created.type == "session.created"
            got = created.session.model_dump(exclude_none=True)
            promised = made.session.model_dump(exclude_none=True)
            ids |= {got.pop("id"), promised.pop("id")}
            assert got.pop("expires_at") > time.time()  # of the call, not of the secret
            assert got == promised
            await connection.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hello"}],
                }
            )
            await connection.response.create()
            kinds: list[str] = []
            async for event in connection:
                kinds.append(event.type)
                if event.type == "response.done":
                    break
            assert "session.updated" not in kinds
            assert "response.output_text.delta" in kinds
    assert len(ids) == 3
    await browser.close()


async def test_the_defaults_are_the_teams(client: Any) -> None:
    made = await client.realtime.client_secrets.create()
    assert made.session.type == "realtime"
    assert made.session.id.startswith("sess_")
    assert made.session.object == "realtime.session"
    assert made.session.audio.input.turn_detection.type


async def test_a_transcription_session_is_promised_as_one(client: Any, keyed_server: Any) -> None:
    session = {
        "type": "transcription",
        "audio": {"input": {"transcription": {"model": "whisper-1", "language": "de"}}},
    }
    made = await client.realtime.client_secrets.create(session=session)
    assert made.session.type == "transcription"
    assert made.session.object == "realtime.transcription_session"
    assert made.session.audio.input.transcription.language == "de"
    headers = {"authorization": f"Bearer {made.value}"}
    async with connect(f"{keyed_server.ws}/v1/realtime", additional_headers=headers) as socket:
        begun = json.loads(await socket.recv())["session"]
        assert begun["type"] == "transcription"
        assert begun["audio"]["input"]["transcription"]["language"] == "de"
        await socket.send(json.dumps({"type": "response.create"}))
        refused = json.loads(await socket.recv())
        assert refused["type"] == "error"


async def test_a_lifetime_can_be_asked_for(client: Any) -> None:
    lifetime = {"anchor": "created_at", "seconds": 7200}
    before = time.time()
    made = await client.realtime.client_secrets.create(expires_after=lifetime)
    assert before + 7199 <= made.expires_at <= time.time() + 7200


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"expires_after": {"seconds": 9}}, "expires_after.seconds", "invalid_value"),
        ({"expires_after": {"seconds": 7201}}, "expires_after.seconds", "invalid_value"),
        ({"expires_after": {"anchor": "now"}}, "expires_after.anchor", "invalid_value"),
        ({"session": {"model": "x"}}, "session.type", "missing_required_parameter"),
        ({"session": {"type": "chat"}}, "session.type", "invalid_value"),
        ({"session": "x"}, "session", "invalid_type"),
        ({"session": {"type": "realtime", "model": 5}}, "session.model", "invalid_type"),
        ({"session": {"type": "realtime", "vioce": 1}}, "session.vioce", "unknown_parameter"),
        (
            {"session": {"type": "realtime", "audio": {"output": {"speed": 9}}}},
            "session.audio.output.speed",
            "invalid_value",
        ),
        ({"sesion": {}}, "sesion", "unknown_parameter"),
    ],
)
async def test_what_is_wrong_is_named_as_session_update_names_it(
    client: Any, body: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.realtime.client_secrets.create(extra_body=body)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
async def test_a_body_that_is_no_object_is_told(keyed_server: Any, key: str, body: bytes) -> None:
    headers = {"authorization": f"Bearer {key}"}
    url = f"{keyed_server.url}/v1/realtime/client_secrets"
    answer = httpx2.post(url, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers["x-request-id"].startswith("req_")


async def test_a_secret_opens_nothing_but_new_sessions(client: Any, keyed_server: Any) -> None:
    made = await client.realtime.client_secrets.create()
    headers = {"authorization": f"Bearer {made.value}"}
    for path in ("/v1/models", "/api/calls", "/traces"):
        assert httpx2.get(keyed_server.url + path, headers=headers).status_code == 403
    url = f"{keyed_server.url}/v1/realtime/client_secrets"
    assert httpx2.post(url, headers=headers).status_code == 403
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{keyed_server.ws}/v1/realtime?call_id=sess_1", additional_headers=headers)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("server", ["keyed_server", "open_server"])
async def test_a_secret_that_has_expired_or_never_was_opens_nothing(
    request: pytest.FixtureRequest, server: str
) -> None:
    headers = {"authorization": f"Bearer ek_{'0' * 48}"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            f"{request.getfixturevalue(server).ws}/v1/realtime", additional_headers=headers
        )
    response = refused.value.response
    assert response.status_code == 401
    assert json.loads(response.body or b"")["error"]["code"] == "invalid_api_key"


async def test_a_secret_carries_its_config_also_where_no_key_is_needed(open_server: Any) -> None:
    client = AsyncOpenAI(api_key="none", base_url=f"{open_server.url}/v1")
    made = await client.realtime.client_secrets.create(session=SESSION)  # type: ignore[arg-type]
    headers = {"authorization": f"Bearer {made.value}"}
    async with connect(f"{open_server.ws}/v1/realtime", additional_headers=headers) as socket:
        session = json.loads(await socket.recv())["session"]
    assert session["instructions"] == "Sell nothing."
    assert session["model"] == "sales"
    await client.close()


async def test_the_teams_are_the_models(client: Any) -> None:
    models = [model async for model in client.models.list()]
    assert {model.id for model in models} == {"support", "sales"}
    one = await client.models.retrieve("sales")
    assert (one.object, one.owned_by) == ("model", "frontdesk")
    assert one.created <= time.time()
    with pytest.raises(NotFoundError) as missing:
        await client.models.retrieve("gpt-realtime")
    assert missing.value.code == "model_not_found"


async def test_the_model_of_a_socket_names_the_team(client: Any) -> None:
    for asked, shown in (("sales", "sales"), ("gpt-realtime-2.1", "gpt-realtime-2.1")):
        async with client.realtime.connect(model=asked) as connection:
            created: Any = await connection.recv()
            assert created.session.model == shown


async def test_webrtc_is_not_here_and_says_so_as_an_api_does(client: Any) -> None:
    with pytest.raises(NotFoundError) as missing:
        await client.realtime.calls.create(sdp="v=0")
    assert missing.value.body["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("DELETE", "/v1/models", 405), ("GET", "/api/nothing", 404)],
)
def test_what_is_not_there_is_told_in_an_error_body(
    keyed_server: Any, key: str, method: str, path: str, status: int
) -> None:
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx2.request(method, keyed_server.url + path, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_body_too_long_is_refused(keyed_server: Any, key: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    url = f"{keyed_server.url}/v1/realtime/client_secrets"
    answer = httpx2.post(url, content=b" " * (2 << 20), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"


async def test_secrets_made_at_once_are_all_different(client: Any) -> None:
    made = await asyncio.gather(*(client.realtime.client_secrets.create() for _ in range(8)))
    assert len({secret.value for secret in made}) == 8
