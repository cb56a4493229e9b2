"""The door when the store behind it does not answer."""

from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from redis.exceptions import ConnectionError as NoRedis
from starlette.responses import PlainTextResponse

from frontdesk.api.door import Door
from frontdesk.api.keys import Keys
from frontdesk.api.sign_in import SignIn
from frontdesk.roles import Role


class Broken:
    """A store that is away."""

    async def read(self, token: str) -> None:
        raise NoRedis("redis://user:s3cret@host is away")


@pytest.fixture
def visitor(key: str) -> httpx2.AsyncClient:
    worker: Any = SimpleNamespace(tokens=Broken())
    keys = Keys({key: Role.FULL})
    door = Door(PlainTextResponse("inside"), keys, SignIn(keys, worker), worker)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=door), base_url="http://desk")


async def test_a_key_needs_no_store(visitor: httpx2.AsyncClient, key: str) -> None:
    answer = await visitor.get("/api/calls", headers={"authorization": f"Bearer {key}"})
    assert answer.text == "inside"


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": f"frontdesk_session=session_{'0' * 48}"},
        {"authorization": f"Bearer ek_{'0' * 48}"},
    ],
)
async def test_what_cannot_be_checked_is_neither_let_in_nor_called_wrong(
    visitor: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await visitor.get("/v1/realtime", headers=headers)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "state_unavailable"
    assert "s3cret" not in answer.text


async def test_the_mcp_servers_token_lets_spans_in_and_nothing_else(key: str) -> None:
    worker: Any = SimpleNamespace(tokens=Broken())
    keys = Keys({key: Role.FULL})
    door = Door(
        PlainTextResponse("inside"), keys, SignIn(keys, worker), worker, "a-token-of-theirs"
    )
    transport = httpx2.ASGITransport(app=door)
    bearer = {"authorization": "Bearer a-token-of-theirs"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://desk") as visitor:
        assert (await visitor.post("/v1/traces", headers=bearer)).text == "inside"
        assert (await visitor.post("/v1/traces")).status_code == 401
        for path in ("/v1/traces/", "/v1/models", "/api/calls", "/mcp"):
            assert (await visitor.post(path, headers=bearer)).status_code == 401
