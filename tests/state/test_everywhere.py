"""What is kept beside the calls works wherever the store is: one server, Sentinels, a cluster."""

import time
import uuid

from redis.asyncio import Redis

from frontdesk.state.approvals import ApprovalStore
from frontdesk.state.callers import CallerStore, Consent, Told, caller_of
from frontdesk.state.erasures import ErasureStore
from frontdesk.state.events import EventStream
from frontdesk.state.log import CallStore
from frontdesk.state.pins import Pins
from frontdesk.state.workers import WorkerRecord, Workers
from frontdesk.state.writer import LogWriter


async def test_approvals(redis: Redis) -> None:
    store, deadline = ApprovalStore(redis), time.time() + 60
    ids = [uuid.uuid4().hex for _ in range(3)]
    for number, question_id in enumerate(ids):
        question = {"id": question_id, "call": "c", "deadline": deadline + number}
        await store.put(question)
    assert [question["id"] for question in await store.open() if question["id"] in ids] == ids
    yes, no = {"decision": "approved"}, {"decision": "denied"}
    assert await store.decide(ids[0], yes) == yes
    assert await store.decide(ids[0], no) == yes
    assert await store.decisions(ids) == {ids[0]: yes}
    for question_id in ids:
        await store.drop(question_id)
    assert await store.decisions(ids) == {}


async def test_pins_of_mcp_servers(redis: Redis) -> None:
    server = uuid.uuid4().hex
    await Pins(redis).write(server, {"find": "Finds.", "buy": "Buys."})
    assert await Pins(redis).read(server) == {"find": "Finds.", "buy": "Buys."}


async def test_workers(redis: Redis) -> None:
    workers = Workers(redis)
    record = WorkerRecord(uuid.uuid4().hex, "http://a:1", "1", 1.0, calls=2, draining=False)
    await workers.show(record)
    assert record in await workers.all()
    await workers.leave(record.name)
    assert record not in await workers.all()


async def test_callers_and_their_erasure(redis: Redis) -> None:
    callers, erasures, now = CallerStore(redis), ErasureStore(redis), time.time()
    caller = caller_of(uuid.uuid4().hex)
    for number in range(3):
        await callers.opened(caller, f"c{number}", now + number, days=30)
        assert await callers.tell(caller, Told(f"c{number}", "team", now, "Lamps."), 30, now)
    assert await callers.consent(caller, "team", Consent(True, now, "spoken", "c1"), 30)
    known = await callers.known(caller)
    assert (set(known.calls), known.consent("team"), len(known.told)) == (
        {"c0", "c1", "c2"},
        True,
        3,
    )
    erasure = await erasures.ask(caller, known.calls)
    await callers.erase(caller, erasure.calls)
    await erasures.store_done(erasure)
    left, done = await callers.known(caller), await erasures.of(caller)
    assert not left.calls and not left.told and left.consent("team") is None
    assert done is not None and done.store
    assert (caller, erasure.asked_at) in await erasures.since(erasure.asked_at)
    await erasures.announce("folder", "w1")
    assert (await erasures.folders())["folder"]["worker"] == "w1"


async def test_what_clients_were_told(store: CallStore, redis: Redis, call_id: str) -> None:
    lost = []
    async with LogWriter(store, await store.open(call_id, "w1"), on_lost=lost.append) as log:
        for n in range(1, 4):
            log.tell(n, "error", b'{"type":"error","event_id":"event_1_%d"}' % n)
        log.put({"kind": "summary", "at": 1.0, "text": "x"})
        await log.flush()
    tail = await EventStream(redis).tail(call_id)
    assert [event.number for event in tail.after((1, 1)) or ()] == [(1, 2), (1, 3)]
    await store.erase(call_id)
    assert not (await EventStream(redis).tail(call_id)).entries
    assert not lost
