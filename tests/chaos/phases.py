"""How far a turn has come when its worker dies, and what must come of it all the same."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.caller import PATIENCE, SPEECH, Caller, answer_to, words
from tests.chaos.world import Hold, World

QUESTION = "Please say yes or no."
UNHEARD = "Sorry, I didn't catch that."
UNCLEAR = "I need a clear yes or no."
UNKNOWN = "not known"
ENDS = {
    "say": ["is near"],
    "hand": ["is near"],
    "once": ["once is done", UNKNOWN],
    "count": ["count is done", UNKNOWN],
    "asked": ["asked is done", UNKNOWN],
    "again": ["again is done"],
    "errand": ["errand is done", "lost", UNKNOWN],
    "rerun": ["rerun is done"],
}
"""How an answer to each wish may end: a deed that must not be done twice may not be known of."""


@dataclass(frozen=True, slots=True)
class Phase:
    """``what`` the caller wants, and the ``step`` of the work on it that is held. ``spoken``:
    only in a spoken call (True), only in a written one (False), in any (None)."""

    name: str
    what: str
    step: str
    spoken: bool | None = None
    sign: str | None = "response.created"
    """The event by which the client knows of it, too."""

    def suits(self, caller: Caller) -> bool:
        return self.spoken in (None, caller.spoken)


PHASES = (
    Phase("no trouble", "say", "", sign=None),
    Phase("listening", "say", "", spoken=True, sign="input_audio_buffer.speech_started"),
    Phase("transcribing", "say", "words", spoken=True, sign="input_audio_buffer.committed"),
    Phase("model", "say", "model"),
    Phase("halfway", "say", "halfway", spoken=False, sign="response.output_text.delta"),
    Phase("tool", "once", "once"),
    Phase("idempotent tool", "again", "again"),
    Phase("tool of a server", "count", "count"),
    Phase("handoff", "hand", "second"),
    Phase("before the sound", "say", "speech", spoken=True),
    Phase("speaking", "say", "end", spoken=True, sign="response.output_audio_transcript.delta"),
    Phase("approval pending", "asked", "", sign="response.done"),
    Phase("approved tool", "asked", "asked"),
    Phase("background work", "errand", "errand", sign="response.done"),
    Phase("background work that may be begun anew", "rerun", "rerun", sign="response.done"),
)
ONCE = {"once", "count", "asked", "errand"}
"""Deeds that must not be done twice."""


@dataclass(slots=True)
class Turn:
    """One turn of one call: brought to its phase, then to its end."""

    name: str
    phase: Phase
    caller: Caller
    world: World
    begin: int = field(init=False)
    consented: bool = False
    told: set[str] = field(init=False)
    """The items that the caller knew of when the worker died."""

    def __post_init__(self) -> None:
        self.begin = len(self.caller.events)

    @property
    def text(self) -> str:
        return f"{self.name} {self.phase.what}"

    @property
    def key(self) -> str:
        """By what the world knows the step."""
        return self.caller.name if self.phase.step == "words" else self.name

    async def reach(self) -> None:
        """Bring it to its phase, and no further."""
        phase, caller = self.phase, self.caller
        if phase.name == "listening":
            await caller.send("input_audio_buffer.append", audio=SPEECH)
        else:
            hold = self.world.hold(phase.step, self.key) if phase.step else None
            await caller.say(self.text)
            if phase.name == "approved tool":
                await self._consent()
            if hold is not None:
                await self._reached(hold)
        if phase.sign:
            await caller.until(phase.sign, since=self.begin)
        self.told = {*caller.words}

    async def set_off(self) -> None:
        """Have it accepted, and let it go its way."""
        await self.caller.say(self.text)
        sign = "input_audio_buffer.committed" if self.caller.spoken else "response.created"
        await self.caller.until(sign, since=self.begin)
        self.told = {*self.caller.words}

    async def _reached(self, hold: Hold) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await hold.reached.wait()
        except TimeoutError:
            why = f"{self.text!r} never comes to {self.phase.step}: {self.caller.story()}"
            raise AssertionError(why) from None

    async def finish(self) -> None:
        """The worker is dead and the caller has come back: see it through."""
        phase, caller = self.phase, self.caller
        if phase.step:
            self.world.let_go(phase.step, self.key)
        if phase.name == "listening":
            await caller.send("input_audio_buffer.clear")
            await caller.say(self.text)
        if caller.spoken and await self._unheard():
            await caller.heard_out()
            await caller.say(self.text)
        if phase.what == "asked" and not self.consented:
            await self._consent()
        await caller.when(lambda: self.answered or self._asked_again)
        if not self.answered:
            await self._consent()
            await caller.when(lambda: self.answered)

    async def _consent(self) -> None:
        """Say yes, once that was asked for."""
        await self.caller.when(lambda: QUESTION in (self.caller.answer(self.text) or ""))
        await self.caller.heard_out()
        self.begin = len(self.caller.events)
        await self.caller.say("yes")
        self.consented = True

    @property
    def _asked_again(self) -> bool:
        """Whether the yes came before the question was heard: its sound may be lost with a worker,
        and the caller tells how much of it came."""
        return UNCLEAR in (self.caller.answer(self.text) or "")

    async def _unheard(self) -> bool:
        """Whether the words were lost with their sound, which the agent must then say. Known once
        there is an answer of any kind."""

        def asked_again() -> bool:
            new = self.caller.words.keys() - self.told - self.caller.open
            return any(self.caller.words[item_id] == UNHEARD for item_id in new)

        def begun() -> bool:
            return bool(self.caller.answer(self.text))

        await self.caller.when(lambda: begun() or asked_again())
        return asked_again()

    @property
    def answered(self) -> bool:
        return self._is_over(self.caller.answer(self.text) or "")

    def _is_over(self, said: str) -> bool:
        return any(end in said for end in ENDS[self.phase.what])

    def check(self, items: list[dict[str, Any]]) -> None:
        """What must be true of it in the end, whenever its worker died."""
        wire = [stored for stored in items if not stored["hidden"]]
        told = [(s["item"]["role"], heard(s), s["item"]["id"]) for s in wire]
        asked = [item for item in told if item[:2] == ("user", self.text)]
        assert len(asked) == 1, f"{self.text!r} stands in the call {len(asked)} times"
        said = " ".join(said for _, said, _ in answer_to(self.text, told) or ())
        ends = sum(said.count(end) for end in ENDS[self.phase.what])
        assert ends == 1, f"{self.text!r} is answered {ends} times: {said}"
        done = self.world.deeds[self.phase.what, self.name]
        if self.phase.what in ONCE:
            assert done <= 1, f"{self.text!r} is done {done} times"
        elif self.phase.what in ENDS:
            assert done >= 1 or self.phase.what in ("say", "hand")


def heard(stored: dict[str, Any]) -> str:
    """The words of an item that the caller heard, or said."""
    return words(stored["item"]) if stored["heard"] is None else stored["heard"]
