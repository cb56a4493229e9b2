"""Whatever a caller, a client and failing models do, in whatever order: the call lives, and what
is told, logged, traced and given to the models stays consistent."""

import asyncio
from itertools import cycle, islice

import numpy as np
import pytest
from agents.testing import ModelStep, assistant_message, function_call
from hypothesis import strategies as st

from frontdesk.voice.base import SpeechError

LONG = "This is the first sentence of it. And here is the second one."
WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
AGENTS = {
    "frontdesk": {"tools": ["look_up"], "handoffs": [{"to": "orders", "say": "Hold on."}]},
    "orders": {"tools": ["look_up"], "handoffs": ["frontdesk"]},
}
TOOL = {"look_up": {"call": "tools.stage:look_up", "say_while_waiting": "Let me see."}}

STEPS = st.sampled_from("words tool words client tools handoff nothing error words".split())
HEARD = st.sampled_from(["hello there", "yes", "", "no quota"])
ACTIONS = st.one_of(
    st.tuples(st.just("speak"), st.integers(50, 900)),
    st.tuples(st.just("fall silent"), st.integers(50, 1500)),
    st.tuples(st.just("say"), st.just(None)),
    st.tuples(st.just("say"), st.just(None)),
    st.tuples(st.just("ask"), st.sampled_from(["audio", "audio", "text", "beside"])),
    st.tuples(st.just("truncate"), st.integers(0, 800)),
    st.tuples(st.just("advance"), st.sampled_from([0.1, 0.5, 1.0, 3.0, 25.0])),
    st.tuples(st.just("hold"), st.sampled_from(["words", "speech", "tool"])),
    st.tuples(st.just("release"), st.sampled_from(["words", "speech", "tool"])),
    st.tuples(st.just("release"), st.sampled_from(["words", "speech", "tool"])),
    st.tuples(st.just("detect"), st.sampled_from(["on", "on", "off", "polite", "idle"])),
    st.tuples(st.just("voice"), st.booleans()),
    st.tuples(
        st.sampled_from(
            "cancel commit clear write drop delete output respond settle nonsense".split()
        ),
        st.none(),
    ),
)
PAUSES = st.sampled_from([40, 40, 3, 0])
"""Turns of the loop that everybody else gets before the next action."""
DETECTION = {
    "on": {"type": "semantic_vad"},
    "off": None,
    "polite": {"type": "semantic_vad", "interrupt_response": False},
    "idle": {"type": "server_vad", "idle_timeout_ms": 5000},
}
FAILING = {"This is the first sentence of it.", "And here is the second one."}


