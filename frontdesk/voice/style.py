"""What a style in plain words means for a model that cannot read it: rate, pitch, pauses.

``calm, like a good counsellor`` is sent as it is to models that take instructions. For the others
its words are looked up here, so that it sounds a little like what was asked, and always the same.
The steps are small, as those between moods of one speaker are: in acted speech joy and anger are
some tenths quicker and a few semitones higher, sadness slower and lower (Scherer, "Vocal
communication of emotion", Speech Communication 40, 2003, table 2).
"""

import re
from dataclasses import dataclass
from functools import cache
from math import prod

STEP = 1 / 24
"""One step of pitch, about 0.7 semitones: ratios of 24ths are quick to resample."""
_SLOWEST, _QUICKEST = 0.75, 1.3
_MOST_STEPS = 3


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak, relative to the voice's own way: ``rate`` and ``pitch`` are factors,
    ``pause`` that of the pauses between clauses."""

    rate: float = 1.0
    pitch: float = 1.0
    pause: float = 1.0
    whispered: bool = False

    def __str__(self) -> str:
        told = f"rate {self.rate:.2f}, pitch {self.pitch:.2f}, pauses {self.pause:.2f}"
        return f"{told}, whispered" if self.whispered else told


# rate, steps of pitch, pauses; words by their beginnings
_WORDS: dict[tuple[str, ...], tuple[float, float, float]] = {
    ("calm", "sooth", "gentl", "relax", "seren", "peaceful", "reassur", "patien"): (
        0.95,
        -0.6,
        1.2,
    ),
    ("warm", "kind", "caring", "soft", "tender", "intimate"): (0.97, -0.3, 1.1),
    ("slow", "unhurried", "leisure", "measured", "deliberate"): (0.86, 0.0, 1.3),
    ("clear", "exact", "precise", "articulate", "distinct"): (0.95, 0.0, 1.1),
    ("quick", "fast", "brisk", "rapid", "swift", "hurr", "snappy", "urgent"): (1.12, 0.0, 0.75),
    ("friendl", "welcom", "pleasant", "polite", "helpful"): (1.0, 0.6, 1.0),
    ("cheer", "happ", "joy", "upbeat", "bright", "sunny", "playful"): (1.04, 1.2, 0.9),
    ("excit", "energ", "enthus", "livel", "thrilled"): (1.1, 2.0, 0.8),
    ("serious", "formal", "grave", "solemn", "authorit", "stern", "firm"): (0.95, -1.2, 1.15),
    ("profession", "business", "neutral", "matter-of-fact"): (1.0, -0.4, 1.0),
    ("sad", "sorrow", "sympath", "empath", "condol", "compassion"): (0.9, -1.0, 1.25),
    ("deep", "low-pitch"): (1.0, -2.0, 1.0),
    ("high-pitch", "childlike"): (1.0, 2.0, 1.0),
    ("tired", "sleepy", "bored"): (0.86, -1.0, 1.3),
    ("whisper",): (0.92, 0.0, 1.2),
    ("차분", "침착", "평온", "편안"): (0.95, -0.6, 1.2),
    ("천천히", "느리", "느긋"): (0.86, 0.0, 1.3),
    ("빠르", "빨리", "신속"): (1.12, 0.0, 0.75),
    ("밝", "명랑", "쾌활", "즐거", "활기"): (1.04, 1.2, 0.9),
    ("친절", "상냥", "다정"): (1.0, 0.6, 1.0),
    ("진지", "엄숙", "정중", "격식"): (0.95, -1.2, 1.15),
    ("속삭",): (0.92, 0.0, 1.2),
}
_FORCE = {
    "very": 1.5, "extremely": 1.8, "really": 1.5, "super": 1.5, "아주": 1.5, "매우": 1.5,
    "slightly": 0.5, "little": 0.5, "bit": 0.5, "somewhat": 0.7, "quite": 1.0, "조금": 0.5,
    "not": 0.0, "never": 0.0, "no": 0.0, "without": 0.0, "don't": 0.0, "less": -0.7,
}  # fmt: skip
_WHISPERS = ("whisper", "속삭")
_TOKEN = re.compile(r"[\w'’-]+|[,.;]")


@cache
def manner(style: str | None) -> Manner:
    """What ``style`` asks for. Words that are not known change nothing; "very", "a little" and
    "not" weigh the word behind them."""
    rates, pauses, steps, whispered, force = [1.0], [1.0], 0.0, False, 1.0
    for token in _TOKEN.findall((style or "").lower().replace("’", "'")):
        if token in _FORCE:
            force = _FORCE[token] if force else force
            continue
        if (found := _meaning(token)) is not None:
            rate, up, pause = found
            rates.append(rate**force)
            pauses.append(pause**force)
            steps += up * force
            whispered = whispered or (force > 0 and token.startswith(_WHISPERS))
            force = 1.0
        elif token in ",.;":
            force = 1.0
    whole = max(-_MOST_STEPS, min(_MOST_STEPS, round(steps)))
    rate = round(max(_SLOWEST, min(_QUICKEST, prod(rates))), 3)
    return Manner(rate, 1 + whole * STEP, round(max(0.5, min(2.0, prod(pauses))), 3), whispered)


def _meaning(token: str) -> tuple[float, float, float] | None:
    return next((meant for words, meant in _WORDS.items() if token.startswith(words)), None)
