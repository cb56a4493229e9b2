"""What came of spoken turns, counted: words, cut-offs, waits, interruptions."""

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from voice_call import Line

TOO_LATE = 6.0
"""Seconds after the true end without a sound: the end was missed."""
STRAY = 0.3
"""Seconds after a stop in which sound still belongs to what was stopped."""
ANOTHER = 1.5
"""Seconds of sound beyond an answer from which on it is another answer."""
HEARD_OUT = 0.3
"""Seconds that may be missing of an answer that was heard to its end."""
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
_UNITS += "fifteen sixteen seventeen eighteen nineteen"
SMALL = {word: n for n, word in enumerate(_UNITS.split())} | {"oh": 0}
TENS = {
    word: 10 * n
    for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
SAME = {"mr": "mister", "mrs": "missus", "st": "street", "um": "", "umm": "", "uh": "", "ah": "",
        "er": "", "hmm": "", "mm": "", "okay": "ok", "metres": "meters"}  # fmt: skip
"""Spellings that sound alike, and what fills a pause: transcribers may leave it out."""


@dataclass
class Spoken:
    """One turn as it came out. Milliseconds; ``latency`` from the true end of speech to the first
    audible sample of an answer, at the ear."""

    clip: str
    kind: str
    text: str
    seconds: float
    latency: float | None = None
    cut: list[float] = field(default_factory=list[float])
    """How long before its true end the turn was taken for over, each time."""
    talked_over: bool = False
    """An answer could be heard before the true end."""
    heard: str = ""
    words: int = 0
    errors: int = 0
    answers: int = 0
    """Responses with sound: more than one is an answer too many, if nothing was cut off."""
    error: str | None = None

    @property
    def missed(self) -> bool:
        return self.latency is None and not self.talked_over


@dataclass
class Interrupted:
    """What a sound in the middle of an answer did. Milliseconds."""

    sound: str
    speech: bool
    """Whether it should stop the agent."""
    stopped: float | None = None
    """From its first audible sample on the wire until the player was told to be silent."""
    at_ear: float | None = None
    """From that sample's being spoken, up to a frame before, until nothing more of the answer was
    played."""
    last_sound: float | None = None
    """From there to the last sound of the interrupted answer that arrived; below zero: before."""
    gap: float | None = None
    """How long a player that was stopped by mistake was silent."""
    rest: float = 0.0
    """Seconds of the answer that were never heard."""
    answered: bool = False
    """Another answer followed."""
    understood: str = ""
    """What was made of it, if anything."""

    @property
    def lost(self) -> bool:
        """Not meant, and the answer did not go on to its end, or another came."""
        return not self.speech and (self.answered or self.rest > HEARD_OUT)


def spoken(line: Line, name: str, kind: str, text: str, began: float, end: float) -> Spoken:
    """Score a turn that lay between these times of the call's clock."""
    turn = Spoken(name, kind, text, end - began)
    early = [event.at for event in line.of("input_audio_buffer.committed") if event.at < end]
    turn.cut = [1000 * (end - at) for at in early]
    first = line.audible(began)
    turn.talked_over = first is not None and first < end
    answer = line.audible(end)
    if answer is not None and answer - end <= TOO_LATE and not line.playing_at(end):
        turn.latency = 1000 * (answer - end)
    turn.heard = _heard(line)
    if text:
        turn.errors, turn.words = word_errors(text, turn.heard)
    turn.answers = len({event.data.get("response_id") for event in line.of(_SPOKE)})
    return turn


_SPOKE = "response.output_audio.done"


def interrupted(
    line: Line, sound: str, speech: bool, began: float, said: float, wire: float, whole: float
) -> Interrupted:
    """Score a sound that was made at ``said`` and went out at ``wire``, in the middle of an answer
    of ``whole`` seconds that began to be played at ``began``."""
    scored = Interrupted(sound, speech)
    stop = next((stop for stop in line.stops if stop.at >= wire), None)
    if stop is not None:
        scored.stopped = 1000 * (stop.at - wire)
        scored.at_ear = 1000 * (line.heard_until(stop.at) - said)
        before = [at for at in line.sound_at if at < stop.at + STRAY]
        scored.last_sound = 1000 * (before[-1] - wire) if before else None
        scored.gap = None if stop.resumed is None else 1000 * (stop.resumed - stop.at)
    heard = line.played(began)
    scored.rest = max(0.0, whole - heard)
    scored.answered = heard > whole + ANOTHER
    scored.understood = _heard(line, wire)
    return scored


def _heard(line: Line, after: float = 0.0) -> str:
    """The transcripts that came ``after`` then, of what still stands in the conversation."""
    gone = {event.data["item_id"] for event in line.of("conversation.item.deleted")}
    kind = "conversation.item.input_audio_transcription.completed"
    late = [event for event in line.of(kind) if event.at >= after]
    told = {event.data["item_id"]: event.data["transcript"] for event in late}
    return " ".join(text for item, text in told.items() if item not in gone)


# Words


def normal(text: str) -> list[str]:
    """Words without case, punctuation and fillers; numbers digit by digit, however written."""
    text = re.sub(r"(\d),(?=\d{3}\b)", r"\1", text.lower().replace("’", "'"))
    words = re.findall(r"\d+(?:st|nd|rd|th)?|[a-z']+", text.replace("-", " "))
    text = " ".join(SAME.get(word.strip("'"), word.strip("'")) for word in words)
    text = re.sub(r"\b(some|any|every|e) (one|thing|where|mail)\b", r"\1\2", text)
    words = text.split(" ")
    return list(_digits([word for word in words if word]))


def _digits(words: list[str]) -> Iterable[str]:
    n = 0
    while n < len(words):
        word = words[n]
        n += 1
        if word in TENS:
            value = TENS[word]
            if n < len(words) and 0 < SMALL.get(words[n], 0) < 10:
                value += SMALL[words[n]]
                n += 1
            yield from str(value)
        elif word in SMALL and (word != "oh" or _among_digits(words, n - 1)):
            yield from str(SMALL[word])
        elif word[0].isdigit():
            yield from re.match(r"\d+", word)[0]  # type: ignore[index]
        else:
            yield word


def _among_digits(words: list[str], at: int) -> bool:
    beside = words[max(0, at - 1) : at] + words[at + 1 : at + 2]
    return any(word in SMALL and word != "oh" for word in beside)


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Substitutions, insertions and deletions (Levenshtein), and the number of words said."""
    wanted, got = normal(said), normal(heard)
    row = list(range(len(got) + 1))
    for n, word in enumerate(wanted, 1):
        before, row[0] = row[0], n
        for m, other in enumerate(got, 1):
            before, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, before + (word != other))
    return row[-1], len(wanted)


# Sums


def quantile(values: Sequence[float], share: float) -> float:
    """By the nearest rank; NaN of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def summary(turns: Sequence[Spoken], sounds: Sequence[Interrupted] = ()) -> dict[str, float]:
    """The figures of one system."""
    waits = [turn.latency for turn in turns if turn.latency is not None]
    words = sum(turn.words for turn in turns)
    meant = [sound for sound in sounds if sound.speech]
    stops = [sound.stopped for sound in meant if sound.stopped is not None]
    heard = [sound.at_ear for sound in meant if sound.at_ear is not None]
    others = [sound for sound in sounds if not sound.speech]
    return {
        "turns": len(turns),
        "mean_ms": statistics.mean(waits) if waits else float("nan"),
        "p50_ms": quantile(waits, 0.5),
        "p95_ms": quantile(waits, 0.95),
        "cut_off": sum(bool(turn.cut) for turn in turns),
        "talked_over": sum(turn.talked_over for turn in turns),
        "missed": sum(turn.missed for turn in turns),
        "word_error_rate": sum(turn.errors for turn in turns) / words if words else float("nan"),
        "barge_ins": len(meant),
        "barge_in_mean_ms": statistics.mean(stops) if stops else float("nan"),
        "barge_in_worst_ms": max(stops, default=float("nan")),
        "barge_in_ear_worst_ms": max(heard, default=float("nan")),
        "barge_ins_ignored": len(meant) - len(stops),
        "other_sounds": len(others),
        "stopped_by_mistake": sum(sound.stopped is not None for sound in others),
        "answers_lost": sum(sound.lost for sound in others),
    }


def by_kind(turns: Sequence[Spoken]) -> dict[str, dict[str, float]]:
    """The same for each class of turns."""
    kinds = dict.fromkeys(turn.kind for turn in turns)
    return {kind: summary([turn for turn in turns if turn.kind == kind]) for kind in kinds}
