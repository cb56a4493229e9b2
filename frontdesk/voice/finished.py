"""Has the caller finished? The voice and the words before a pause, taken together.

Pure functions: what the end-of-turn model hears and what the transcriber wrote come in, the silence
after which the turn ends comes out.
"""

import math
import re
from dataclasses import dataclass

from frontdesk.voice import east_asian, english
from frontdesk.voice.base import Transcript
from frontdesk.voice.wording import Wording

SURE = 0.98
"""So much the end-of-turn model says at half of the ends of natural voices, at none of espeak's and
flite's, and in 4 of 52 pauses of 0.2 s and more (113 turns of ``benchmarks/voice_ends.py``). What
it says below that tells little."""
SHORTEST_MS = 160
"""Silence after a turn whose end the voice is sure of."""
SHORTEST_BY_VOICE_MS = 288
"""The same without words, where the voice is less sure."""
LONGEST_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
"""Silence that ends any turn, by eagerness (the Realtime API's figures for semantic_vad)."""
SILENCE_MS = {"low": 1000, "medium": 700, "auto": 700, "high": 500}
"""Silence that ends a turn of which nothing is known."""
_VOICE_WEIGHT = 0.7
_VOICE_MOST = 1.3
"""What the voice counts for beside words, in log odds: the words of an unfinished sentence outweigh
a voice that falls."""
_BY_WORDS = {
    Wording.CLOSED: 0.36,
    Wording.BEGUN: 0.45,
    Wording.STATED: 0.8,
    Wording.SPELLED: 1.5,
    Wording.DOUBTFUL: 1.5,
    Wording.OPEN: 3.0,
}
"""Shares of :data:`SILENCE_MS` where words are all there is."""
_BESIDE_VOICE = {
    Wording.CLOSED: (0.36, 0.28),
    Wording.STATED: (0.36, 0.28),
    Wording.BEGUN: (0.45, 0.4),
    Wording.UNKNOWN: (0.77, 0.4),
    Wording.DOUBTFUL: (0.77, 0.77),
    Wording.SPELLED: (1.5, 0.3),
}
"""The same beside a voice of probability 0 and of nearly :data:`SURE`."""
_VOICE_POWER = 4
"""Between the two it goes by this power of the probability: only near 1 does it tell much."""

_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_NO_ENGLISH_LETTER = re.compile(r"[^\W\d_a-zA-Z]")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a pause. ``probability`` that the caller has finished, None when nothing is
    known; the turn ends after ``silence_ms``."""

    probability: float | None
    silence_ms: float


def judge(heard: float | None, wording: Wording | None, eagerness: str) -> Judgement:
    """``heard`` is the end-of-turn model's probability, ``wording`` what the words say.

    With both, the probability is ``logistic(0.7 * logit(heard), at most 1.3 either way, + the
    words' weight)``. The silence goes by the words, as a share of that which ends a turn of which
    nothing is known, and the voice shortens it; to 160 ms where it is sure and the words are not
    open. By the voice alone it is ``288 + (longest - 288) * (1 - p)**4``, 0.52 s at p = 0.5 and
    medium eagerness, and 160 ms where it is sure.
    """
    longest, unknown = LONGEST_MS[eagerness], SILENCE_MS[eagerness]
    share = _BY_WORDS.get(wording) if wording else None
    by_words = min(max(unknown * share, SHORTEST_MS), longest) if share else None
    if wording is Wording.NOTHING:
        return Judgement(_logistic(wording.value), SHORTEST_MS)
    if heard is None or (wording and wording.needs_no_voice):
        if wording is None or by_words is None:
            return Judgement(None, unknown)
        return Judgement(_logistic(wording.value), by_words)
    heard = min(max(heard, 0.0), 1.0)
    if wording is None:
        probability, silence = heard, _silence(heard, longest)
    else:
        voice = min(max(_VOICE_WEIGHT * _logit(heard), -_VOICE_MOST), _VOICE_MOST)
        probability = _logistic(voice + wording.value)
        low, high = _BESIDE_VOICE[wording]
        share = low + (high - low) * heard**_VOICE_POWER
        silence = max(unknown * share, SHORTEST_MS)
        silence = min(silence, by_words or longest)
    return Judgement(probability, SHORTEST_MS if heard >= SURE else silence)


def wording(transcript: Transcript) -> Wording | None:
    """How the words stand; None without words, or in a language of which nothing is known here."""
    text, language = transcript.text.strip(), (transcript.language or "").lower()
    if not text:
        return None
    if _HANGUL.search(text):
        return east_asian.korean(text)
    if _KANA.search(text):
        return east_asian.japanese(text)
    if _HAN.search(text):
        return None if language.startswith("ja") else east_asian.chinese(text)
    is_english = language.startswith("en") or not (language or _NO_ENGLISH_LETTER.search(text))
    return english.judge(text) if is_english else None


def _silence(heard: float, longest: int) -> float:
    return SHORTEST_BY_VOICE_MS + (longest - SHORTEST_BY_VOICE_MS) * (1 - heard) ** 4


def _logit(probability: float) -> float:
    sure = min(max(probability, 0.001), 0.999)
    return math.log(sure / (1 - sure))


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
