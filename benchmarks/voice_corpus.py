"""The turns that callers speak in the benchmark of the voice, and where each truly ends.

``|`` in a text is a pause in the middle of the turn: only what stands behind the last word ends it.
What somebody really said comes from packages that ship recordings; a machine without them has a
smaller corpus, and the report says so.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from pathlib import Path

import numpy as np
import voice_held_out as other
import voice_sounds as sounds
from voice_sounds import LEVEL, MS, RATE

from frontdesk.voice.audio import pcm16_to_samples, read_wav, resample
from frontdesk.voice.base import Samples

BEFORE_MS = 600
"""Of the room, before the caller speaks."""


@dataclass(frozen=True)
class Clip:
    """One turn. ``speech`` from its first to its last audible sample, at 24 kHz."""

    name: str
    kind: str
    text: str
    """Empty where it is not known."""
    speech: Samples
    snr: float | None = None
    """dB of speech over the noise around it; None: a silent room."""
    phone: bool = False

    @property
    def seconds(self) -> float:
        return len(self.speech) / RATE

    @cached_property
    def background(self) -> Samples:
        """Ten seconds of the room, to be repeated."""
        rms = sounds.ROOM if self.snr is None else LEVEL / 10 ** (self.snr / 20)
        return sounds.pink(10 * RATE, rms, seed=len(self.text))

    @cached_property
    def sound(self) -> Samples:
        """What the microphone hears: the room, the turn, and no more."""
        lead = BEFORE_MS * MS
        heard = np.resize(self.background, lead + len(self.speech)).astype(np.float32)
        heard[lead:] += self.speech
        return sounds.by_phone(heard) if self.phone else np.clip(heard, -1, 1)

    @property
    def ends(self) -> int:
        """The true end of speech, in samples of :attr:`sound`."""
        return BEFORE_MS * MS + len(self.speech)


SENTENCES = (
    "Where is my order?",
    "My order number is four eight two one five.",
    "I would like to return the lamp that I bought last week.",
    "Do you deliver on Saturdays?",
    "Can I speak to someone in billing, please?",
    "How long do I have to send something back?",
    "The shade arrived broken, so I want my money back.",
    "Yes, that's right.",
    "What is the brightest bulb you have for a reading lamp?",
    "I ordered two lamps, but only one of them came.",
    "Could you change the delivery address to twelve Market Street?",
    "No, thank you.",
)
PAUSES = (
    ("I would like to return the lamp | that I bought last week.", 450),
    ("Can I speak to someone | in billing, please?", 600),
    ("My order number is | four eight two one five.", 800),
    ("I ordered two lamps, | but only one of them came.", 700),
    ("Could you change the delivery address | to twelve Market Street?", 550),
    ("The shade arrived broken, | so I want my money back.", 900),
    ("Do you have a lamp | that I can put outside?", 500),
    ("I want to know | where my parcel is.", 1000),
    ("Please send it | to my office.", 650),
)
HESITATIONS = (
    ("I am looking for, um, | a lamp for my desk.", 600),
    ("The number is, uh, | four eight two one five.", 800),
    ("Well, | I think it was | last Tuesday.", 550),
    ("So, um, | my lamp does not | work any more.", 700),
    ("Can you, uh, | can you tell me | when it will arrive?", 500),
    ("It is the, um, | the big one.", 900),
)


@dataclass(frozen=True)
class Script:
    """What is said, by whom and how fast."""

    voices: list[str]
    paces: tuple[float, ...]
    sentences: tuple[str, ...]
    pauses: tuple[tuple[str, int], ...]
    hesitations: tuple[tuple[str, int], ...]


def corpus(*, held_out: bool = False) -> list[Clip]:
    """All of it, the same each time on the same machine. ``held_out``: turns of the same kinds
    that no weight was chosen on, with other sentences, voices, paces, pauses and recordings."""
    if held_out:
        script = Script(sounds.other_voices(), other.PACES, other.SENTENCES, other.PAUSES,
                        other.HESITATIONS)  # fmt: skip
        real = _recordings(other.CUTS, other.POCKETSPHINX)
    else:
        script = Script(sounds.voices(), (1.0, 0.85, 1.2), SENTENCES, PAUSES, HESITATIONS)
        real = recordings()
    return [*_clean(script), *_noisy(script), *_by_phone(script), *_interrupted(script), *real]


def quick() -> list[Clip]:
    """One turn of each of three kinds."""
    heart = "hibari:heart"
    whole = _broken("paused-0", "pause", heart, *PAUSES[0])
    noisy = Clip("noise20-0", "noise 20 dB", SENTENCES[3], sounds.speak(heart, SENTENCES[3]), 20)
    return [Clip("clean-0", "clean", SENTENCES[0], sounds.speak(heart, SENTENCES[0])), whole, noisy]


def _clean(script: Script) -> Iterator[Clip]:
    voices, paces = cycle(script.voices), cycle(script.paces)
    for n, text in enumerate(script.sentences):
        voice, pace = next(voices), next(paces)
        yield Clip(f"clean-{n}-{voice}", "clean", text, sounds.speak(voice, text, pace))


def _noisy(script: Script) -> Iterator[Clip]:
    voices = cycle(script.voices[::2])
    for snr in (20, 10):
        for n, text in enumerate(script.sentences[snr == 10 : 10 : 2]):
            voice = next(voices)
            speech = sounds.speak(voice, text)
            yield Clip(f"noise{snr}-{n}-{voice}", f"noise {snr} dB", text, speech, snr)


def _by_phone(script: Script) -> Iterator[Clip]:
    voices = cycle(script.voices[1:])
    for n, text in enumerate(script.sentences[1::2]):
        voice = next(voices)
        speech = sounds.speak(voice, text)
        yield Clip(f"phone-{n}-{voice}", "phone 8 kHz", text, speech, 30, phone=True)


def _interrupted(script: Script) -> Iterator[Clip]:
    for kind, texts in (("pause", script.pauses), ("hesitation", script.hesitations)):
        voices = cycle(script.voices)
        for n, (text, milliseconds) in enumerate(texts):
            voice = next(voices)
            yield _broken(f"{kind}-{n}-{voice}", kind, voice, text, milliseconds)


def _broken(name: str, kind: str, voice: str, text: str, milliseconds: int) -> Clip:
    """The whole sentence, spoken at one go, with silence at each ``|``."""
    plain = text.replace(" |", "")
    speech = sounds.speak(voice, plain)
    parts = text.split(" | ")
    for n in range(len(parts) - 1, 0, -1):
        before = sounds.speak(voice, " ".join(parts[:n]).rstrip(","))
        speech = sounds.paused(speech, min(len(before), len(speech) - 1), milliseconds)
    return Clip(name, kind, plain, sounds.trimmed(speech))


POCKETSPHINX = Path("/usr/share/pocketsphinx/test/data")
"""Of Debian's package pocketsphinx-testdata."""
_READ = "librivox/sense_and_sensibility_01_austen_64kb-0{}.wav"
REAL = (
    (_READ.format(870), "And mister John Dashwood had then leisure to consider how much there "
     "might be prudently in his power to do for them."),
    (_READ.format(880), "He was not an ill disposed young man."),
    (_READ.format(920), "Had he married a more amiable woman he might have been made still more "
     "respectable than he was."),
    (_READ.format(930), "He might even have been made amiable himself."),
    ("goforward.raw", "Go forward ten meters."),
    ("something.raw", "Go somewhere and do something."),
    ("numbers.raw", "Thirty three four six ninety two."),
    ("cards/003.wav", "Seven of clubs."),
    ("cards/005.wav", "Eight of spades four of clubs seven of hearts."),
    ("tidigits/dhd.2934z.raw", "Two nine three four zero."),
)  # fmt: skip
CUTS = (
    ("two_cities", 20.9, 23.95, "We had everything before us, we had nothing before us."),
    ("two_cities", 17.3, 28.3, "It was the spring of hope, it was the winter of despair, we had "
     "everything before us, we had nothing before us, we were all going direct to heaven, we were "
     "all going direct the other way."),
)  # fmt: skip
"""Seconds of recordings in the wheel of moonshine-voice, read by a person with long pauses."""


