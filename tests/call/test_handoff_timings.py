"""Whatever happens around a handoff, at whatever moment, and if the server dies just then: what the
caller asked is answered once, and each agent speaks with its own voice."""

import asyncio
import re
import uuid
from itertools import cycle

import pytest
from agents.testing import ModelStep, assistant_message, function_call
from hypothesis import strategies as st

from frontdesk.team.summary import INSTRUCTIONS

VOICES = {"desk": "ash", "orders": "marin", "billing": "cedar"}
EDGES = {
    "desk": [("orders", "none"), ("billing", "none")],
    "orders": [("billing", "none"), ("desk", {"last": 1})],
    "billing": [("desk", "summary"), ("orders", "none")],
}
AGENTS = {
    name: {
        "voice": VOICES[name],
        "tools": ["look_up"],
        "handoffs": [{"to": to, "history": how, "say": f"{name} pass."} for to, how in edges],
    }
    for name, edges in EDGES.items()
}
TOOL = {"look_up": {"call": "tools.stage:look_up"}}

STEPS = st.sampled_from(["answer", "first", "first", "second", "words first", "tool", "both"])
ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["say", "say", "say", "ask", "write", "respond"]), st.just(None)),
    st.tuples(st.sampled_from(["cancel", "noise", "drop", "settle"]), st.just(None)),
    st.tuples(st.just("advance"), st.sampled_from([0.2, 0.6, 1.0, 3.0])),
    st.tuples(st.just("hold"), st.sampled_from(["words", "speech", "tool", "model"])),
    st.tuples(st.just("release"), st.sampled_from(["words", "speech", "tool", "model"])),
    st.tuples(st.just("release"), st.sampled_from(["words", "speech", "tool", "model"])),
)
PAUSES = st.sampled_from([60, 40, 12, 5, 3, 2, 1, 0])
"""Turns of the loop that everybody else gets before the next action."""


def asked_in(text):
    return re.findall(r"q\d+", text)


class Life:
    """One call. Questions are called q1, q2, …; an agent answers those of its input that no answer
    in it names, in one word that names itself and them."""

    def __init__(self, house, phone, steps):
        self.house, self.phone = house, phone
        self.questions = 0
        self.model_may_go = asyncio.Event()
        self.model_may_go.set()
        self._steps, self._calls = cycle(steps), 0
        for name in house.models:
            house.models[name].extend([ModelStep.respond(self.step(name)) for _ in range(400)])

    def calm_down(self):
        """From now on, everybody answers."""
        self._steps = cycle(["answer"])

    def step(self, name):
        async def respond(call):
            await self.model_may_go.wait()
            if call.system_instructions == INSTRUCTIONS:
                return [assistant_message("Some talk.")]
            self._calls += 1
            call_id = f"c{self._calls}{uuid.uuid4().hex[:6]}"
            handoffs = [tool.tool_name for tool in call.handoffs]
            look_up = function_call("look_up", {"what": "it"}, call_id=call_id)
            match next(self._steps):
                case "first":
                    return [function_call(handoffs[0], {}, call_id=call_id)]
                case "second":
                    return [function_call(handoffs[1], {}, call_id=call_id)]
                case "words first":
                    hold = assistant_message(f"{name} hold.")
                    return [hold, function_call(handoffs[0], {}, call_id=call_id)]
                case "tool":
                    return [look_up]
                case "both":
                    other = function_call(handoffs[0], {}, call_id=f"{call_id}h")
                    return [look_up, other]
                case _:
                    return [assistant_message(f"{name}:{self.open(call.input)}.")]

        return respond

    def open(self, items):
        said = {"user": [], "assistant": []}
        for item in items:
            if item.get("role") in said:
                said[item["role"]] += asked_in(str(item["content"]))
        left = [question for question in said["user"] if question not in said["assistant"]]
        return "".join(dict.fromkeys(left)) or "nothing"

    def question(self):
        self.questions += 1
        return f"q{self.questions}"

    async def write(self, text):
        item = {"type": "message", "role": "user"}
        item["content"] = [{"type": "input_text", "text": text}]
        await self.phone.send("conversation.item.create", item=item)

    async def do(self, action, value):
        phone, stage = self.phone, self.house.stage
        gates = {"words": stage.words_may_come, "speech": stage.speech_may_come}
        gates |= {"tool": stage.tool_may_end, "model": self.model_may_go}
        match action:
            case "say" | "noise":
                await phone.begin_to_speak(self.question() if action == "say" else "")
                await phone.fall_silent()
            case "ask":
                await self.write(self.question())
                await phone.send("response.create")
            case "write":
                await self.write(self.question())
            case "respond":
                await phone.send("response.create")
            case "cancel":
                await phone.send("response.cancel")
            case "drop":
                await phone.send("output_audio_buffer.clear")
            case "settle":
                await phone.settled()
            case "advance":
                await phone.clock.advance(value)
            case "hold":
                gates[value].clear()
            case "release":
                gates[value].set()

    async def come_to_rest(self):
        """Nobody holds or says anything any more, all is played, and a last question was asked."""
        for gate in ("words", "speech", "tool", "model"):
            await self.do("release", gate)
        await self.answered()
        self.calm_down()
        await self.phone.clock.advance(120)
        await self.answered()
        await self.phone.ask(self.question())
        await self.phone.clock.advance(120)
        await self.phone.read_all()

    async def answered(self):
        phone = self.phone
        await phone.read_all()
        await phone.call._parts.hearing.words_known()
        await phone.read_all()
        while {f["response"]["id"] for f in phone.of("response.created")} - {
            response["id"] for response in phone.done
        }:
            await phone.until("response.done")
            await phone.read_all()


