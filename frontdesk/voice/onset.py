"""Whether a sound that begins while the agent speaks is likely a voice, so that the agent stops.

A cough and the first syllable of a word cannot be told apart for certain. What counts here is to
stop within a few hundredths of a second for a voice, and seldom for anything else; an answer that
was stopped in vain goes on (:mod:`frontdesk.call.resuming`).

Measured on 300 beginnings (seven voices, Hibari and espeak-ng, and real recordings, each at two
levels of noise), from the first audible sample: 45 ms median, 77 ms upper quartile, 115 ms p95;
words that begin with a vowel or a nasal 20 to 30 ms, with a breathed consonant ("stop", "hello")
65 to 115 ms. Two whole windows, the rule for a turn that interrupts nobody, take 87, 118 and
156 ms. Of synthetic sounds it stopped for 10 % of coughs, a third of knocks and slams, no breath,
click or sneeze; but for laughs and cleared throats, which are voices.

Silero hears a voice, not a breath: in "Stop" it waits out the *s* and the closed lips behind it.
A hiss that stands on its own is told by its sharpness, and a voice is due soon behind it. On 144
words in nine voices (Hibari, espeak-ng, flite), mean from the first audible sample: "Stop" 113 to
49 ms, "Sorry" 90 to 62, "Six of them" 92 to 58, "So what" 84 to 52, "Should I" 98 to 76; words that
begin otherwise as before. Of synthetic sounds none more stops the agent (coughs, doors, keys,
breath, sniffs, rustling paper, white noise), but for a third of the sneezes.
"""

import math
from collections.abc import Callable

import numpy as np

from frontdesk.voice.base import INPUT_RATE, Samples, VoiceActivity
from frontdesk.voice.buffer import AudioBuffer

_FALL_DB = 3.0
"""A voice grows, or lasts, in its first hundredth of a second; a knock has begun to die away. What
falls faster than this has to be heard twice in a row."""
_QUIETEST_DB = -52.0
_ABOVE_FLOOR_DB = 6.0
_FLOOR_RISE_DB = 0.2
"""How much the noise floor, in decibels of full scale, may rise with each look: 6 dB a second."""
_SHARP = 2.2
"""Mean square of the steps between samples over that of the samples: an *s* has 2.2 to 3.3, white
noise 2, an *f* 1.6 to 2.3, breath and coughs less, a vowel under 0.3."""
_HISS_DB, _HISS_ABOVE_FLOOR_DB = -48.0, 15.0
_HISS = 3
"""Looks in a row that are sharp, as loud, and do not fall: 33 to 48 ms of them."""
VOICE_DUE_MS = 224
"""After a hiss was heard for this: an *s* lasts 60 to 150 ms, and lips stay closed for 50 to 90."""


class Onset:
    """Fed with a look each 16 or 32 ms: the speech probability of the last 32 ms, and the level of
    the last 16."""

    def __init__(self) -> None:
        self._floor = _QUIETEST_DB
        self._level = -120.0
        self._run = 0
        self._hiss = 0
        self.hissed = False
        """Whether it was a hiss that told, and the voice is still to come."""

    def stands_out(self, level: float) -> bool:
        """Whether it is worth a look between two whole windows."""
        if level > max(_QUIETEST_DB, self._floor + _ABOVE_FLOOR_DB):
            return True
        self._hiss = 0
        return False

    def look(self, probability: float, level: float, threshold: float, sharp: float = 0.0) -> bool:
        """Whether somebody likely speaks. ``level`` in decibels of full scale; ``sharp`` as
        :func:`sharpness`."""
        falls = level < self._level - _FALL_DB
        hisses = sharp >= _SHARP and level > max(_HISS_DB, self._floor + _HISS_ABOVE_FLOOR_DB)
        self._hiss = self._hiss + 1 if hisses and not falls else 0
        self._floor = max(_QUIETEST_DB - 20, min(level, self._floor + _FLOOR_RISE_DB))
        self._level = level
        self._run = self._run + 1 if probability >= threshold else 0
        voice = self._run > 1 or (self._run == 1 and not falls)
        self.hissed = not voice and self._hiss >= _HISS
        return voice or self.hissed

    def forget(self) -> None:
        """What comes next is heard for itself."""
        self._run = self._hiss = 0


class Lookout:
    """Looks out for a voice in ``buffer`` while the agent can be heard, between the windows of
    ``activity``, too, where that can be asked there."""

    def __init__(self, buffer: AudioBuffer, activity: VoiceActivity) -> None:
        self.interrupts: Callable[[], bool] = lambda: False
        """Whether the agent can be heard now."""
        self.doubts: Callable[[], bool] = lambda: False
        """Whether what is heard may be the agent itself, and that is not known yet."""
        self._buffer = buffer
        self._onset = Onset()
        self._looked = 0
        self.ask(activity)

    def ask(self, activity: VoiceActivity) -> None:
        """Ask this one from now on."""
        self._window = activity.window
        self._peek: Callable[[Samples], float] | None = getattr(activity, "peek", None)
        self._context: int = getattr(activity, "context", 0)

    @property
    def voice_due_ms(self) -> int:
        """How long the voice may take that was told by the breath before it."""
        return VOICE_DUE_MS if self._onset.hissed else 0

    def forget(self) -> None:
        """What comes next is heard for itself."""
        self._onset.forget()

    def next(self, seen: int) -> int:
        """The sample up to which there has to be sound for the next look; all before ``seen`` were
        looked at in whole windows."""
        half = seen + self._window // 2
        between = self._peek is not None and self._looked < half and self.interrupts()
        return half if between else seen + self._window

    def heard(self, window: Samples, probability: float, threshold: float) -> bool:
        """Whether somebody likely speaks, as of this window."""
        if not self.interrupts() or self.doubts():
            self._onset.forget()
            return False
        end = window[len(window) // 2 :]
        return self._look(end, level_db(end), probability, threshold)

    def _look(self, end: Samples, level: float, probability: float, threshold: float) -> bool:
        sharp = sharpness(end) if level > _HISS_DB else 0.0
        return self._onset.look(probability, level, threshold, sharp)

    def between(self, seen: int, threshold: float) -> int | None:
        """The same half a window later, if there is sound: milliseconds at which a voice begins.
        Raises what the activity raises."""
        if seen + self._window // 2 > self._buffer.end:
            return None
        half = self.next(seen)
        if self._peek is None or half == seen + self._window:
            return None
        if self.doubts():
            return None
        self._looked = half
        end = self._buffer.slice(seen, half)
        level = level_db(end)
        begin = half - self._window
        if not self._onset.stands_out(level) or begin - self._context < self._buffer.start:
            return None
        probability = self._peek(self._buffer.slice(begin - self._context, half))
        spoken = self._look(end, level, probability, threshold)
        return begin * 1000 // INPUT_RATE if spoken else None


def level_db(samples: Samples) -> float:
    """RMS in decibels of full scale."""
    power = float(np.dot(samples, samples)) / max(len(samples), 1)
    return 10 * math.log10(max(power, 1e-12))


def sharpness(samples: Samples) -> float:
    """How much of the power lies high: the mean of 4 sin²(πf/16 kHz), 0 at 0 Hz, 2 at 4 kHz, 4 at
    8 kHz."""
    steps = samples[1:] - samples[:-1]
    return float(np.dot(steps, steps)) / max(float(np.dot(samples, samples)), 1e-12)
