"""Whenever the result of background work arrives, and whatever the caller does then: it is told
once, or its entry says why not."""

import asyncio
import json
from itertools import count

import numpy as np
import pytest
from agents.testing import ModelStep, assistant_message, function_call
from hypothesis import strategies as st

TOOLS = {
    "research": {
        "call": "tools.stage:research",
        "background": {"grace": "400ms", "acknowledge_after": "6s", "deadline": "20s"},
    }
}
ACTIONS = st.one_of(
    st.tuples(st.just("result"), st.just(None)),
    st.tuples(st.just("speak"), st.sampled_from([100, 400])),
    st.tuples(st.just("fall silent"), st.sampled_from([100, 600])),
    st.tuples(st.just("advance"), st.sampled_from([0.1, 0.4, 0.8, 2.0, 5.0])),
    st.tuples(st.just("advance"), st.sampled_from([0.1, 0.4, 0.8])),
    st.tuples(st.just("spoken over"), st.sampled_from([0.75, 0.9, 1.5])),
    st.tuples(st.just("spoken over"), st.sampled_from([0.75, 0.9, 1.5])),
    st.tuples(st.just("hold"), st.sampled_from(["words", "speech"])),
    st.tuples(st.just("release"), st.sampled_from(["words", "speech"])),
    st.tuples(st.sampled_from(["ask", "respond", "cancel", "stop work", "begin"]), st.none()),
)
PAUSES = st.sampled_from([60, 60, 5, 0])


class Story:
    """One call, and a model that begins as much work as is wanted, and tells its results."""

    def __init__(self, house, phone):
        self.house, self.phone = house, phone
        self.numbers = count(1)
        self.wanted = 1
        house.stt.lines.extend(["hello"] * 100)
        house.script(*[ModelStep.respond(self.answer) for _ in range(400)])

    def answer(self, call):
        """Begins the work that is wanted, tells results that came last, else small talk."""
        fresh = []
        for item in reversed(call.input):
            if item.get("type") == "function_call_output":
                fresh.insert(0, item["output"])
            elif item.get("type") != "function_call":
                break
        results = [output for output in fresh if output.startswith("all about")]
        if results:
            return [assistant_message(f"Here it is: {', '.join(results)}.")]
        if fresh or not self.wanted:
            return [assistant_message("Fine by me, let us talk on.")]
        self.wanted -= 1
        number = next(self.numbers)
        return [function_call("research", {"what": f"work {number}"}, call_id=f"c{number}")]

    async def do(self, action, value):
        phone, stage = self.phone, self.house.stage
        gates = {"words": stage.words_may_come, "speech": stage.speech_may_come}
        match action:
            case "result":
                for work in stage.work.values():
                    work.end()
            case "spoken over":  # before a sound of it came
                await self.do("hold", "speech")
                await self.do("result", None)
                await self.pause(60)
                await self.do("advance", value)
                await self.pause(60)
                await self.do("speak", 400)
                await self.do("release", "speech")
                await self.do("fall silent", 600)
            case "begin":
                self.wanted += 1
                await self.do("ask", None)
            case "speak":
                sound = 0.3 * np.sin(np.arange(24 * value) * 2 * np.pi * 220 / 24_000)
                await phone.append(sound.astype(np.float32))
            case "fall silent":
                await phone.fall_silent(value)
            case "advance":
                await phone.clock.advance(value)
            case "hold":
                gates[value].clear()
            case "release":
                gates[value].set()
            case "ask":
                content = [{"type": "input_text", "text": "hello"}]
                item = {"type": "message", "role": "user", "content": content}
                await phone.send("conversation.item.create", item=item)
                await phone.send("response.create")
            case "respond":
                await phone.send("response.create")
            case "cancel":
                await phone.send("response.cancel")
            case "stop work":
                for key, work in phone.call.state.delegations.items():
                    if work["status"] == "running":
                        cancelling = asyncio.ensure_future(phone.call.background.cancel(key))
                        await phone.read_all()
                        await cancelling

    async def pause(self, turns):
        """Everybody else gets so many turns of the loop."""
        for _ in range(turns):
            await asyncio.sleep(0)

    async def come_to_rest(self):
        await self.do("release", "words")
        await self.do("release", "speech")
        await self.phone.fall_silent(2000)
        for _ in range(12):
            await self.do("result", None)
            await self.pause(60)
            await self.phone.clock.advance(8)
            await self.phone.read_all()

    def heard(self):
        """What the agent said, message by message, where the caller heard any of it."""
        for stored in self.phone.call.state.items:
            if stored.item.get("role") == "assistant" and stored.heard != "":
                yield "".join(part.get("transcript") or "" for part in stored.item["content"])


def check(story):
    """Each piece of work is over and accounted for."""
    state = story.phone.call.state
    heard = [*story.heard()]
    for work in state.delegations.values():
        assert work["status"] in {"done", "expired", "cancelled"}, work
        assert work["told"] in {"turn", "spoken"}, work
        if work["status"] != "done":
            continue
        what = json.loads(work["arguments"])["what"]
        times = sum(f"all about {what}" in text for text in heard)
        # Told with others, it may have come to lie behind where the caller cut in.
        cut = any(text.startswith("Here") and not text.endswith(".") for text in heard)
        assert times == 1 or (times == 0 and (cut or work["told"] == "turn")), (work, heard)
        pairs = [
            stored.item["call_id"]
            for stored in state.items
            if stored.item.get("type") == "function_call_output"
            and stored.item["output"] == f"all about {what}"
        ]
        assert len(pairs) == 1, (work, pairs)


@pytest.mark.timeout(120)
def test_a_result_is_told_once_or_accounted_for_whenever_it_arrives(lived):
    async def live(build, actions, late, hang_up):
        house = await build(
            agents={"frontdesk": {"tools": ["research"]}},
            tools=TOOLS,
            budgets={"silence": "10m"},  # time is moved in leaps here
        )
        phone = await house.place()
        story = Story(house, phone)
        await story.do("ask", None)
        for seconds in (0.5, 3.0) if late else ():  # the receipt, and to hear what is said then
            await story.pause(60)
            await phone.clock.advance(seconds)
        for (action, value), pause in actions:
            await story.do(action, value)
            await story.pause(pause)
        if hang_up:
            phone.call.end("the client left")
            await asyncio.wait_for(phone.running, 30)
            created = {frame["response"]["id"] for frame in phone.of("response.created")}
            phone.unanswered = created - {response["id"] for response in phone.done}
            house.stage.words_may_come.set()
            house.stage.speech_may_come.set()
            for work in phone.call.state.delegations.values():
                assert work["status"] in {"done", "cancelled", "expired"}, work
            phone = await house.place(phone.call.state.call_id)
            story.phone = phone
            unfinished = [w for w in phone.call.state.delegations.values() if not w["ended"]]
            assert not unfinished
            await story.come_to_rest()
            for work in phone.call.state.delegations.values():
                assert work["told"] or work["status"] == "cancelled", work
        else:
            await story.come_to_rest()
            check(story)
        await house.check(phone)

    lived(
        live,
        40,
        st.lists(st.tuples(ACTIONS, PAUSES), min_size=6, max_size=24),
        st.booleans(),
        st.booleans(),
    )
