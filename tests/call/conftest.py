"""A real call without a socket, its models scripted: a test speaks frames and reads frames.

Protocol, call, state (an embedded Valkey), tracing and the team on the Agents SDK are real. The
speech models and the dialogue models say what a test wrote down, fail when told to, and can be
held, so that a test acts in between; time stands still until a test moves it.
"""

import asyncio
import heapq
import itertools
import json
import logging
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pybase64
import pytest
from agents.realtime.testing import ScriptedRealtimeModel
from agents.testing import ScriptedModel
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import agents
from agents import Model
from frontdesk.call import parts
from frontdesk.call.board import ScreenBoard
from frontdesk.call.book import CallBook
from frontdesk.call.call import Call
from frontdesk.call.clock import Clock
from frontdesk.call.connections import Connection
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.numbers import Ids
from frontdesk.call.remembering import Remembering
from frontdesk.call.session import idle_ms
from frontdesk.call.shelf import Shelf
from frontdesk.desk.document import Document
from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.schema import ModelChoice, Team
from frontdesk.mcp.connections import McpConnections
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.settings import Settings
from frontdesk.state import CallState, CallStore, LogWriter, connect
from frontdesk.state.approvals import ApprovalStore
from frontdesk.state.callers import CallerStore
from frontdesk.state.fold import dump, restore
from frontdesk.state.valkey import embedded_valkey
from frontdesk.team.models import ModelRegistry
from frontdesk.team.realtime.upstream import Upstream, session_of
from frontdesk.team.runner import TeamRunner
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.base import OUTPUT_RATE, Samples, SpeechError, Transcript
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.instant.turns import AlwaysFinished
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.phrases import PhraseCache
from frontdesk.voice.transcribers import TranscriberChain
from tests.conftest import PATIENT
from tests.frames import checked
from tests.vocabulary import breaches

MS_A_LETTER = 50
TOOLS = '''
import asyncio

from frontdesk.team.context import CallContext


async def look_up(call: CallContext, what: str) -> str:
    """Looks something up, on the stage of the test."""
    stage = call.variables["stage"]
    stage.report = call.report
    stage.tool_started.set()
    await stage.tool_may_end.wait()
    return f"found {what}"


async def research(call: CallContext, what: str) -> str:
    """Researches on the stage: tells what the test has it report, and ends, or fails, by its
    word."""
    stage = call.variables["stage"]
    work = stage.work[what] = stage.new_work()
    stage.tool_started.set()
    try:
        while words := await work.reports.get():
            call.report(words)
    except asyncio.CancelledError:
        work.stopped.set()
        raise
    if work.fails:
        raise RuntimeError("the password is hunter2")
    return f"all about {what}"


async def charge(call: CallContext, what: str) -> str:
    """Does something that must not be done twice."""
    stage = call.variables["stage"]
    stage.charged.append((call.call_id, what))
    stage.tool_started.set()
    await stage.tool_may_end.wait()
    return f"charged for {what}"


async def look_around(call: CallContext, where: str) -> str:
    """Looks somewhere else, on the same stage."""
    return await look_up(call, where)
'''


@dataclass(frozen=True)
class ManualTimer:
    cancel: Callable[[], None]


