"""Listens to an answered call as a careful ear would: clicks, holes, words that miss or come twice.

    python benchmarks/voice_listen.py [--keep FILE.wav]

Calls the example desk with the embedded models, in real time, asks, lets each answer end, and looks
at what came out of the loudspeaker: steps at the joints of what was sent, silence where the player
ran dry or a sentence has a hole, levels, and the words that a transcriber hears in it beside those
that the server says it spoke. The WAV has the caller on the left and the agent on the right.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import voice_sounds as sounds
from server import serving
from voice_call import Event, Line, call
from voice_score import word_errors

from frontdesk.voice.audio import resample
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples
from frontdesk.voice.embedded.moonshine_model import MoonshineModel, folder

HERE = Path(__file__).parent
ASKED = (
    "Where is my order with the number one two three four five?",
    "How long do I have to send something back?",
    "Do you deliver on Saturdays?",
    "What is the brightest lamp you have?",
    "Can I speak to someone about a return?",
)
MS = OUTPUT_RATE // 1000
STEP = 0.04
"""A jump between two samples that can be heard, if the sound around it has none like it."""
LIKE_IT = 3.0
"""Times the greatest jump in the 10 ms around it."""
HOLE_MS = 400
"""Silence inside an answer that is longer than any pause of a speaker."""
QUIET = 0.003
PART_S = 20
"""Seconds that the transcriber is given at a time."""


@dataclass
class Answer:
    """What is to be said of one answer. Milliseconds."""

    said: str
    heard: str
    seconds: float
    rms: float
    clicks: list[float] = field(default_factory=list[float])
    """Where, in ms of the answer."""
    dry: list[float] = field(default_factory=list[float])
    """How long the player had nothing to play in the middle of it."""
    holes: list[float] = field(default_factory=list[float])
    abrupt: bool = False
    """It begins or ends in the middle of a sound."""

    @property
    def wrong_words(self) -> int:
        return word_errors(self.said, self.heard)[0]


def judge(sound: Samples, pieces: list[tuple[int, int]], said: str, heard: str) -> Answer:
    """``sound``: what was played of an answer; ``pieces``: its deltas on the same time line, in
    samples: where each begins, and how long it is."""
    begin = pieces[0][0]
    loud = sound[np.abs(sound) > QUIET]
    rms = float(np.sqrt(np.mean(np.square(loud)))) if len(loud) else 0.0
    answer = Answer(said, heard, len(sound) / OUTPUT_RATE, rms)
    ends = [at + length for at, length in pieces]
    gaps = [at - end for (at, _), end in zip(pieces[1:], ends, strict=False)]
    answer.dry = [gap / MS for gap in gaps if gap > MS]
    joints = [at - begin for at, _ in pieces[1:]]
    answer.clicks = [joint / MS for joint in joints if _clicks(sound, joint)]
    answer.holes = _holes(sound)
    answer.abrupt = max(abs(float(sound[0])), abs(float(sound[-1]))) > STEP
    return answer


def _clicks(sound: Samples, joint: int) -> bool:
    around = np.abs(np.diff(sound[max(0, joint - 10 * MS) : joint + 10 * MS]))
    at = min(joint, 10 * MS) - 1
    step, others = around[at], np.delete(around, at)
    return bool(step > STEP and step > LIKE_IT * others.max(initial=0.0))


def _holes(sound: Samples) -> list[float]:
    (loud,) = np.nonzero(np.abs(sound) > QUIET)
    silences = np.diff(loud) / MS
    return [float(ms) for ms in silences if ms > HOLE_MS]


async def listen(url: str, asked: list[Samples], keep: Path | None) -> list[Answer]:
    """Place the call and judge its answers."""
    room = sounds.pink(10 * sounds.RATE, sounds.ROOM, seed=1)
    async with call(url, room) as line:
        await line.until(0.5)
        for question in asked:
            end = line.say(question) + len(question) / OUTPUT_RATE
            if await line.first_sound(end, end + 12) is None:
                raise SystemExit("no answer within 12 s")
            while line.playing_until > line.clock or not _done(line):
                await line.until(max(line.playing_until, line.clock + 0.1))
            await line.until(line.clock + 0.4)
    if keep is not None:
        line.recording.write(keep)
    return [_answer(line, item, pieces) for item, pieces in line.items.items()]


def _done(line: Line) -> bool:
    return len(line.of("response.created")) == len(line.of("response.done"))


def _answer(line: Line, item: str, pieces: list[tuple[int, int]]) -> Answer:
    whole = line.recording.agent.samples(line.recording.agent.end)
    sound = whole[pieces[0][0] : sum(pieces[-1])]
    said = "".join(_delta(event, item) for event in line.of(_WORDS))
    return judge(sound, pieces, said, hear(sound))


_WORDS = "response.output_audio_transcript.delta"


def _delta(event: Event, item: str) -> str:
    return event.data["delta"] if event.data["item_id"] == item else ""


def hear(sound: Samples) -> str:
    """What a transcriber hears in it."""
    weights = folder()
    assert weights is not None
    model = MoonshineModel(weights)
    samples = resample(sound, OUTPUT_RATE, INPUT_RATE)
    parts = [samples[at : at + PART_S * INPUT_RATE] for at in range(0, len(samples), 320_000)]
    return " ".join(model.text(model.hear(part).tokens) for part in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="store the call here")
    options = parser.parse_args()
    asked = [sounds.speak("hibari:heart-low", text) for text in ASKED]
    with serving("embedded", HERE.parent) as server:
        answers = asyncio.run(listen(f"{server.ws}/v1/realtime?model=support", asked, options.keep))
    wrong = 0
    for answer in answers:
        found = {
            "clicks at ms": answer.clicks,
            "ran dry, ms": answer.dry,
            "holes, ms": answer.holes,
        }
        told = [f"{name} {[round(ms) for ms in where]}" for name, where in found.items() if where]
        told += ["begins or ends abruptly"] * answer.abrupt
        told += [f"{answer.wrong_words} words differ: {answer.heard}"] * bool(answer.wrong_words)
        wrong += bool(answer.clicks or answer.dry or answer.holes or answer.abrupt)
        print(f"{answer.seconds:5.1f} s, level {20 * np.log10(answer.rms):.1f} dB: {answer.said}")
        print("".join(f"        {line}\n" for line in told), end="")
    print(f"{len(answers)} answers, {wrong} with something to be heard that should not be")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
