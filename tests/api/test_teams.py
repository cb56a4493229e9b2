"""The versions of the teams over HTTP, for programs and on the page."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from frontdesk.app import create_app
from frontdesk.call import reload
from frontdesk.call.worker import Worker
from frontdesk.settings import Settings

TEAM = """\
version: 1
name: small
entry: frontdesk
agents:
  frontdesk: { description: Answers., instructions: prompts/frontdesk.md }
"""
KEY = "a-key-that-nobody-guesses-0123456789"


class Front:
    """A server without a socket, whose desk a test changes."""

    def __init__(self, root: Path, worker: Worker, client: httpx2.AsyncClient) -> None:
        self.root, self.worker, self.client = root, worker, client

    async def change(self, text: str) -> None:
        (self.root / "agents" / "small.yaml").write_text(text)
        await self.worker.teams.reload()

    async def listed(self) -> dict:
        return (await self.client.get("/api/teams")).json()["teams"][0]


@pytest.fixture
async def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Front]:
    monkeypatch.setattr(reload, "LOOK", 3600)
    root = tmp_path / "desk"
    (root / "agents" / "prompts").mkdir(parents=True)
    (root / "agents" / "small.yaml").write_text(TEAM)
    (root / "agents" / "prompts" / "frontdesk.md").write_text("Answer.")
    app = create_app(Settings.model_validate({"desk": root, "models": "instant", "api_keys": KEY}))
    worker: Worker = app.state.worker
    await worker.start()
    headers = {"authorization": f"Bearer {KEY}", "origin": "http://desk.test"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://desk.test", headers=headers
    ) as client:
        yield Front(root, worker, client)
    await worker.aclose()


async def test_versions_are_listed_and_chosen_over_http(front: Front) -> None:
    first = (await front.listed())["current"]
    await front.change(TEAM + "description: Better.\n")
    listed = await front.listed()
    assert [version["version"] for version in listed["versions"]] == [listed["current"], first]
    assert [version["calls"] for version in listed["versions"]] == [0, 0]
    answer = await front.client.post("/api/teams/small/version", json={"version": first})
    assert answer.status_code == 200
    assert (answer.json()["current"], answer.json()["chosen"]["version"]) == (first, first)
    answer = await front.client.post("/api/teams/small/version", json={"version": None})
    assert answer.json()["current"] == listed["newest"]
    assert answer.json()["chosen"] is None


async def test_a_wrong_choice_is_refused_by_its_field(front: Front) -> None:
    wrong: list[tuple[str, dict, int, str, str | None]] = [
        ("small", {"version": "000000000000"}, 404, "version_not_found", "version"),
        ("nobody", {"version": None}, 404, "team_not_found", None),
        ("small", {}, 400, "missing_required_parameter", "version"),
        ("small", {"version": 7}, 400, "invalid_type", "version"),
        ("small", {"version": None, "by": "me"}, 400, "unknown_parameter", "by"),
    ]
    for team, body, status, code, param in wrong:
        answer = await front.client.post(f"/api/teams/{team}/version", json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (status, code, param)


async def test_nobody_chooses_without_a_key_or_from_a_foreign_page(front: Front) -> None:
    first = (await front.listed())["current"]
    await front.change(TEAM + "description: Better.\n")
    choose = {"version": first}
    secret = await front.client.post("/v1/realtime/client_secrets", json={})
    for key in ("", "Bearer wrong", f"Bearer {secret.json()['value']}"):
        headers = {"authorization": key}
        answer = await front.client.post("/api/teams/small/version", json=choose, headers=headers)
        assert answer.status_code in (401, 403)
    answer = await front.client.post(
        "/teams/small", data=choose, headers={"origin": "https://evil.test"}
    )
    assert answer.status_code == 403
    assert (await front.listed())["current"] != first


async def test_the_page_shows_what_is_wrong_and_leads_back(front: Front) -> None:
    first = (await front.listed())["current"]
    assert "trouble" not in (await front.client.get("/teams")).text
    await front.change(TEAM + "description: Better.\n")
    second = (await front.listed())["current"]
    await front.change(TEAM.replace("entry: frontdesk", "entry: <b>"))
    page = (await front.client.get("/teams")).text
    assert "agents/small.yaml:3:8" in page and "no agent `&lt;b&gt;`" in page
    assert first in page and second in page
    talk = await front.client.get("/talk")
    assert "trouble" in talk.text, "every page says so"
    assert (await front.listed())["trouble"]["problems"][0]["line"] == 3
    answer = await front.client.post("/teams/small", data={"version": first})
    assert (answer.status_code, answer.headers["location"]) == (303, "/teams")
    assert (await front.listed())["current"] == first
    assert "Use what the files say" in (await front.client.get("/teams")).text
    await front.client.post("/teams/small", data={"version": ""})
    assert (await front.listed())["current"] == second
    refused = await front.client.post("/teams/small", data={"version": "0" * 12})
    assert refused.status_code == 404 and "There is no version" in refused.text


async def test_the_model_list_follows_the_files(front: Front) -> None:
    other = TEAM.replace("name: small", "name: other")
    (front.root / "agents" / "other.yaml").write_text(other)
    await front.worker.teams.reload()
    models = (await front.client.get("/v1/models")).json()["data"]
    assert [model["id"] for model in models] == ["small", "other"]