class ManualClock(Clock):
    """Stands still until a test moves it. ``now``: unix seconds at first."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._slept = asyncio.Event()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        timer = self.later(seconds, lambda: woken.done() or woken.set_result(None))
        self._slept.set()
        try:
            await woken
        finally:
            timer.cancel()

    def later(self, seconds: float, do: Callable[[], None]) -> Any:
        entry = (self._now + max(0.0, seconds), next(self._numbers), do)
        heapq.heappush(self._due, entry)

        def cancel() -> None:
            if entry in self._due:
                self._due.remove(entry)
                heapq.heapify(self._due)

        return ManualTimer(cancel)

    async def asleep(self) -> None:
        """Wait until somebody waits for the clock who did not before."""
        await self._slept.wait()
        self._slept.clear()

    async def advance(self, seconds: float) -> None:
        """Let time pass, and whatever falls due on the way happen in its order."""
        until = self._now + seconds
        while self._due and self._due[0][0] <= until:
            self._now, _, do = heapq.heappop(self._due)
            do()
            await a_few_turns()
        self._now = until
        self._slept.clear()


async def a_few_turns() -> None:
    """Whoever was just woken, and waits for no I/O, has gone on after this."""
    for _ in range(10):
        await asyncio.sleep(0)


@dataclass
class Stage:
    """What a test holds back or lets go on. Everything is let go at first."""

    words_may_come: asyncio.Event = field(default_factory=asyncio.Event)
    speech_may_come: asyncio.Event = field(default_factory=asyncio.Event)
    tool_may_end: asyncio.Event = field(default_factory=asyncio.Event)
    verdict_may_come: asyncio.Event = field(default_factory=asyncio.Event)
    words_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    speech_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    tool_started: asyncio.Event = field(default_factory=asyncio.Event)
    report: Callable[[str], None] = lambda words: None
    """How the tool that runs tells of its progress."""
    verdict_wanted: asyncio.Event = field(default_factory=asyncio.Event)

    work: dict[str, "Work"] = field(default_factory=dict)
    charged: list[tuple[str, str]] = field(default_factory=list)
    """What was really done: call and thing."""

    def new_work(self) -> "Work":
        return Work()

    def __post_init__(self) -> None:
        gates = (self.words_may_come, self.speech_may_come, self.tool_may_end)
        for gate in (*gates, self.verdict_may_come):
            gate.set()


@dataclass
class Work:
    """A run of ``research``: ``reports`` are its words of progress; an empty one ends it."""

    reports: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    def end(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.reports.put_nowait("")


class ScriptedTranscriber:
    """Each stretch of speech that is transcribed has the next line of ``lines``; a line that is
    an exception is raised, and when the stretch is heard again, once more, unless ``recovers`` says
    what is understood then. A stretch that goes on after it was transcribed is understood as the
    next of ``longer``, if there is one. ``asked`` are the languages and prompts of all
    stretches."""

    def __init__(self, stage: Stage, name: str = "scripted: transcriber") -> None:
        self.name = name
        self.unreachable: Exception | None = None
        self.lines: deque[str | Exception] = deque()
        self.longer: deque[str] = deque()
        self.asked: list[tuple[str | None, str | None]] = []
        self.closed = False
        self.recovers: str | None = None
        self.failed: Exception | None = None
        self._stage = stage

    def stream(self, *, language: str | None = None, prompt: str | None = None) -> Any:
        self.asked.append((language, prompt))
        return _Stretch(self, self._stage)

    async def warm_up(self) -> None:
        if self.unreachable:
            raise self.unreachable

    async def aclose(self) -> None:
        self.closed = True


class _Stretch:
    def __init__(self, owner: ScriptedTranscriber, stage: Stage) -> None:
        self._owner = owner
        self._stage = stage
        self._line: str | Exception | None = None
        self._length = self._transcribed = 0

    def push(self, samples: Samples) -> None:
        self._length += len(samples)

    async def transcript(self) -> Transcript:
        if self._line is not None and self._length > self._transcribed and self._owner.longer:
            self._line = self._owner.longer.popleft()
        self._transcribed = self._length
        if self._line is None:
            again, self._owner.failed = self._owner.failed, None
            self._line = self._owner.lines.popleft() if again is None else self._owner.recovers
            self._line = again if self._line is None else self._line
            if isinstance(self._line, SpeechError) and again is None:
                self._owner.failed = self._line
        self._stage.words_wanted.set()
        await self._stage.words_may_come.wait()
        if isinstance(self._line, Exception):
            raise self._line
        return Transcript(self._line, self._length / 16_000)

    async def aclose(self) -> None:
        pass


class ToneSpeech:
    """50 ms of a tone for each letter, in chunks of 100 ms. Fails at ``fails_at`` words, and the
    next ``failures`` times it is asked, after so many chunks; all clauses but the first ``unheld``
    wait for the stage."""

    def __init__(self, stage: Stage, name: str = "scripted: tone") -> None:
        self.name = name
        self.said: list[tuple[str, str | None]] = []
        self.fails_at: set[str] = set()
        self.failures = self.fails_after = 0
        self.error: Exception = SpeechError("the voice is gone")
        self.speeds: list[float] = []
        self.styles: list[str | None] = []
        self.unheld: int | None = None
        self._stage = stage

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        self.said.append((text, voice))
        self.speeds.append(speed)
        self.styles.append(style)
        if len(self.said) - 1 == self.unheld:
            self._stage.speech_may_come.clear()
        self._stage.speech_wanted.set()
        await self._stage.speech_may_come.wait()
        fails, self.failures = self.failures > 0, max(0, self.failures - 1)
        if text in self.fails_at or (fails and not self.fails_after):
            raise self.error
        whole = tone(MS_A_LETTER * len(text), OUTPUT_RATE)
        for number, at in enumerate(range(0, len(whole), OUTPUT_RATE // 10), 1):
            yield whole[at : at + OUTPUT_RATE // 10]
            if fails and number == self.fails_after:
                raise self.error

    async def warm_up(self) -> None:
        pass


def tone(milliseconds: int, rate: int) -> Samples:
    time = np.arange(rate * milliseconds // 1000) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


def pcm(samples: Samples) -> str:
    return pybase64.b64encode((samples * 32767).astype("<i2").tobytes()).decode()


class ScriptedRegistry(ModelRegistry):
    """Gives each agent the model made for it, guardrails the one that judges, and long calls the
    one that sums up."""

    def __init__(self, models: Mapping[str, Model], judge: Model, writer: Model) -> None:
        super().__init__(Settings(models="instant"), environ={})
        self._scripted = models
        self._judge, self._writer = judge, writer
        self.dialled: list[ScriptedRealtimeModel] = []
        self.next_dialled: deque[ScriptedRealtimeModel] = deque()

    def upstream(self, team: Team) -> Upstream | None:
        if team.voice.engine != "realtime":
            return None
        choice = team.voice.realtime
        config: Any = {"initial_model_settings": session_of(choice, "scripted-realtime")}
        return Upstream(
            "openai",
            "scripted-realtime",
            choice.voice,
            config,
            self._dial,
            transcription=choice.transcription,
            falls_back=choice.fallback == "chain",
        )

    def _dial(self) -> ScriptedRealtimeModel:
        self.dialled.append(self.next_dialled.popleft())
        return self.dialled[-1]

    def model(self, team: Team, agent: str) -> Model:
        return self._scripted[agent]

    def judge(self, team: Team, name: str) -> Model:
        return self._judge

    def writer(self, team: Team, name: str) -> Model:
        return self._writer

    def writes(self, choice: ModelChoice) -> bool:
        return True


def team_of(sections: dict[str, Any], stage: Stage) -> Team:
    named = {
        name: {"description": f"The {name} agent.", "instructions": "x.md", **agent}
        for name, agent in sections.pop("agents", {"frontdesk": {}}).items()
    }
    own = {"version": 1, "name": "support", "entry": next(iter(named)), "agents": named}
    return Team.model_validate({**own, "variables": {"stage": stage}, **sections})


class Phone:
    """A client of one real call. ``frames`` is all it got; ``until`` reads on from the last."""

    def __init__(
        self, house: "House", call: Call, clock: ManualClock, connection: Connection
    ) -> None:
        self.call, self.clock, self.house, self.connection = call, clock, house, connection
        self.frames: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.unanswered: set[str] = set()
        """Responses under way when the client left."""
        self._read = 0
        self._came = asyncio.Event()
        self.running: asyncio.Task[None]

    def got(self, frame: bytes) -> None:
        self.frames.append(checked(frame))
        self._came.set()

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)  # as an outbox does
        self._came.set()

    async def send(self, type: str, **fields: Any) -> None:
        await self.offer(json.dumps({"type": type, **fields}))

    async def offer(self, frame: str | bytes) -> None:
        if not self.call.take(frame, self.connection):
            await self.call.room()

    async def until(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Frames since the last ``until``, up to the first of this type with these fields."""
        start = self._read
        async with asyncio.timeout(30):
            while True:
                while self._read < len(self.frames):
                    frame = self.frames[self._read]
                    self._read += 1
                    if frame["type"] == kind and fields.items() <= frame.items():
                        return self.frames[start : self._read]
                assert not self.running.done(), (kind, [f["type"] for f in self.frames[start:]])
                self._came.clear()
                await self._came.wait()

    async def read_all(self) -> None:
        """Read on from what comes next."""
        await self.settled()
        self._read = len(self.frames)

    async def configure(self, **session: Any) -> dict[str, Any]:
        await self.send("session.update", session={"type": "realtime", **session})
        return (await self.until("session.updated"))[-1]["session"]

    async def append(self, samples: Samples) -> None:
        await self.send("input_audio_buffer.append", audio=pcm(samples))

    async def begin_to_speak(self, words: str | Exception = "hello", milliseconds: int = 400):
        """Speak, without a pause at the end; ``words`` is what will be understood."""
        self.house.stt.lines.append(words)
        await self.append(tone(milliseconds, 24_000))

    async def go_on(self, words: str, milliseconds: int = 400) -> None:
        """Speak on after a pause; ``words`` is what the whole will be understood as."""
        self.house.stt.longer.append(words)
        await self.append(tone(milliseconds, 24_000))

    async def fall_silent(self, milliseconds: int = 600) -> None:
        await self.append(np.zeros(24 * milliseconds, np.float32))

    async def say(self, words: str | Exception = "hello") -> str:
        """Speak a whole turn; returns its item's id once it is committed."""
        await self.begin_to_speak(words)
        await self.fall_silent()
        return (await self.until("input_audio_buffer.committed"))[-1]["item_id"]

    async def write(self, text: str, **fields: Any) -> str:
        """Add a user message; returns its id."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item, **fields)
        return (await self.until("conversation.item.done"))[-1]["item"]["id"]

    async def respond(self, **response: Any) -> list[dict[str, Any]]:
        """Ask for a response, and read until it is done."""
        await self.send("response.create", response=response)
        return await self.until("response.done")

    async def ask(self, text: str, **response: Any) -> list[dict[str, Any]]:
        await self.write(text)
        return await self.respond(**response)

    async def until_sound(self, milliseconds: float) -> None:
        """Wait until so much sound came of the newest answer."""
        while True:
            deltas = self.of("response.output_audio.delta")
            newest = [d["delta"] for d in deltas if d["item_id"] == deltas[-1]["item_id"]]
            if sum(len(pybase64.b64decode(delta)) / 48 for delta in newest) >= milliseconds:
                return
            await self.until("response.output_audio.delta")

    async def settled(self) -> None:
        """Everything that was sent has been acted on: the call answers in order."""
        mark = uuid.uuid4().hex
        await self.send("conversation.item.retrieve", item_id=mark)
        read = self._read
        await self.until("error")
        self._read = read

    async def hang_up(self) -> None:
        await self.settled()
        created = {frame["response"]["id"] for frame in self.of("response.created")}
        self.unanswered = created - {response["id"] for response in self.done}
        self.call.end("the client left")
        await asyncio.wait_for(self.running, 30)

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All frames of a type."""
        return [frame for frame in self.frames if frame["type"] == kind]

    @property
    def done(self) -> list[dict[str, Any]]:
        """All responses that are done."""
        return [frame["response"] for frame in self.of("response.done")]

    def answer_ids(self) -> list[str]:
        """Ids of the assistant's messages, in order."""
        added = [frame["item"] for frame in self.of("conversation.item.added")]
        return [item["id"] for item in added if item.get("role") == "assistant"]

    async def stored(self) -> CallState:
        """The call as the store has it, once all was written."""
        await self.house.writers[self.call].flush()
        state = await self.house.store.load(self.call.state.call_id)
        assert state is not None
        return state

    async def talk(self) -> list[tuple[str, str]]:
        """The stored conversation: who, and the words; as heard, where that is less."""
        told: list[tuple[str, str]] = []
        for stored in (await self.stored()).items:
            item = stored.item
            if item["type"] == "message":
                words = [p.get("text") or p.get("transcript") or "" for p in item["content"]]
                text = " ".join(words) if stored.heard is None else stored.heard
                told.append((item["role"], text))
            else:
                told.append((item["type"], item.get("output") or item.get("name")))
        return told

    async def traces(self) -> list[dict[str, Any]]:
        """The turns of the call as the trace store has them, oldest first."""
        await self.house.tracing.flush()
        found = self.house.tracing.store.call(self.call.state.call_id)
        return found["turns"] if found else []

    async def spans(self, turn: int = -1) -> list[dict[str, Any]]:
        """The spans of one turn."""
        turns = await self.traces()
        trace = self.house.tracing.store.trace(turns[turn]["trace_id"])
        assert trace is not None
        return trace["spans"]


