"""No tool runs twice, whenever the worker dies: at every turn of the loop, and at every entry of
the log."""

import asyncio
import uuid

import pytest
from agents.testing import ModelStep, assistant_message, function_call
from hypothesis import strategies as st

AGENTS = {
    "desk": {"tools": ["charge", "look_up", "book"], "handoffs": ["orders"]},
    "orders": {"tools": ["charge", "look_up"]},
}
TOOLS = {
    "charge": {"call": "tools.stage:charge"},
    "look_up": {"call": "tools.stage:look_up", "idempotent": True},
    "book": {"call": "tools.stage:charge", "background": True},
}
PLANS = {
    "one": [["charge lamp"]],
    "after words": [["words", "charge lamp"]],
    "side by side": [["charge lamp", "charge desk", "look_up x"]],
    "one by one": [["look_up x"], ["charge lamp"], ["charge desk"]],
    "after a handoff": [["hand over"], ["charge lamp"]],
    "in the background": [["book lamp"]],
}


def thinks(plan):
    """A model that does what the plan says, step by step, as far as its input says that it is not
    done yet; then it answers."""

    async def respond(call):
        done = {
            f"{i['name']} {i['arguments']}" for i in call.input if i.get("type") == "function_call"
        }
        for step in plan:
            items = []
            for act in step:
                name, _, what = act.partition(" ")
                if act == "words":
                    continue
                handing = act == "hand over"
                name, given = ("transfer_to_orders", {}) if handing else (name, {"what": what})
                made = function_call(name, given, call_id=f"c{uuid.uuid4().hex[:8]}")
                if f"{name} {made.arguments}" not in done:
                    items.append(made)
            if items:
                return [*([assistant_message("One moment.")] * ("words" in step)), *items]
        return [assistant_message("All is done. Have a good day.")]

    return respond


async def placed(build, plan):
    house = await build(agents=AGENTS, tools=TOOLS)
    house.defects_expected = True
    for model in house.models.values():
        model.extend([ModelStep.respond(thinks(PLANS[plan])) for _ in range(60)])
    phone = await house.place()
    await phone.write("charge me")
    await phone.send("response.create")
    return house, phone


async def answered(phone):
    """Until nothing is under way any more."""
    while True:
        await phone.settled()
        begun = {frame["response"]["id"] for frame in phone.of("response.created")}
        if begun <= {response["id"] for response in phone.done}:
            return
        await phone.until("response.done")


def check(house, phone, talk):
    mine = [what for call_id, what in house.stage.charged if call_id == phone.call.state.call_id]
    assert len(mine) == len(set(mine)), mine
    said = " ".join(words for who, words in talk if who == "assistant")
    assert said.count("Have a good day.") == 1, talk
    assert not phone.call.state.responses


@pytest.mark.timeout(120)
def test_at_every_turn_of_the_loop(lived):
    async def live(build, plan, turns, again):
        house, phone = await placed(build, plan)
        for moment in (turns, again):
            for _ in range(moment):
                await asyncio.sleep(0)
            call_id = phone.call.state.call_id
            lease = await house.store.open(call_id, "grim reaper", force=True)
            phone.call.fenced(lease.epoch)
            await asyncio.wait_for(phone.running, 30)
            house.phones.remove(phone)
            await house.store.release(lease)
            stored = await house.store.load(call_id)
            if not any(s.item.get("role") == "user" for s in stored.items):
                return  # not even the question was on record
            asked = bool(stored.responses)
            phone = await house.place(call_id)
            if not asked:
                if not any(s.item.get("role") == "assistant" for s in stored.items):
                    await phone.send("response.create")
                break
        await answered(phone)
        await phone.clock.advance(60)
        await answered(phone)
        check(house, phone, await phone.talk())

    plans = st.sampled_from(sorted(PLANS))
    lived(live, 60, plans, st.integers(0, 260), st.integers(0, 260))


@pytest.mark.parametrize("plan", sorted(PLANS))
async def test_at_every_entry_of_the_log(build_house, plan):
    batches = []
    house, phone = None, None

    async def watched(lease, batch, *others):
        await append(lease, batch, *others)
        batches.append((len(house.stage.charged), batch))

    house = await build_house(agents=AGENTS, tools=TOOLS)
    for model in house.models.values():
        model.extend([ModelStep.respond(thinks(PLANS[plan])) for _ in range(400)])
    append, house.store.append = house.store.append, watched
    phone = await house.place()
    await phone.write("charge me")
    await phone.send("response.create")
    await answered(phone)
    await phone.clock.advance(60)
    check(house, phone, await phone.talk())
    house.store.append = append
    for cut in range(1, len(batches)):
        # What was done by then, though its result may be lost: before the next batch was on record.
        before = house.stage.charged[: batches[cut][0]]
        call_id = f"sess_{uuid.uuid4().hex}"
        lease = await house.store.open(call_id, "dead", ttl=60)
        for _, batch in batches[:cut]:
            await house.store.append(lease, batch)
        await house.store.release(lease)
        again = await house.place(call_id)
        state = again.call.state
        if not any(s.item.get("role") == "user" for s in state.items):
            continue
        if not again.of("response.created") and not any(
            s.item.get("role") == "assistant" for s in state.items
        ):
            await again.send("response.create")
        await answered(again)
        await again.clock.advance(60)
        await answered(again)
        house.stage.charged += [(call_id, what) for _, what in before]
        check(house, again, await again.talk())
