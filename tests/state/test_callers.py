"""What is kept of a caller: only of calls that are still theirs, and no longer than was said."""

import time
import uuid

import pytest
from cryptography.fernet import Fernet

from frontdesk.encryption import Cipher
from frontdesk.settings import Settings
from frontdesk.state import CallState, CallStore, LogWriter, connect
from frontdesk.state.approvals import ApprovalStore
from frontdesk.state.callers import CallerStore, Consent, Told, caller_of, problem_of
from frontdesk.state.codec import Codec
from frontdesk.state.erasures import ErasureStore
from frontdesk.state.errors import Erased
from frontdesk.state.rewriting import rewrite

NOW = time.time()


@pytest.fixture
def callers(redis):
    return CallerStore(redis)


@pytest.fixture
def caller():
    return caller_of(uuid.uuid4().hex)


@pytest.mark.parametrize(
    "user", ["anna", "+4930123456", "anna@example.com", "auth0|5f7c8", "sip:anna@host", "a" * 128]
)
def test_ids_that_others_give_their_users_are_taken(user):
    assert problem_of(user) is None
    assert user not in caller_of(user)


async def test_a_call_is_remembered_for_so_many_days_after_it(callers, caller, redis):
    await callers.opened(caller, "sess_1", NOW, days=2)
    await callers.tell(caller, Told("sess_1", "support", NOW, "Hello."), 2, NOW + 3600)
    key = f"frontdesk:caller:{{{caller}}}:told:sess_1"
    assert 46 * 3600 < await redis.ttl(key) <= 47 * 3600
    assert not await callers.tell(caller, Told("sess_1", "support", NOW, "."), 2, NOW + 3 * 86400)
    calls = f"frontdesk:caller:{{{caller}}}:calls"
    assert 0 < await redis.ttl(calls) <= 8 * 86400  # as long as the store may have the call


async def test_what_was_said_of_being_remembered_is_by_team(callers, caller, redis):
    await callers.opened(caller, "sess_1", NOW, days=2)
    assert await callers.consent(caller, "support", Consent(True, NOW, "spoken", "sess_1"), 2)
    assert await callers.consent(caller, "sales", Consent(False, NOW, "spoken", "sess_1"), 90)
    known = await callers.known(caller)
    assert [known.consent(team) for team in ("support", "sales", "other")] == [True, False, None]
    key = f"frontdesk:caller:{{{caller}}}:consent"
    assert await redis.ttl(key) > 89 * 86400  # the longest of them


async def test_a_call_that_was_erased_has_nothing_more_to_say(callers, caller, redis):
    await callers.opened(caller, "sess_1", NOW, days=2)
    await callers.tell(caller, Told("sess_1", "support", NOW, "Hello."), 2, NOW)
    await callers.erase(caller, ("sess_1",))
    assert not await callers.tell(caller, Told("sess_1", "support", NOW, "Hello."), 2, NOW)
    assert not await callers.consent(caller, "support", Consent(True, NOW, "tool", "sess_1"), 2)
    for kept in ("calls", "consent", "told:sess_1"):
        assert not await redis.exists(f"frontdesk:caller:{{{caller}}}:{kept}")


async def test_forgetting_is_of_one_team(callers, caller):
    for call_id, team in (("sess_1", "support"), ("sess_2", "sales")):
        await callers.opened(caller, call_id, NOW, days=2)
        await callers.tell(caller, Told(call_id, team, NOW, "Hello."), 2, NOW)
    assert await callers.forget(caller, "support") == 1
    assert [told.team for told in (await callers.known(caller)).told] == ["sales"]


async def test_what_is_remembered_is_encrypted_where_there_are_keys(redis, caller):
    sealed = CallerStore(redis, Codec(Cipher([Fernet.generate_key().decode()])))
    await sealed.opened(caller, "sess_1", NOW, days=2)
    await sealed.tell(caller, Told("sess_1", "support", NOW, "Hello."), 2, NOW)
    assert (await sealed.known(caller)).told[0].text == "Hello."
    key = f"frontdesk:caller:{{{caller}}}:told:sess_1"
    assert b"Hello" not in await redis.get(key)
    assert (await CallerStore(redis).known(caller)).told == ()  # no key: passed over


async def test_calls_of_another_region_are_not_remembered_here(redis, caller):
    call_id = f"sess_eu_{'0' * 24}"
    for region, found in (("eu", 1), ("us", 0), (None, 0)):
        store = CallerStore(redis, region=region)
        await store.opened(caller, call_id, NOW, days=2)
        if region == "eu":
            await store.tell(caller, Told(call_id, "support", NOW, "Hello."), 2, NOW)
        assert len((await store.known(caller)).told) == found


async def test_an_erased_call_cannot_be_written_back_by_who_has_it(redis, call_id):
    store, lost = CallStore(redis), []
    lease = await store.open(call_id, "w1")
    async with LogWriter(store, lease, on_lost=lost.append) as log:
        opened = {"team": "t", "team_version": "v", "agent": "a", "transport": "test"}
        log.put({"kind": "call.opened", "at": NOW, **opened})
        await log.flush()
        await store.erase(call_id)
        await store.erase(call_id)  # may be repeated
        log.put({"kind": "call.ended", "at": NOW, "reason": "x"})
        with pytest.raises(Erased):
            await log.flush()
    assert isinstance(lost[0], Erased)
    with pytest.raises(Erased):
        await store.snapshot(lease, CallState(call_id, seq=1))
    assert await store.load(call_id) is None
    assert call_id not in [call.call_id for call in await store.list_calls(1000)]
    kept = [f"frontdesk:{{{call_id}}}:{part}" for part in ("meta", "log", "snap", "events")]
    assert [await redis.exists(key) for key in kept] == [1, 0, 0, 0]


async def test_questions_of_an_erased_call_are_gone_and_those_of_others_stay(redis, call_id):
    approvals = ApprovalStore(redis)
    mine, others = f"q_{call_id}_1", f"q_{call_id}2_1"
    for question_id in (mine, others):
        await approvals.put({"id": question_id, "deadline": NOW + 60})
    await approvals.erase(call_id)
    assert [q["id"] for q in await approvals.open() if call_id in q["id"]] == [others]
    await approvals.drop(others)


async def test_an_erasure_asked_for_again_takes_over_what_the_first_one_left(redis, caller):
    erasures = ErasureStore(redis)
    first = await erasures.ask(caller, ("sess_1",))
    await erasures.folder_done(first, "here")
    await erasures.store_done(first)
    found = await erasures.of(caller)
    assert found is not None and found.store and found.done == {"here"}
    again = await erasures.ask(caller, ("sess_2",))
    assert again.calls == ("sess_1", "sess_2")
    await erasures.folder_done(first, "late")  # of the first one: it does not count any more
    found = await erasures.of(caller)
    assert found is not None and not found.store and found.done == frozenset()
    assert (caller, again.asked_at) in await erasures.since(first.asked_at)


async def test_what_was_deleted_is_out_of_the_append_only_file(tmp_path):
    async with connect(Settings(data=tmp_path)) as redis:
        await redis.set("frontdesk:test", "zanzibar")
        await redis.delete("frontdesk:test")
        await rewrite(redis)
    files = list((tmp_path / "valkey" / "appendonlydir").iterdir())
    assert files and not [path for path in files if b"zanzibar" in path.read_bytes()]


async def test_any_store_can_be_asked_to_write_its_file_anew(redis):
    await rewrite(redis)