class Life:
    """One call and what is done to it."""

    def __init__(self, house, phone, steps, heard):
        self.house, self.phone = house, phone
        lines = [SpeechError(line) if line == "no quota" else line for line in heard]
        house.stt.lines.extend(islice(cycle(lines), 200))
        self._steps, self._calls = cycle(steps), 0
        for agent in house.models:
            house.script(*[ModelStep.respond(self.step) for _ in range(300)], agent=agent)

    def step(self, call):
        self._calls += 1
        call_id = f"c{self._calls}"
        offered = {tool.name for tool in call.tools}
        match next(self._steps):
            case "tool":
                return [function_call("look_up", {"what": "it"}, call_id=call_id)]
            case "tools":
                return [
                    assistant_message("I look."),
                    function_call("look_up", {"what": "it"}, call_id=call_id),
                    function_call("look_up", {"what": "that"}, call_id=f"{call_id}b"),
                ]
            case "client" if "get_weather" in offered:
                return [function_call("get_weather", {}, call_id=call_id)]
            case "handoff":
                return [function_call(call.handoffs[0].tool_name, {}, call_id=call_id)]
            case "nothing":
                return []
            case "error":
                return RuntimeError("no GPU left")
            case _:
                return [assistant_message(LONG)]

    async def do(self, action, value):
        phone, stage = self.phone, self.house.stage
        gates = {"words": stage.words_may_come, "speech": stage.speech_may_come}
        gates["tool"] = stage.tool_may_end
        match action:
            case "speak":
                sound = 0.3 * np.sin(np.arange(24 * value) * 2 * np.pi * 220 / 24_000)
                await phone.append(sound.astype(np.float32))
            case "say":
                await self.do("speak", 400)
                await self.do("fall silent", 600)
            case "fall silent":
                await phone.fall_silent(value)
            case "ask":
                modalities = ["audio"] if value == "audio" else ["text"]
                response = {"output_modalities": modalities}
                if value == "beside":
                    response["conversation"] = "none"
                await self.do("write", None)
                await phone.send("response.create", response=response)
            case "respond":
                await phone.send("response.create")
            case "write":
                content = [{"type": "input_text", "text": "hello"}]
                item = {"type": "message", "role": "user", "content": content}
                await phone.send("conversation.item.create", item=item)
            case "truncate":
                if ids := phone.answer_ids():
                    cut = {"content_index": 0, "audio_end_ms": value}
                    await phone.send("conversation.item.truncate", item_id=ids[-1], **cut)
            case "delete":
                if added := phone.of("conversation.item.added"):
                    item_id = added[len(added) // 2]["item"]["id"]
                    await phone.send("conversation.item.delete", item_id=item_id)
            case "output":
                for frame in phone.of("response.function_call_arguments.done")[-1:]:
                    output = {"type": "function_call_output", "call_id": frame["call_id"]}
                    output["output"] = "rain"
                    await phone.send("conversation.item.create", item=output)
            case "advance":
                await phone.clock.advance(value)
            case "hold":
                gates[value].clear()
            case "release":
                gates[value].set()
            case "detect":
                audio = {"input": {"turn_detection": DETECTION[value]}}
                session = {"type": "realtime", "audio": audio}
                await phone.send("session.update", session=session)
            case "voice":
                self.house.tts.fails_at = FAILING if value else set()
            case "settle":
                await phone.settled()
            case "cancel":
                await phone.send("response.cancel")
            case "commit":
                await phone.send("input_audio_buffer.commit")
            case "clear":
                await phone.send("input_audio_buffer.clear")
            case "drop":
                await phone.send("output_audio_buffer.clear")
            case "nonsense":
                await phone.offer('{"type": "no.such.thing"}')

    async def come_to_rest(self):
        """Nobody holds or says anything any more, and all is played."""
        for gate in ("words", "speech", "tool"):
            await self.do("release", gate)
        await self.do("detect", "off")
        await self.answered()
        await self.phone.clock.advance(120)
        await self.answered()

    async def answered(self):
        """All that was said is in words, and all that was asked has been answered."""
        phone = self.phone
        await phone.read_all()
        await phone.call._parts.hearing.words_known()
        await phone.read_all()
        while len(phone.of("response.created")) > len(phone.done):
            await phone.until("response.done")
            await phone.read_all()


def check_history(items):
    """Every call has its one output behind it, and no output is without its call."""
    calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
    outputs = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    assert len(set(calls)) == len(calls)
    assert sorted(calls) == sorted(outputs)
    for place, item in enumerate(items):
        if item.get("type") == "function_call":
            behind = next(i for i in items[place + 1 :] if i.get("type") != "function_call")
            assert behind.get("type") == "function_call_output"


def check_frames(frames):
    """Deltas come only from responses under way; what is announced is finished once."""
    under_way = set()
    for frame in frames:
        if frame["type"] == "response.created":
            under_way.add(frame["response"]["id"])
        elif frame["type"] == "response.done":
            under_way.remove(frame["response"]["id"])
        elif "response_id" in frame:
            assert frame["response_id"] in under_way
    ids = [frame["event_id"] for frame in frames]
    assert len(set(ids)) == len(ids)


async def check(life):
    phone = life.phone
    check_frames(phone.frames)
    for model in life.house.models.values():
        for call in model.calls:
            check_history(call.input)
    errors = [frame["error"] for frame in phone.of("error")]
    assert not [error for error in errors if error["type"] == "server_error"]
    items = {item["id"]: item for item in phone.call._parts.protocol.items}
    stored = [item.item for item in (await phone.stored()).items if not item.hidden]
    assert stored == [*items.values()]
    life.house.tts.fails_at = set()
    life._steps = cycle(["words"])
    await phone.read_all()
    await phone.ask("still there?", output_modalities=["text"])
    assert phone.done[-1]["status"] == "completed"


@pytest.mark.timeout(120)
def test_a_call_stays_whole_whatever_is_done_to_it(lived):
    async def live(build, actions, steps, heard):
        house = await build(agents=AGENTS, tools=TOOL)
        phone = await house.place()
        life = Life(house, phone, steps, heard)
        await phone.configure(tools=[WEATHER])
        for (action, value), pause in actions:
            await life.do(action, value)
            for _ in range(pause):
                await asyncio.sleep(0)
        await life.come_to_rest()
        await check(life)
        await house.check(phone)

    lived(
        live,
        30,
        st.lists(st.tuples(ACTIONS, PAUSES), min_size=12, max_size=30),
        st.lists(STEPS, min_size=1, max_size=6),
        st.lists(HEARD, min_size=1, max_size=4),
    )
