"""What a worker lets go of when it stops."""

from frontdesk.call import bring_up
from frontdesk.call.worker import Worker
from frontdesk.settings import Settings
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.models import VoiceModels

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