class House:
    """Places calls with one team. ``models`` are the agents' scripted models."""

    def __init__(
        self,
        team: Team,
        stage: Stage,
        root: Path,
        store: CallStore,
        tracing: Tracing,
        servers: McpConnections,
    ) -> None:
        self.team, self.stage, self.store, self.tracing = team, stage, store, tracing
        self.stt, self.tts = ScriptedTranscriber(stage), ToneSpeech(stage)
        self.stand_in = ToneSpeech(Stage(), "scripted: stand-in")
        self.models = {name: ScriptedModel(emit_traces=True) for name in team.agents}
        self.judge, self.writer = ScriptedModel(), ScriptedModel()
        self.registry = ScriptedRegistry(self.models, self.judge, self.writer)
        self.runner = TeamRunner(
            team,
            desk_root=root,
            prompt=lambda agent, variables: f"You are {agent}.",
            mcp=servers,
            models=self.registry,
            trace_content=team.captured != "none",
            judges={name: f"Watch for {name}." for name in team.guardrails},
        )
        path = root / "support.yaml"
        self.second_ear = ScriptedTranscriber(stage, "scripted: second ear")
        ears = TranscriberChain([(self.stt, 10.0), (self.second_ear, 10.0)])
        self.live_team = LiveTeam(
            LoadedTeam(team, path, root, "v1", {}, Document(path, ""), {}),
            self.runner,
            VoiceModels(
                ears if team.voice.stt.fallback else self.stt,
                self.tts,
                EnergyActivity,
                AlwaysFinished(),
                stand_ins=(self.stand_in,) if team.voice.tts.fallback else (),
            ),
            PhraseCache(),
            tracing.captures.most.within(team.captured),
        )
        self.approvals = ApprovalStore(store._redis)
        self.board = ScreenBoard(self.approvals, self._decide)
        self.shelf = Shelf(CallerStore(store._redis), store)
        self.writers: dict[Call, LogWriter] = {}
        self.phones: list[Phone] = []
        self.grace = 0.0
        self.now = time.time()
        """When the newest call was placed, unix seconds: a moment after the one before it, however
        slow the machine is."""
        self.defects_expected = False
        """Whether a test makes something of ours fail, which is then logged as an error."""

    def _decide(self, call_id: str, question_id: str, decision: dict[str, Any]) -> None:
        for phone in self.phones:
            if phone.call.state.call_id == call_id:
                phone.call.decide(question_id, **decision)

    @property
    def model(self) -> ScriptedModel:
        """The entry agent's model."""
        return self.models[self.team.entry]

    def script(self, *steps: Any, agent: str | None = None) -> None:
        """What an agent's model says, step by step."""
        self.models[agent or self.team.entry].extend(steps)

    def history(self, call: int = -1, agent: str | None = None) -> list[Any]:
        """What the model was given."""
        return [*self.models[agent or self.team.entry].calls[call].input]

    async def place(
        self,
        call_id: str | None = None,
        *,
        user: str | None = None,
        consent: bool | None = None,
        **protocol: Any,
    ) -> Phone:
        """Place a call, of a ``user`` if one is given, or take up the one called ``call_id``; it is
        connected on return."""
        known = call_id is not None
        for earlier in [phone for phone in self.phones if phone.call.state.call_id == call_id]:
            await self.check(earlier)
            self.phones.remove(earlier)
        lease = await self.store.open(call_id or f"sess_{uuid.uuid4().hex}", "test", ttl=60)
        stored = await self.store.load(lease.call_id) if known else None
        state = restore(dump(stored)) if stored else CallState(lease.call_id)
        log = LogWriter(
            self.store, lease, stored, on_lost=lambda error: call.fall_silent(str(error), 4001)
        )
        ids = Ids(state.call_id, lease.epoch)
        protocol = {"idle_ms": idle_ms(self.team), **protocol}
        core = RealtimeProtocol(state.call_id, "support", ids=ids, **protocol)
        recovered = core.restore([i.item for i in state.items if not i.hidden], state.session)
        self.now += 0.01
        clock = ManualClock(self.now)
        book = CallBook(state, log, self.tracing.audio, clock)
        book.record(
            "call.opened",
            team="support",
            team_version="v1",
            agent=state.agent or self.team.entry,
            transport="test",
            **({"user": user} if user else {}),
        )
        remembering = Remembering(book, clock, self.live_team, self.shelf)
        if who := state.user:
            opened = self.shelf.opened(state, who, self.live_team, consent=consent, now=clock.now())
            remembering.begin(await opened)
        phone: Phone
        connection = Connection(
            lambda frame: phone.got(frame), lambda code, reason: phone.close(code, reason)
        )
        call = Call(
            live_team=self.live_team,
            protocol=core,
            book=book,
            recovered=recovered if known else [],
            tracing=self.tracing,
            clock=clock,
            caller=connection,
            board=self.board,
            ids=ids,
            grace=self.grace,
            remembering=remembering,
            unreachable=await self.live_team.reach(talks=True),
        )
        self.tracing.call_opened(state.call_id, self.live_team.capture)
        phone = Phone(self, call, clock, connection)
        phone.running = asyncio.create_task(call.run())
        self.writers[call] = log
        self.phones.append(phone)
        await phone.until("session.created")
        return phone

    async def kill(self, phone: Phone) -> None:
        """As ``kill -9``: what the store has acknowledged is all that is left."""
        lease = await self.store.open(phone.call.state.call_id, "grim reaper", force=True)
        self.defects_expected = True  # the old worker logs its loss
        phone.call.fenced(lease.epoch)
        await asyncio.wait_for(phone.running, 30)
        self.phones.remove(phone)
        await self.store.release(lease)

    async def check(self, phone: Phone) -> None:
        """What must hold after any call."""
        if not phone.running.done():
            await phone.hang_up()
        phone.running.result()
        created = [frame["response"]["id"] for frame in phone.of("response.created")]
        done = [response["id"] for response in phone.done]
        assert len(done) == len(set(done))
        assert set(created) - set(done) == phone.unanswered
        state = await self.store.load(phone.call.state.call_id)
        assert state == phone.call.state
        assert state is not None and state.ended and not state.unknown
        turns = await phone.traces()
        assert all(turn["end_reason"] for turn in turns), turns
        found = self.tracing.store.call(state.call_id) or {"delegations": []}
        for known in (*turns, *found["delegations"]):
            trace = self.tracing.store.trace(known["trace_id"])
            assert trace is not None
            if known in turns:
                still_open = [span["name"] for span in trace["spans"] if span["end"] is None]
                assert not still_open, still_open
            unknown = set[str]().union(*map(breaches, trace["spans"]))
            assert not unknown, unknown


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One embedded Valkey for the session, on a loop of its own."""
    with asyncio.Runner() as runner:
        server = embedded_valkey(tmp_path_factory.mktemp("valkey"))
        yield runner.run(server.__aenter__())
        runner.run(server.__aexit__(None, None, None))


@asynccontextmanager
async def opened(tmp_path: Path, valkey_url: str) -> AsyncIterator[tuple[CallStore, Tracing]]:
    tracing = Tracing(Settings(data=tmp_path))
    tracing.start()
    async with connect(Settings(redis_url=valkey_url)) as redis:
        yield CallStore(redis), tracing
    await tracing.aclose()
    agents.set_trace_processors([])


BuildHouse = Callable[..., Awaitable[House]]


@pytest.fixture
def new_house(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A context manager that builds houses, for tests that need many: Hypothesis."""
    # On a busy machine a store may answer later than a client waits for the record. Then what a
    # test was told is gone when it kills the call.
    for path, seconds in PATIENT.items():
        monkeypatch.setattr(path, seconds)
    monkeypatch.setattr(parts, "RECORD_SECONDS", 20.0)

    @asynccontextmanager
    async def build(tmp_path: Path, valkey_url: str) -> AsyncIterator[BuildHouse]:
        before = asyncio.all_tasks()
        async with opened(tmp_path, valkey_url) as (store, tracing):

            async def build_one(servers: McpConnections | None = None, **sections: Any) -> House:
                stage = Stage()
                root = tmp_path / "desk"
                (root / "tools").mkdir(parents=True, exist_ok=True)
                (root / "tools" / "stage.py").write_text(TOOLS)
                team, mcp = team_of(sections, stage), servers or McpConnections()
                house = House(team, stage, root, store, tracing, mcp)
                await house.runner.start()
                houses.append(house)
                return house

            houses: list[House] = []
            yield build_one
            for house in houses:
                for phone in house.phones:
                    await house.check(phone)
                await house.runner.aclose()
                await house.board.aclose()
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        assert not left, left

    return build


