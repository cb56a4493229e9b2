"""What a worker lets go of when it stops, and which calls it does not take."""

from pathlib import Path

import pytest

from frontdesk.call import bring_up
from frontdesk.call.connections import Connection
from frontdesk.call.worker import CallRefused, Worker
from frontdesk.region import region_of
from frontdesk.settings import Settings
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.models import VoiceModels

EXAMPLES = Path(__file__).parents[2] / "agents" / "examples"
TEAM = """
version: 1
name: small
entry: frontdesk
agents:
  frontdesk: { description: Answers., instructions: frontdesk.md }
"""


async def test_a_worker_that_stops_closes_the_models_of_its_teams(
    tmp_path, valkey_url, house, monkeypatch
):
    (tmp_path / "small" / "agents").mkdir(parents=True)
    (tmp_path / "small" / "agents" / "small.yaml").write_text(TEAM)
    (tmp_path / "small" / "agents" / "frontdesk.md").write_text("Answer the caller.")
    settings = Settings(
        desk=tmp_path / "small", data=tmp_path / "data", models="instant", redis_url=valkey_url
    )
    worker = Worker(settings)
    voice = VoiceModels(house.stt, house.tts, EnergyActivity)
    monkeypatch.setattr(bring_up, "build_voice", lambda section, model_set: voice)
    await worker.start()
    await worker.aclose()
    assert house.stt.closed


async def test_a_team_that_is_pinned_takes_calls_in_its_region_alone(tmp_path, valkey_url):
    async def call_in(region: str | None) -> str:
        settings = Settings(
            desk=EXAMPLES / "goodwill",
            overlay="eu",
            region=region,
            data=tmp_path / "data",
            models="instant",
            redis_url=valkey_url,
        )
        worker = Worker(settings)
        await worker.start()
        try:
            connection = Connection(send=lambda frame: None, close=lambda code, reason: None)
            call = await worker.open_call(
                model=None, call_id=None, transport="websocket", connection=connection
            )
            return call.state.call_id
        finally:
            await worker.aclose()

    assert region_of(await call_in("eu")) == "eu"
    for region, mine in (("us", "in region us"), (None, "in no region")):
        with pytest.raises(CallRefused, match=rf"team goodwill is kept in region eu.*{mine}") as no:
            await call_in(region)
        assert no.value.code == "call_in_other_region"
