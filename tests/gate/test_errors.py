"""Whatever goes wrong is told in one form."""

from typing import Annotated, Any

import httpx2
import pytest
from fastapi import FastAPI, HTTPException, Query
from redis.exceptions import ConnectionError as NoRedis

from frontdesk.api.errors import ApiError, install
from frontdesk.protocol.errors import unknown_parameter
from frontdesk.state.errors import StateError


@pytest.fixture
def client() -> httpx2.AsyncClient:
    """An application in which everything goes wrong."""
    app = FastAPI()
    install(app)

    @app.get("/v1/fail/{how}")
    async def fail(how: str, limit: Annotated[int, Query(ge=1)] = 1) -> dict[str, Any]:
        errors: dict[str, Exception] = {
            "refused": ApiError(404, "model_not_found", "No such model.", "model"),
            "session": unknown_parameter("session.vioce"),
            "large": HTTPException(413, "25 MB are the most."),
            "redis": NoRedis("redis://user:s3cret@host"),
            "state": StateError("the log is lost"),
            "defect": ZeroDivisionError("s3cret"),
        }
        raise errors[how]

    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


@pytest.mark.parametrize(
    ("path", "status", "type", "param", "code"),
    [
        ("fail/refused", 404, "invalid_request_error", "model", "model_not_found"),
        ("fail/session", 400, "invalid_request_error", "session.vioce", "unknown_parameter"),
        ("fail/large", 413, "invalid_request_error", None, "request_too_large"),
        ("fail/redis", 503, "server_error", None, "state_unavailable"),
        ("fail/state", 503, "server_error", None, "state_unavailable"),
        ("fail/defect", 500, "server_error", None, None),
        ("fail/x?limit=0", 400, "invalid_request_error", "limit", "invalid_value"),
        ("fail/x?limit=many", 400, "invalid_request_error", "limit", "invalid_value"),
        ("nowhere", 404, "invalid_request_error", None, "not_found"),
    ],
)
async def test_an_error_has_the_body_and_the_id_that_openai_clients_read(
    client: httpx2.AsyncClient, path: str, status: int, type: str, param: str | None, code: str
) -> None:
    answer = await client.get(f"/v1/{path}")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["type"], error["param"], error["code"]) == (type, param, code)
    assert error["message"]
    assert "s3cret" not in answer.text
    assert answer.headers["x-request-id"].startswith("req_")


async def test_a_wrong_method_says_which_are_right(client: httpx2.AsyncClient) -> None:
    answer = await client.delete("/v1/fail/refused")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.json()["error"]["code"] == "method_not_allowed"