@pytest.fixture
def lived(new_house: Any, tmp_path: Path, valkey_url: str) -> Callable[..., None]:
    """``lived(live, 30, *strategies)`` runs ``live(build, *example)`` with 30 examples, all in one
    loop and with one store. They are the same each time; to make a failing one smaller would take
    minutes."""

    def lived(live: Callable[..., Any], examples: int, *strategies: Any) -> None:
        with asyncio.Runner() as runner:
            context = new_house(tmp_path, valkey_url)
            build = runner.run(context.__aenter__())

            @settings(
                max_examples=examples,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=[HealthCheck.too_slow],
            )
            @given(st.tuples(*strategies))
            def whatever(example: tuple[Any, ...]) -> None:
                runner.run(live(build, *example))

            try:
                whatever()
            finally:
                runner.run(context.__aexit__(None, None, None))

    return lived


@pytest.fixture
async def build_house(
    new_house: Any, tmp_path: Path, valkey_url: str, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[BuildHouse]:
    """Builds a house from sections of a team file. What must hold after any call is checked at
    the end, and that nothing of ours was logged as an error but in tests that expect it."""
    houses: list[House] = []
    async with new_house(tmp_path, valkey_url) as build:

        async def build_one(**sections: Any) -> House:
            houses.append(await build(**sections))
            return houses[-1]

        yield build_one
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    errors = [record.getMessage() for record in records if record.levelno >= logging.ERROR]
    assert any(house.defects_expected for house in houses) or not errors, errors


@pytest.fixture
async def house(build_house: BuildHouse) -> House:
    """One agent with two tools, which answers what a test scripts."""
    return await build_house(
        agents={"frontdesk": {"tools": ["look_up", "look_around"]}},
        tools={
            "look_up": {"call": "tools.stage:look_up", "say_while_waiting": "Let me see."},
            "look_around": {"call": "tools.stage:look_around", "say_while_waiting": "I look."},
        },
    )


@pytest.fixture
async def phone(house: House) -> Phone:
    """A call with ``house``."""
    return await house.place()
