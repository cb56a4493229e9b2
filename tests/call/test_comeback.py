"""A client that comes back is told exactly what one that never left was told."""

import asyncio
import json

import pytest
from agents.testing import assistant_message, function_call
from hypothesis import strategies as st

from frontdesk.call import connections
from frontdesk.call.comeback import Comeback, Missed
from frontdesk.call.connections import Connection
from frontdesk.call.resume_token import ResumeToken
from frontdesk.state.events import EventStream
from tests.frames import checked

SOUND = "response.output_audio.delta"
ANSWERS = {
    "answer": [[assistant_message("Here it is. All of it. Anything else?")]],
    "tool": [[function_call("look_up", {"what": "it"}, call_id="c")], [assistant_message("So.")]],
}


class Flaky:
    """The caller of a phone's call, whose connections break after some frames. The phone gets all
    that arrives."""

    def __init__(self, phone):
        self.phone = phone
        self.first = phone.connection
        self.alive = True
        self.left = None
        self.by_the_store = False
        phone.connection.send = self.taker(None)

    def taker(self, lasts):
        mine = self.phone.connection

        def take(frame):
            nonlocal lasts
            if not self.alive or mine is not self.phone.connection:
                return
            if lasts == 0:
                self.alive = False
                self.phone.call.leave(self.phone.connection, "the client left", vanished=True)
                return
            lasts = None if lasts is None else lasts - 1
            self.phone.got(frame)

        return take

    def breaks_after(self, frames):
        self.phone.connection.send = self.taker(frames)

    async def back(self, *, by_the_store=False):
        """Come back for good, or until told to break again."""
        frames = self.phone.frames
        token = [f for f in frames if f["type"] == "session.created"][-1]["resume"]["token"]
        comeback = Comeback.read(token, frames[-1]["event_id"])
        tail = None
        if by_the_store:
            self.by_the_store = True
            tail = await EventStream(self.phone.house.store._redis).tail(
                self.phone.call.state.call_id
            )
        assert self.phone.call.knows(ResumeToken.read(token))
        connection = Connection(print, self.phone.close, missed=Missed(comeback, tail))
        self.phone.connection, self.alive = connection, True
        connection.send = self.taker(None)
        return connection


def told(frames, *, sound):
    """Without what concerns one client; texts in one piece, if they may come so, and the sound."""
    whole = []
    for frame in frames:
        if frame["type"] in ("session.created", "error") or (frame["type"] == SOUND and not sound):
            continue
        last = whole[-1] if whole else {}
        same = all(last.get(n) == frame.get(n) for n in ("type", "item_id", "content_index"))
        if not sound and frame["type"].endswith(".delta") and same:
            whole[-1] = {**frame, "delta": last["delta"] + frame["delta"]}
        else:
            whole.append(frame)
    return whole


TEAM = {
    "agents": {"frontdesk": {"tools": ["look_up"]}},
    "tools": {"look_up": {"call": "tools.stage:look_up"}},
}
STEPS = st.tuples(
    st.sampled_from(sorted(ANSWERS)),
    st.booleans(),  # spoken
    st.integers(0, 30),  # frames until the connection breaks
    st.integers(0, 40),  # turns of the loop until it is back
    st.integers(0, 3),  # frames of the first try to come back that arrive; 3: all of them
    st.booleans(),  # whether the store has to tell
)


@pytest.mark.timeout(120)
def test_breaks_leave_no_gap_and_tell_nothing_twice(lived):
    async def live(build, steps):
        house = await build(**{k: {**v} for k, v in TEAM.items()})
        house.grace = 1000.0
        phone = await house.place()
        witnessed = []
        witness = Connection(
            lambda frame: witnessed.append(checked(frame)), lambda code, reason: None, caller=False
        )
        assert phone.call.join(witness)
        await phone.settled()
        flaky = Flaky(phone)
        for name, spoken, frames, pause, first_try, by_the_store in steps:
            house.script(*ANSWERS[name])
            modes = ["audio" if spoken else "text"]
            flaky.breaks_after(frames)
            content = [{"type": "input_text", "text": "Well?"}]
            item = {"type": "message", "role": "user", "content": content}
            await phone.send("conversation.item.create", item=item)
            await phone.send("response.create", response={"output_modalities": modes})
            for _ in range(pause):
                await asyncio.sleep(0)
            if flaky.alive:  # none came, or too few
                flaky.alive = False
                phone.call.leave(phone.connection, "the client left", vanished=True)
            if first_try < 3:  # it may break before the new token has arrived, or all is told
                assert phone.call.join(await flaky.back())
                flaky.breaks_after(first_try)
                for _ in range(10):
                    await asyncio.sleep(0)
                if flaky.alive:
                    flaky.alive = False
                    phone.call.leave(phone.connection, "the client left", vanished=True)
            assert phone.call.join(await flaky.back(by_the_store=by_the_store))
            await phone.until("response.done")
            await phone.clock.advance(60)
            await phone.settled()
        exact = not flaky.by_the_store
        mine = told(phone.frames, sound=exact)
        whole = [f for f in witnessed if f["type"] != "session.created"]
        assert mine[-len(told(whole, sound=exact)) :] == told(whole, sound=exact)
        ids = [f["event_id"] for f in phone.frames]
        assert len(ids) == len(set(ids))
        numbers = [tuple(map(int, f["event_id"].split("_")[1:])) for f in mine]
        assert numbers == sorted(numbers)
        phone.call.leave(phone.connection, "the client left")
        await asyncio.wait_for(phone.running, 30)
        await house.check(phone)
        house.phones.clear()

    lived(live, 40, st.lists(STEPS, min_size=1, max_size=4))


