"""Calls of the benchmark of the voice, one after the other, at one server."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import voice_sounds as sounds
from voice_call import FRAME, CallLost, Line, call
from voice_corpus import BEFORE_MS, Clip
from voice_score import TOO_LATE, Interrupted, Spoken, interrupted, spoken

from frontdesk.voice.base import OUTPUT_RATE, Samples

AFTERWARDS = 1.5
"""Seconds that a caller listens to the answer before hanging up: a second one would be heard."""
INTO = 1.5
"""Seconds of an answer after which somebody cuts in."""
SETTLED = 3.0
"""Seconds after a sound in which what was stopped by mistake goes on."""
OVER = 1.0
"""Seconds without sound after which an answer is over."""
LONGEST = 20.0
"""Seconds from an answer on that a call may last."""
QUESTION = "Where is my order?"
VOICE = "hibari:heart-low"
ECHO = 0.1
"""Of a loudspeaker's sound, 20 dB down, comes back into a speakerphone's microphone."""


@dataclass(frozen=True)
class Sound:
    """Something to be heard in the middle of an answer."""

    name: str
    samples: Samples
    speech: bool = False
    echo: float = 0.0


def interruptions() -> list[Sound]:
    """Words that mean it, and sounds that do not."""
    available = sounds.voices()
    say = sounds.speak
    meant = ("Wait, stop please.", "Hold on a second.", "No, that is wrong.", "I have a question.",
             "Stop.", "Actually, forget about that.")  # fmt: skip
    words = [
        Sound(f"{text} ({voice})", say(voice, text), speech=True)
        for text, voice in zip(meant, cycle(available), strict=False)
    ]
    murmurs = [
        Sound("uh-huh", sounds.murmur(sounds.THROAT, 210)),
        Sound("mm-hmm", sounds.murmur(sounds.NOSE, 130)),
        Sound("okay", say(available[0], "Okay.")),
        Sound("yeah", say(available[1], "Yeah.")),
    ]
    others = [
        Sound("cough", sounds.cough(1)),
        Sound("another cough", sounds.cough(2, voiced=0.7, pitch=120)),
        Sound("door", sounds.slam(1)),
        Sound("keyboard", sounds.keys(1)),
        Sound("speakerphone", sounds.silence(100), echo=ECHO),
    ]
    return [*words, *murmurs, *others]


@dataclass
class Measured:
    """All that was measured at one system."""

    turns: list[Spoken] = field(default_factory=list[Spoken])
    sounds: list[Interrupted] = field(default_factory=list[Interrupted])
    lost: list[str] = field(default_factory=list[str])


@dataclass
class Caller:
    """Places calls at one address. ``keep``: where each is stored as a WAV. Make it before an event
    loop runs: its voice runs one of its own."""

    url: str
    detection: dict[str, Any] | None = None
    keep: Path | None = None
    question: Samples = field(default_factory=lambda: sounds.speak(VOICE, QUESTION))

    async def warm_up(self) -> float:
        """A call that does not count; seconds of sound in a whole answer."""
        room = sounds.pink(10 * sounds.RATE, sounds.ROOM, seed=1)
        async with call(self.url, room, self.detection) as line:
            began = await self._asked(line)
            await line.until(began + AFTERWARDS)
            await line.silence(OVER, began + LONGEST)
            return line.played(began)

    async def turns(self, clips: Sequence[Clip], measured: Measured) -> None:
        for clip in clips:
            try:
                measured.turns.append(turn := await self.turn(clip))
            except (CallLost, OSError, TimeoutError) as error:
                measured.lost.append(f"{clip.name}: {error!r}")
                continue
            _tell(turn)

    async def turn(self, clip: Clip) -> Spoken:
        """One call, one turn; who called hangs up when it hears that it was answered."""
        async with call(self.url, clip.background, self.detection) as line:
            begins = line.say(clip.sound)
            began = begins + BEFORE_MS / 1000
            end = begins + clip.ends / OUTPUT_RATE
            await line.until(end)
            first = await line.first_sound(end, end + TOO_LATE)
            await line.until(max(line.clock, first or 0) + AFTERWARDS)
            self._store(line, clip.name)
        return spoken(line, clip.name, clip.kind, clip.text, began, end)

    async def sounds(self, wanted: Sequence[Sound], whole: float, measured: Measured) -> None:
        for sound in wanted:
            try:
                measured.sounds.append(scored := await self.interrupt(sound, whole))
            except (CallLost, OSError, TimeoutError) as error:
                measured.lost.append(f"{sound.name}: {error!r}")
                continue
            print(f"  {scored}", file=sys.stderr)

    async def interrupt(self, sound: Sound, whole: float) -> Interrupted:
        """One call: a question, and a sound in the middle of its answer of ``whole`` seconds."""
        room = sounds.pink(10 * sounds.RATE, sounds.ROOM, seed=1)
        async with call(self.url, room, self.detection, echo=sound.echo) as line:
            began = await self._asked(line)
            await line.until(began + INTO)
            said = line.say(sound.samples)
            frame = FRAME / OUTPUT_RATE
            wire = began if sound.echo else said + frame  # full frames go out
            await line.until(max(began + whole, said + len(sound.samples) / OUTPUT_RATE) + SETTLED)
            await line.silence(OVER, began + LONGEST)
            self._store(line, f"sound-{sound.name}")
        said = began if sound.echo else said
        return interrupted(line, sound.name, sound.speech, began, said, wire, whole)

    async def _asked(self, line: Line) -> float:
        """Ask; returns when the answer begins to be heard."""
        await line.until(0.5)
        end = line.say(self.question) + len(self.question) / OUTPUT_RATE
        began = await line.first_sound(end, end + 2 * TOO_LATE)
        if began is None:
            raise CallLost("no answer to a question")
        await line.until(began)
        return began

    def _store(self, line: Line, name: str) -> None:
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            safe = "".join(c if c.isalnum() or c in "-." else "_" for c in name)
            line.recording.write(self.keep / f"{safe}.wav")


def _tell(turn: Spoken) -> None:
    wait = "missed" if turn.latency is None else f"{turn.latency:5.0f} ms"
    cut = f" CUT {[round(ms) for ms in turn.cut]}" if turn.cut else ""
    wrong = f" {turn.errors}/{turn.words} words" if turn.errors else ""
    print(f"  {turn.clip:34} {wait}{cut}{wrong}  {turn.heard}", file=sys.stderr)
