"""When turns are taken for over, decided offline: the models and the rules of the server, without
server, sockets and real time.

    python benchmarks/voice_ends.py [--verbose]

Both corpora of ``voice_corpus.py``, the one that rules were chosen on and the one held out, in a
minute: cut-offs, and the time from the true end to the decision, by voice and words and by 500 ms
of silence. Words are taken to come 40 ms after they are asked for, and the end-of-turn model's
answer after 50, as they do on a machine that does little else. What a caller waits is some 50 ms
more: the voice, the wire and the loudspeaker.
"""

import argparse
import asyncio
import statistics
from dataclasses import dataclass, field

import numpy as np
import voice_corpus

from frontdesk.desk.voice import TurnDetection, Voice
from frontdesk.voice.audio import resample
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, EndOfTurn, Samples, Transcript
from frontdesk.voice.finished import wording
from frontdesk.voice.hush import LOOK_MS, hushed_ms
from frontdesk.voice.models import VoiceModels, build_voice
from frontdesk.voice.turns import Ask, Decision, Ended, Paused, TurnDetector

MS = INPUT_RATE // 1000
WINDOW = 512
AFTER_MS = 5000
"""Of the room, behind the turn."""
WORDS_MS, VOICE_MS = 40, 50
RULES = {
    "by voice and words": TurnDetection(type="semantic_vad"),
    "500 ms of silence": TurnDetection(type="server_vad", silence_duration_ms=500),
}


@dataclass
class Judged:
    """One turn: when it was taken for over, in milliseconds of its sound."""

    name: str
    true_end: float
    ends: list[float] = field(default_factory=list[float])

    @property
    def cut(self) -> bool:
        return any(end < self.true_end for end in self.ends)

    @property
    def wait(self) -> float | None:
        """From the true end to the decision; None where it came before and nothing behind it."""
        return next((end - self.true_end for end in self.ends if end >= self.true_end), None)


@dataclass
class Ear:
    """Listens to one turn under one rule; answers of the models come when they would."""

    models: VoiceModels
    sound: Samples
    detector: TurnDetector
    judged: Judged
    answers: list[tuple[float, Paused | Ask]] = field(default_factory=list)

    async def hear(self) -> Judged:
        activity = self.models.activity_factory()
        for begin in range(0, len(self.sound) - WINDOW + 1, WINDOW):
            end = begin + WINDOW
            await self._answer(end / MS)
            probability = activity(self.sound[begin:end])
            look = self.sound[max(0, end - LOOK_MS * MS) : end]
            quiet = hushed_ms(look) if self.detector.falls(probability) else 0
            self._note(self.detector.push(probability, quiet), end / MS)
        return self.judged

    async def _answer(self, until: float) -> None:
        while self.answers and min(at for at, _ in self.answers) <= until:
            due = min(self.answers, key=lambda answer: answer[0])
            self.answers.remove(due)
            at, asked = due
            if isinstance(asked, Paused):
                self._note(self.detector.read(asked, wording(await self._words(asked))), at)
            else:
                self._note(self.detector.answer(asked, await self._voice(asked)), at)

    def _note(self, decisions: list[Decision], at: float) -> None:
        for decision in decisions:
            if isinstance(decision, Paused):
                self.answers.append((at + WORDS_MS, decision))
            elif isinstance(decision, Ask):
                self.answers.append((at + VOICE_MS, decision))
            elif isinstance(decision, Ended):
                self.judged.ends.append(at)

    async def _words(self, asked: Paused) -> Transcript:
        stream = self.models.stt.stream()
        stream.push(self.sound[self._begin * MS : asked.at_ms * MS])
        try:
            return await stream.transcript()
        finally:
            await stream.aclose()

    async def _voice(self, asked: Ask) -> float | None:
        model: EndOfTurn | None = self.models.end_of_turn
        begin = max(self._begin, asked.at_ms - 8000) * MS
        return await model.probability(self.sound[begin : asked.at_ms * MS]) if model else None

    @property
    def _begin(self) -> int:
        return self.detector.start_ms or 0


def judged(models: VoiceModels, clip: voice_corpus.Clip, rules: TurnDetection) -> Judged:
    room = np.resize(clip.background, AFTER_MS * OUTPUT_RATE // 1000)
    sound = resample(np.concatenate([clip.sound, room]), OUTPUT_RATE, INPUT_RATE)
    detector = TurnDetector(rules, model=models.end_of_turn is not None)
    turn = Judged(clip.name, clip.ends * 1000 / OUTPUT_RATE)
    return asyncio.run(Ear(models, sound, detector, turn).hear())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true", help="also tell each turn")
    options = parser.parse_args()
    models = build_voice(Voice(), "embedded")
    print("| turns | rule | cut off | mean / p50 ms |\n| --- | --- | --- | --- |")
    for name, held_out in (("chosen on", False), ("held out", True)):
        clips = voice_corpus.corpus(held_out=held_out)
        for title, rules in RULES.items():
            turns = [judged(models, clip, rules) for clip in clips]
            waits = [turn.wait for turn in turns if turn.wait is not None]
            cut = sum(turn.cut for turn in turns)
            middle = f"{statistics.mean(waits):.0f} / {statistics.median(waits):.0f}"
            print(f"| {name} | {title} | {cut} of {len(turns)} | {middle} |", flush=True)
            for turn in turns if options.verbose else ():
                wait = "never" if turn.wait is None else f"{turn.wait:.0f} ms"
                print(f"  {turn.name:32} {wait:8} {'CUT' if turn.cut else ''}")


if __name__ == "__main__":
    main()