def recordings() -> list[Clip]:
    """What people said."""
    return _recordings(CUTS, REAL)


def _recordings(
    cuts: tuple[tuple[str, float, float, str], ...], files: tuple[tuple[str, str], ...]
) -> list[Clip]:
    return [*_from_wheel(cuts), *_pocketsphinx(files)]


def _from_wheel(cuts: tuple[tuple[str, float, float, str], ...]) -> Iterator[Clip]:
    spec = importlib.util.find_spec("moonshine_voice")
    for folder in (spec and spec.submodule_search_locations) or ():
        for n, (file, begin, end, text) in enumerate(cuts):
            whole = read_wav(Path(folder) / "assets" / f"{file}.wav", RATE)
            said = whole[round(begin * RATE) : round(end * RATE)]
            name = f"real-{file.split('_')[-1]}-{n}"
            yield Clip(name, "real", text, spoken_part(sounds.levelled(said)))


def _pocketsphinx(files: tuple[tuple[str, str], ...]) -> Iterator[Clip]:
    for file, text in files:
        path = POCKETSPHINX / file
        if path.is_file():
            speech = spoken_part(sounds.levelled(_read(path)))
            yield Clip(f"real-{path.stem[-4:]}", "real", text, speech)


def _read(path: Path) -> Samples:
    if path.suffix == ".raw":
        return resample(pcm16_to_samples(path.read_bytes()), 16_000, RATE)
    return read_wav(path, RATE)


def spoken_part(samples: Samples) -> Samples:
    """From the first to the last 10 ms that stand out of the recording's own noise."""
    frame = 10 * MS
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    loud = np.sqrt(np.mean(np.square(frames), axis=1))
    threshold = max(0.01, 3 * float(np.percentile(loud, 5)))
    (heard,) = np.nonzero(loud > threshold)
    return samples[heard[0] * frame : (heard[-1] + 1) * frame]