async def test_nothing_is_said_while_nobody_is_there_and_it_is_said_to_who_comes_back(build_house):
    house = await build_house()
    house.grace = 20.0
    phone = await house.place()
    house.script([assistant_message("Here it is. All of it. Anything else?")])
    house.stage.speech_may_come.clear()
    await phone.write("Well?")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    flaky = Flaky(phone)
    flaky.alive = False
    phone.call.leave(phone.connection, "the client left", vanished=True)
    house.stage.speech_may_come.set()
    await phone.clock.advance(15)
    spoken = house.tts.said
    assert not phone.done
    assert phone.call.join(await flaky.back())
    await phone.until("response.done")
    await phone.clock.advance(60)
    assert len(house.tts.said) >= len(spoken)
    assert (await phone.talk())[-1] == ("assistant", "Here it is. All of it. Anything else?")


async def test_who_does_not_come_back_in_time_has_left(build_house):
    house = await build_house()
    house.grace = 20.0
    phone = await house.place()
    house.script([assistant_message("Here it is. All of it. Anything else?")])
    await phone.ask("Well?")
    await phone.clock.advance(0.5)
    phone.call.leave(phone.connection, "the client left", vanished=True)
    for _ in range(10):
        await asyncio.sleep(0)
    await phone.clock.advance(19)
    assert not phone.running.done()
    await phone.clock.advance(2)
    await asyncio.wait_for(phone.running, 30)
    assert phone.call.state.ended == "the client left"
    heard = phone.call.state.items[-1]
    assert 400 <= heard.heard_ms <= 600  # what was played until it left


async def test_who_says_goodbye_is_not_waited_for(build_house):
    house = await build_house()
    house.grace = 20.0
    phone = await house.place()
    phone.call.leave(phone.connection, "the client left")
    await asyncio.wait_for(phone.running, 30)
    assert phone.call.state.ended == "the client left"


async def back_for_all(phone):
    """Its client comes back, and has to be told all items anew."""
    token = phone.frames[0]["resume"]["token"]
    connection = Connection(phone.got, phone.close, missed=Missed(Comeback.read(token, "nothing")))
    phone.connection.send = print
    phone.connection = connection
    told = len(phone.frames)
    assert phone.call.join(connection)
    await phone.until("session.created")
    return lambda: [frame["type"] for frame in phone.frames[told:]]


ITEM = ["conversation.item.added", "conversation.item.done"]


@pytest.fixture
async def talked(build_house):
    """A phone whose caller asked for an answer and went away, which is held."""
    house = await build_house()
    house.grace = 20.0
    phone = await house.place()
    await phone.configure(output_modalities=["text"])
    house.script([assistant_message("Here it is.")])
    await phone.ask("Well?")
    phone.call.leave(phone.connection, "the client left", vanished=True)
    return phone


async def test_items_wait_for_the_first_word_of_who_is_told_them_anew(talked):
    told = await back_for_all(talked)
    witnessed = asyncio.Queue()
    witness = Connection(lambda frame: witnessed.put_nowait(frame), print, caller=False)
    assert talked.call.join(witness)
    await talked.clock.advance(0.2)
    witness_item = {"type": "message", "role": "user"}
    content = [{"type": "input_text", "text": "From beside."}]
    create = {"type": "conversation.item.create", "item": {**witness_item, "content": content}}
    talked.call.take(json.dumps(create), witness)
    assert [json.loads(await witnessed.get())["type"] for _ in range(3)] == [
        "session.created",
        *ITEM,
    ]
    assert told() == ["session.created"]
    await talked.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
    await talked.until("session.updated")
    assert told() == ["session.created", *3 * ITEM, "session.updated"]


async def test_they_do_not_wait_long_for_who_says_nothing(talked):
    told = await back_for_all(talked)
    await talked.clock.advance(0.24)
    assert told() == ["session.created"]
    await talked.clock.advance(0.02)
    assert told() == ["session.created", *2 * ITEM]


async def test_who_has_spoken_before_it_was_greeted_is_told_at_once(talked):
    token = talked.frames[0]["resume"]["token"]
    talked.connection = Connection(
        talked.got, talked.close, missed=Missed(Comeback.read(token, "nothing"))
    )
    told = len(talked.frames)
    talked.call.join(talked.connection)
    await talked.send("session.update", session={"type": "realtime"})
    await talked.until("session.updated")
    kinds = [frame["type"] for frame in talked.frames[told:]]
    assert kinds == ["session.created", *2 * ITEM, "session.updated"]


async def test_a_call_that_ends_meanwhile_has_told_them(talked):
    told = await back_for_all(talked)
    talked.call.end("the call is over")
    await asyncio.wait_for(talked.running, 30)
    assert told() == ["session.created", *2 * ITEM]
    talked.house.phones.clear()


async def test_a_conversation_larger_than_is_held_is_told_at_once(talked, monkeypatch):
    monkeypatch.setattr(connections, "HELD_BYTES", 300)
    told = await back_for_all(talked)
    await talked.until("conversation.item.done")
    await talked.until("conversation.item.done")
    assert told() == ["session.created", *2 * ITEM]