def check_conversation(talk):
    """Each question in it is answered, and once it was heard to be, not again."""
    questions = [q for role, text in talk if role == "user" for q in asked_in(text)]
    answers = [q for role, text in talk if role == "assistant" for q in asked_in(text)]
    assert sorted(set(answers)) == sorted(questions), talk
    assert len(answers) == len(set(answers)), talk


def check_floor(state):
    """The floor is with the agent to whom the newest handoff that is remembered led."""
    calls = [s.item["name"] for s in state.items if s.item.get("type") == "function_call"]
    to = [name.removeprefix("transfer_to_") for name in calls if name.startswith("transfer_to_")]
    assert state.agent == (to[-1] if to else "desk")


def check_voices(said):
    for text, voice in said:
        if speaker := re.match(r"desk|orders|billing", text):
            assert voice == VOICES[speaker.group()], (text, voice)


async def carried_on(house, life, batches, cut):
    """The call as another server takes it up that has the first ``cut`` batches of its log."""
    call_id = f"sess_{uuid.uuid4().hex}"
    lease = await house.store.open(call_id, "dead", ttl=60)
    for batch in batches[:cut]:
        await house.store.append(lease, batch)
    await house.store.release(lease)
    life.phone = phone = await house.place(call_id)
    life.calm_down()
    await life.answered()  # what was under way
    await phone.clock.advance(120)
    await life.answered()
    await phone.ask(life.question())
    await phone.clock.advance(120)
    await phone.read_all()
    return phone


@pytest.mark.timeout(150)
def test_what_was_asked_is_answered_once_whatever_happens_around_a_handoff(lived):
    async def live(build, actions, steps, cut):
        house = await build(agents=AGENTS, tools=TOOL)
        batches, append = [], house.store.append

        async def watched(lease, batch, *told):
            await append(lease, batch, *told)
            batches.append(batch)

        house.store.append = watched
        phone = await house.place()
        life = Life(house, phone, steps)
        await phone.configure(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
        for (action, value), pause in actions:
            await life.do(action, value)
            for _ in range(pause):
                await asyncio.sleep(0)
        await life.come_to_rest()
        check_conversation(await phone.talk())
        check_floor(await phone.stored())
        await house.check(phone)
        house.store.append = append
        again = await carried_on(house, life, batches, 1 + round(cut * (len(batches) - 1)))
        check_conversation(await again.talk())
        check_floor(await again.stored())
        await house.check(again)
        check_voices(house.tts.said)
        house.phones.clear()

    lived(
        live,
        30,
        st.lists(st.tuples(ACTIONS, PAUSES), min_size=8, max_size=24),
        st.lists(STEPS, min_size=1, max_size=7).map(lambda steps: [*steps, "answer"]),
        st.floats(0, 1),
    )
