"""What a worker lets go of when it stops, which calls it does not take, and who has a call that two
of them want."""

import asyncio
import json
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from redis.exceptions import ConnectionError

from frontdesk.call import bring_up
from frontdesk.call.comeback import Comeback, Missed
from frontdesk.call.connections import Connection
from frontdesk.call.refusals import CallRefused
from frontdesk.call.worker import Worker
from frontdesk.region import region_of
from frontdesk.settings import Settings
from frontdesk.state.log import LEASE, kept_of
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
    monkeypatch.setattr(bring_up, "build_voice", lambda section, model_set, among: voice)
    await worker.start()
    await worker.aclose()
    assert house.stt.closed


@pytest.fixture
async def workers(tmp_path, valkey_url):
    """Two workers on one store."""
    (tmp_path / "desk" / "agents").mkdir(parents=True)
    (tmp_path / "desk" / "agents" / "small.yaml").write_text(TEAM)
    (tmp_path / "desk" / "agents" / "frontdesk.md").write_text("Answer the caller.")
    started = []
    for name in ("first", "second"):
        settings = Settings(
            desk=tmp_path / "desk",
            data=tmp_path / name,
            models="instant",
            redis_url=valkey_url,
            worker=f"{name}-{tmp_path.name}",
        )
        worker = Worker(settings)
        await worker.start()
        started.append(worker)
    yield started
    for worker in started:
        await worker.aclose()


class Line:
    """A client's end of a call, perhaps of one that comes back with a token."""

    def __init__(self, token=None):
        self.greeted = asyncio.Event()
        self.closed = asyncio.get_running_loop().create_future()
        missed = Missed(Comeback(token=token))
        self.connection = Connection(self._take, self._close, missed=missed)

    def _take(self, frame):
        if not self.greeted.is_set():
            self.token = json.loads(frame)["resume"]["token"]
        self.greeted.set()

    def _close(self, code, reason):
        if not self.closed.done():
            self.closed.set_result(code)


async def opened(worker, line, **fields):
    fields = {"model": None, "call_id": None, "transport": "test", **fields}
    call = await worker.open_call(connection=line.connection, **fields)
    await asyncio.wait_for(line.greeted.wait(), 30)
    return call


async def test_a_call_that_is_alive_elsewhere_is_left_there(workers):
    first, second = workers
    call = await opened(first, Line())
    with pytest.raises(CallRefused, match=rf"at worker {first.name}: .*resume=true") as refusal:
        await opened(second, Line(), call_id=call.state.call_id)
    assert refusal.value.code == "call_in_use"
    assert not call.over.is_set()


async def test_who_resumes_a_call_has_it_and_the_other_worker_hears_of_it(workers):
    first, second = workers
    line = Line()
    call = await opened(first, line)
    taken = await opened(second, Line(), call_id=call.state.call_id, resume=True)
    assert await asyncio.wait_for(line.closed, 30) == 4001
    await asyncio.wait_for(call.over.wait(), 30)
    assert taken.state.call_id == call.state.call_id
    assert not taken.over.is_set()


async def test_the_lease_of_a_worker_that_is_dead_is_not_waited_for(workers):
    first, second = workers
    call = await opened(first, Line())
    await first.claims.aclose()  # as good as dead: it hears nothing and says nothing
    loop = asyncio.get_running_loop()
    lease_ends = loop.time() + LEASE
    taken = await opened(second, Line(), call_id=call.state.call_id)
    assert loop.time() < lease_ends
    assert taken.state.call_id == call.state.call_id


async def test_a_token_is_good_at_another_worker_although_nothing_of_it_is_on_record(
    workers, monkeypatch
):
    first, second = workers
    line = Line()
    call = await opened(first, line)
    gone = AsyncMock(side_effect=ConnectionError("the store is away"))
    back = Line(line.token)
    with monkeypatch.context() as patched:
        patched.setattr(first.store, "append", gone)
        await opened(first, back)
        taken = await opened(second, Line(back.token))
    assert gone.await_count
    assert back.token != line.token
    assert taken.state.call_id == call.state.call_id


async def test_a_call_that_only_its_worker_has_is_not_said_to_be_gone(workers):
    first, second = workers
    line = Line()
    call = await opened(first, line)
    await first.store._redis.delete(*kept_of(call.state.call_id))
    with pytest.raises(CallRefused) as refusal:
        await opened(second, Line(line.token))
    assert refusal.value.code == "state_unavailable"  # try again
    back = Line(line.token)
    await opened(first, back)  # which writes, and so fills the store up
    taken = await opened(second, Line(back.token))
    assert taken.state.call_id == call.state.call_id


async def test_a_token_of_no_call_is_refused_for_good(workers):
    first, second = workers
    call = await opened(first, Line())
    token = f"{call.state.call_id}.{'0' * 12}.1.1.{'0' * 64}"
    for unknown in (token, f"sess_none{token[len(call.state.call_id) :]}", "nonsense"):
        with pytest.raises(CallRefused) as refusal:
            await opened(second, Line(unknown))
        assert refusal.value.code == "invalid_resume_token"


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
