"""What is in force for traces, for programs and on the page."""

import time
from pathlib import Path

import httpx2
import numpy as np
import pytest

from frontdesk.app import create_app
from frontdesk.call import reload
from frontdesk.settings import Settings
from frontdesk.tracing import names
from frontdesk.tracing.messages import user

KEY = "a-key-that-nobody-guesses-0123456789"
TEAMS = {
    "open": "",
    "careful": "redact: [card, tools.privacy:hide, { pii: [phone], countries: [br] }]",
    "closed": "capture: none",
}
TEAM = """\
version: 1
name: {name}
entry: frontdesk
agents:
  frontdesk: {{ description: Answers., instructions: frontdesk.md }}
{capture}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    for name, capture in TEAMS.items():
        path = tmp_path / "agents" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEAM.format(name=name, capture=capture))
    (tmp_path / "agents" / "frontdesk.md").write_text("Answer.")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "privacy.py").write_text("def hide(text: str) -> str: return text\n")
    return tmp_path


async def test_what_is_captured_kept_and_sent_is_told(desk, monkeypatch):
    monkeypatch.setattr(reload, "LOOK", 3600)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@127.0.0.1:9/otlp")
    values = {"desk": desk, "models": "instant", "api_keys": f"view:{KEY}"}
    app = create_app(Settings(**values, traces_days=7, traces_gb=0.5))
    transport = httpx2.ASGITransport(app=app)
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client,
    ):
        empty = (await client.get("/settings")).text
        assert "there is none yet" in empty
        tracing = app.state.worker.tracing
        began = time.time() - 100
        turn = tracing.turn(
            call_id="c", index=0, team="open", team_version="1", agent="a", transport="x",
            start=began,
        )  # fmt: skip
        turn.set(**{names.GEN_AI_INPUT_MESSAGES: user("hello")})
        turn.end(reason="completed")
        await tracing.flush()
        sound = tracing.audio.root / "ab" / "abcd.flac"
        sound.parent.mkdir(parents=True)
        sound.write_bytes(np.zeros(2_500_000, np.uint8).tobytes())
        monkeypatch.setattr(tracing.retention, "_measured", 0.0)
        told = (await client.get("/api/settings")).json()
        page = await client.get("/settings")
    teams = {team["name"]: team for team in told["capture"]["teams"]}
    shown = {name: (team["words"], team["sound"]) for name, team in teams.items()}
    assert shown == {"open": (True, True), "careful": (True, False), "closed": (False, False)}
    assert teams["careful"]["redact"] == ["card", "tools.privacy:hide", "phone (br)"]
    storage, retention = told["storage"], told["retention"]
    assert (storage["calls"], storage["turns"], storage["spans"]) == (1, 1, 1)
    assert storage["database"] > 10_000 and storage["sound"] == 2_500_000
    assert (retention["days"], retention["bytes"]) == (7, 2**29)
    assert storage["oldest"] == pytest.approx(began)
    assert retention["oldest_goes"] == pytest.approx(began + 7 * 86_400)
    assert told["otlp"]["host"] == "127.0.0.1:9" and told["otlp"]["content"] is False
    for text in ("2.4 MB", "127.0.0.1:9", "phone (br)", "capture: none", "FRONTDESK_TRACES_GB"):
        assert text in page.text, text
    assert "secret" not in page.text and "secret" not in str(told)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
