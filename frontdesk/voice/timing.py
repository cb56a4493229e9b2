"""When each word of a clause is said, estimated from its letters and its sound.

Measured on 52 clauses (433 words) of the embedded voice against the model's own durations, at each
20 ms of their sound: 78 % to the word, 0.23 words off on average, 1 at p95; word ends 51 ms off in
the median, 180 ms at p95. By letters alone it was 51 % and 0.53 words.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.g711 import Pcm

WIDE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")
_WORD = re.compile(r"\s*\S+")
_BARE = re.compile(r"[^\w$€£%&+@]")
_BREAK = re.compile(r"[,;:—–.!?…、，。！？)]$")
_FRAME_MS = 5
_FRAME = OUTPUT_RATE * _FRAME_MS // 1000
_SILENT, _QUIET = 0.01, 0.03
"""Of the loudest: under this is no sound at the edges, under that a pause between words."""
_PAUSE_MS = 70
"""Shorter ones are stopped consonants."""
_NEAR_MS = 600
"""A mark is spoken as a pause no farther than this from where it is expected."""
_MARK = 3.0
"""What a mark takes, in letters, for that expectation."""
_DIGIT, _SYLLABLE, _SIGN = 4.0, 2.5, 6.0
"""Letters that a digit, a syllable of Hangul, Kana or a Chinese character, a sign of money count
for."""
_LIGHT = 0.6
_LIGHT_WORDS = frozenset(
    (
        "a an the and or but of to in on at for from with by as is are was were be been it its i "
        "you he she we they that this your our my me him her us them will would can could not so "
        "if have has had do does did there"
    ).split()
)
"""English words that are said in passing: they take this part of the time of others."""


@dataclass(frozen=True, slots=True)
class Word:
    """``end`` characters into its clause it ends, and ``end_ms`` into its sound; the next word
    begins at ``next_ms``."""

    end: int
    end_ms: float
    next_ms: float


def units(text: str) -> list[str]:
    """Words; single characters in scripts written without spaces."""
    words = _WORD.findall(text)
    return [unit for word in words for unit in (word if _spaceless(word) else [word])]


def words(text: str, sound: Pcm) -> list[Word]:
    """The words of a clause whose sound this is, all of it."""
    found = units(text)
    first, last, pauses = _shape(sound)
    weights = [_weight(unit) for unit in found]
    expected = _expected(found, weights, first, last)
    ends: list[float] = []
    following: list[float] = []
    begin = first
    for index, unit in enumerate(found[:-1]):
        if not _BREAK.search(unit):
            continue
        near = [(abs(at - expected[index]), at, on) for at, on in pauses if at > begin]
        if near and (nearest := min(near))[0] < _NEAR_MS:
            _, at, on = nearest
            ends += _spread(weights[len(ends) : index + 1], begin, at)
            following += [*ends[len(following) : -1], on]
            begin = on
    ends += _spread(weights[len(ends) :], begin, last)
    following += ends[len(following) :]
    places = np.cumsum([len(unit) for unit in found]).tolist()
    return [Word(*each) for each in zip(places, ends, following, strict=True)]


def _shape(sound: Pcm) -> tuple[float, float, list[tuple[float, float]]]:
    """Where the voice begins and ends, and its pauses, in ms."""
    whole = len(sound) // _FRAME
    frames = sound[: whole * _FRAME].astype(np.float32).reshape(whole, _FRAME)
    levels = np.sqrt((frames**2).mean(axis=1)) if whole else np.zeros(0, np.float32)
    loud = np.flatnonzero(levels > _SILENT * levels.max(initial=0.0))
    if not len(loud):
        return 0.0, 1000 * len(sound) / OUTPUT_RATE, []
    first, last = int(loud[0]), int(loud[-1]) + 1
    quiet = np.flatnonzero(levels[first:last] < _QUIET * np.percentile(levels[first:last], 95))
    runs = np.split(quiet, np.flatnonzero(np.diff(quiet) > 1) + 1)
    least = _PAUSE_MS // _FRAME_MS
    pauses = [(int(run[0]) + first, int(run[-1]) + first + 1) for run in runs if len(run) >= least]
    ms = float(_FRAME_MS)
    return first * ms, last * ms, [(at * ms, on * ms) for at, on in pauses]


def _expected(found: list[str], weights: list[float], first: float, last: float) -> list[float]:
    """Where the words end, if marks are pauses of one length."""
    marks = [_MARK if _BREAK.search(unit) else 0.0 for unit in found]
    marks[-1:] = [0.0]
    spread = _spread([sum(each) for each in zip(weights, marks, strict=True)], first, last)
    letter = (last - first) / max(sum(weights) + sum(marks), 1e-9)
    return [end - mark * letter for end, mark in zip(spread, marks, strict=True)]


def _spread(weights: list[float], begin: float, end: float) -> list[float]:
    reached = np.cumsum(weights)
    return (begin + (end - begin) * reached / max(float(reached[-1]), 1e-9)).tolist()


def _weight(unit: str) -> float:
    bare = _BARE.sub("", unit)
    digits = sum(sign.isdigit() for sign in bare)
    wide = len(WIDE.findall(bare))
    signs = sum(not sign.isalnum() for sign in bare)
    letters = len(bare) - digits - wide - signs
    weight = letters + _DIGIT * digits + _SYLLABLE * wide + _SIGN * signs + 1
    return weight * _LIGHT if bare.lower() in _LIGHT_WORDS else weight


def _spaceless(word: str) -> bool:
    return len(word) > 6 and len(WIDE.findall(word)) > len(word) / 2
