"""Keeps the agent's own voice, out of a loudspeaker and back through the microphone, from being
taken for the caller's.

What was sent is known, and when it is played, but for the delay of a client: network, player and
microphone add 50 to 800 ms, which is found by holding the loudness of both, band by band, against
each other. Once it is known, a stretch of the caller's sound whose spectrum the delayed playback
explains is made silent; one in which there is more, as somebody speaks over it, passes as it is.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from frontdesk.voice.bands import BANDS, BLOCK, SECOND, Features, Spectrum, Track
from frontdesk.voice.base import INPUT_RATE, Samples
from frontdesk.voice.g711 import Pcm
from frontdesk.voice.played import Played

_LONGEST = 56
"""Blocks of the longest delay that is looked for: 0.9 s."""
_TAIL = 32
"""Blocks for which a room goes on sounding: 0.5 s."""
_DECAY_DB = 1.3
"""By which it does so less with each block: a reverberation time of 0.75 s."""
_SLACK = 2
"""Blocks by which the delay may be off, as sound comes in jerks."""
_KEPT = 64
"""Blocks of the caller's sound that the delay is looked for in: 1 s."""
_REACH = _KEPT + _LONGEST + _TAIL
"""Blocks of the playback that count."""
_QUIET_DB = -66.0
"""Power of a band (full scale 0 dB) under which it is taken for silence."""
_GIVEN_UP = 10 * SECOND
_STRANGER = 0.72
"""Correlation under which somebody else is likelier than the first echo: of 24 rooms (reverberation
of 0.2 to 0.8 s, -6 to -30 dB) 21 had more at the first look, of 24 callers 9 had."""
_DOUBTED = 40
"""Blocks of sound, at most, that may be the first echo without that being known: one that is hardly
heard takes so long to be told."""
_SETTLED = 6
"""Blocks for which voice activity lasts when an echo is made silent."""
_TONE_DB = 25.0
"""Above that, of which so loud a band is all that sounds is no voice."""
_RICH = 8
"""Bands in which there is sound, where it can be told from another: a tone has too few."""
_OFTEN, _SELDOM = 4, 16
"""Blocks from one look for an echo to the next, and where a second of sound had none: in a noisy
room there is sound all the time."""
_ENOUGH = 10
"""Blocks with sound in them that can be told from chance."""
_ALIKE, _SOON_ALIKE, _MOVED_ALIKE = 0.7, 0.8, 0.88
"""Correlation that shows an echo, and in less than half a second of sound. Echoes have 0.80 to 0.96
(in rooms of 0.15 to 0.35 s, at -6 to -25 dB); another voice has up to 0.74, 0.86 at its onset, at
the best of all delays. Where one is known, another takes more: as a voice dies away, its end is
like many ends."""
_SPREAD_DB = 3.5
"""By which an echo is softer here than there, in the median: 1.1 to 2.9 dB (as above); another
voice that is alike by chance has 4 to 7."""
_MARGIN_DB = 7.0
"""By which a band has to be louder than its echo, to be somebody else's."""
_UNEXPLAINED = 0.3
"""Share of the power that has to be somebody else's, for a block to pass."""
_SURE, _PASSING = 2, 6
"""Blocks in a row in which it is, before they pass, and for which they pass then."""
_RISE, _FALL = 0.2, 0.03
"""How fast the loudness of the echo is followed, up and down: near its loudest."""
_FLOOR = 0.002
_TOGETHER = 8
"""Blocks of the caller's sound that are looked at together, where nobody waits for it."""


class EchoGuard:
    """Guards one call's 16 kHz stream: what it gives is in step with what it was given, but for
    the last ``lag`` samples (16 ms at most, and only while something is played and an echo of it
    is known or feared).

    Tell it what is sent by :meth:`played`, and by :meth:`stopped` when the client drops what it
    has not played. Within a second after the last sound that was played it does nothing any more;
    until then it takes about 1 ms of CPU a second, several in loud noise.
    """

    def __init__(self, *, wary: bool) -> None:
        """``wary``: before it is known whether there is an echo, sound that comes while something
        is played is held back until it can be told from one, for 0.2 s at most. Else it passes,
        and the guard gives up when none was found in ten seconds of playback."""
        self._wary = wary
        self._heard = 0
        """Samples looked at so far."""
        self._held = np.zeros(0, np.float32)
        self._passed = 0
        """How many of those held were given back already."""
        self._before = np.zeros(BLOCK, np.float32)
        self._reference = Played(_LONGEST + _TAIL)
        self._mic, self._ref = Track(_KEPT), Track(_REACH)
        self._active = 0
        self._unheard = 0
        self._gain = 1.0
        self._passing = 0
        self._odd = 0
        """Blocks in a row that are not explained."""
        self._settling = 0
        self._strange = False
        """Whether what sounds now is likely no echo."""
        self.delay: int | None = None
        """Blocks between playing and hearing, once an echo was found."""
        self._coupling = np.zeros(BANDS, np.float32)

    @property
    def lag(self) -> int:
        """Samples that were taken and not given yet."""
        return len(self._held) - self._passed

    @property
    def at_work(self) -> bool:
        """Whether anything that was played may still be heard."""
        return self._reference.audible(self._heard)

    @property
    def doubts(self) -> bool:
        """Whether what is heard may be the first echo of the call, which is not known yet, or has
        just become known: who it is that begins to speak is better judged a moment later."""
        if not self.at_work:
            return False
        unjudged = 0 < self._active <= _DOUBTED and not self._strange
        return self._settling > 0 or (self._is_unknown and unjudged)

    @property
    def _is_unknown(self) -> bool:
        """Whether nothing was heard back yet, and not enough played to say that nothing will be."""
        return self.delay is None and self._unheard <= _LONGEST + _ENOUGH

    @property
    def given_up(self) -> bool:
        """Whether the agent's voice does not come back to this caller's microphone."""
        return not self._wary and self.delay is None and self._unheard > _GIVEN_UP

    def played(self, pcm: Pcm, after_ms: float) -> None:
        """Samples at 24 kHz were sent, which begin to be played ``after_ms`` from now."""
        if not self.given_up:
            now = self._heard + len(self._held)
            self._reference.add(pcm, now + round(after_ms * INPUT_RATE / 1000))

    def stopped(self) -> None:
        """What was not played yet never will be."""
        self._reference.cut(self._heard + len(self._held))

    def process(self, samples: Samples) -> Samples:
        """The next samples; gives those that are ready."""
        if (off := -self._heard % BLOCK) and len(samples):  # blocks are those of the playback
            self._heard += len(samples[:off])
            return np.concatenate((samples[:off], self.process(samples[off:])))
        held = np.concatenate((self._held, samples)) if len(self._held) else samples
        if not self._reference.audible(self._heard):
            given = held[self._passed :]
            self._heard += len(held)
            self._rest()
            return given
        if self._only_looks and not self._is_unknown and len(held) < _TOGETHER * BLOCK:
            self._held, self._passed = held, len(held)
            return samples
        whole = len(held) - len(held) % BLOCK
        pieces = range(0, whole, SECOND * BLOCK)
        guarded = [self._guarded(held[at : min(at + SECOND * BLOCK, whole)]) for at in pieces]
        given = np.concatenate((held[:0], *guarded))[self._passed :]
        self._held, self._passed = held[whole:], max(0, self._passed - whole)
        if self._only_looks:
            given = np.concatenate((given, self._held[self._passed :]))
            self._passed = len(self._held)
        return given

    @property
    def alters(self) -> bool:
        """Whether what it gives may differ from what it was given."""
        return not self._only_looks

    @property
    def _only_looks(self) -> bool:
        """Whether sound passes as it is: it is looked at, but nobody waits for that."""
        return self.delay is None and not self._wary and self._gain == 1.0

    def flush(self) -> Samples:
        """The samples that are still to come: there are no more."""
        given = self._held[self._passed :]
        self._heard += len(self._held)
        self._rest()
        return given

    def _rest(self) -> None:
        """Nothing is played."""
        self._held, self._passed = np.zeros(0, np.float32), 0
        self._reference.forget(self._heard)
        if not self._ref.is_new:
            self._mic, self._ref = Track(_KEPT), Track(_REACH)
            self._active, self._passing, self._odd, self._gain = 0, 0, 0, 1.0

    def _guarded(self, samples: Samples) -> Samples:
        """Whole blocks, those that are nothing but echo silent."""
        heard, _ = _HEARD.of(np.concatenate((self._before, samples)))
        self._before = samples[-BLOCK:]
        played, loud = self._reference.features(self._heard // BLOCK - 1, len(heard))
        self._heard += len(samples)
        if heard.max() <= _QUIET_DB:
            return self._quiet(heard, played, loud, samples)
        blocks = [
            self._block(heard[n : n + 1], played[n : n + 1], bool(loud[n]), block)
            for n, block in enumerate(samples.reshape(-1, BLOCK))
        ]
        return np.concatenate(blocks)

    def _quiet(
        self, heard: Features, played: Features, loud: NDArray[np.bool_], samples: Samples
    ) -> Samples:
        """Blocks in which nothing sounds, all at once."""
        self._mic.add(heard)
        self._ref.add(played)
        self._settling = max(0, self._settling - len(heard))
        self._active = max(0, self._active - len(heard))
        self._strange = self._strange and self._active > 0
        self._miss(int(np.count_nonzero(loud)))
        return samples if self._gain == 1.0 else samples * np.float32(self._gain)

    def _block(self, heard: Features, played: Features, loud: bool, samples: Samples) -> Samples:
        self._mic.add(heard)
        self._ref.add(played)
        self._settling = max(0, self._settling - 1)
        before, self._gain = self._gain, self._decide(heard[0], loud)
        if before == self._gain:
            return samples if before == 1.0 else samples * np.float32(before)
        if self._gain < before:  # an echo begins: nobody is to hear its onset
            return samples * np.float32(self._gain)
        return samples * np.linspace(before, self._gain, BLOCK, dtype=np.float32)

    def _decide(self, mic: Features, loud: bool) -> float:
        sounds = mic.max() > _QUIET_DB
        self._active = self._active + 1 if sounds else max(0, self._active - 1)
        known = self.delay is not None or self._active <= _KEPT
        if sounds and self._active % (_OFTEN if known else _SELDOM) == 0:
            self._look()
        self._strange = self._strange and self._active > 0
        if not sounds:
            self._miss(int(loud))
            return self._gain
        if self.delay is not None:
            return self._gate(mic)
        if not self._wary or self._unheard > _LONGEST + _ENOUGH or self._active > _ENOUGH:
            return 1.0  # the agent was not heard, or this is somebody else
        return _FLOOR

    def _miss(self, blocks: int) -> None:
        """Something is played and nothing heard: where that goes on there is no echo, or no more,
        as the caller has put on a headset."""
        self._unheard += blocks
        if self._unheard > 2 * _LONGEST:
            self.delay = None

    def _gate(self, mic: Features) -> float:
        """Silence for what the playback explains."""
        echo = self._echo()
        power, explained = 10 ** (mic / 10), 10 ** ((echo + _MARGIN_DB) / 10)
        power = np.where(mic > _QUIET_DB, power, 0)
        whole = float(power.sum())
        unexplained = float(np.maximum(power - explained, 0).sum())
        self._odd = self._odd + 1 if unexplained > _UNEXPLAINED * whole else 0
        if self._odd >= _SURE:
            self._passing = _PASSING
        elif self._passing:
            self._passing -= 1
        else:
            self._learn(mic)
        return 1.0 if self._passing else _FLOOR

    def _playback(self) -> Features:
        """What of the playback may sound now, band by band: the loudest of what is just heard, and
        of what still reverberates."""
        assert self.delay is not None
        heard = self._ref.last(_TAIL + 1, self.delay - _SLACK)[::-1]
        steps = np.arange(len(heard), dtype=np.float32) - 2 * _SLACK
        return (heard - _DECAY_DB * np.maximum(steps, 0)[:, None]).max(axis=0)

    def _echo(self) -> Features:
        return self._playback() + self._coupling

    def _learn(self, mic: Features) -> None:
        """Follow how loud the echo is."""
        playback = self._playback()
        sure = (playback > _QUIET_DB + 20) & (mic > _QUIET_DB)
        step = np.clip(mic - playback - self._coupling, -6, 6)
        step *= np.where(step > 0, _RISE, _FALL)
        self._coupling += np.where(sure, step, 0)

    def _look(self) -> None:
        """Look for the playback in what was heard, at every delay."""
        newest = self._mic.last(1)
        if np.count_nonzero(newest > _QUIET_DB) < _RICH:
            self._strange = self._strange or bool(newest.max() > _QUIET_DB + _TONE_DB)
            return
        count = min(self._active + 6, _KEPT)
        if self._active < _ENOUGH // 2:
            return
        mic = np.maximum(self._mic.last(count), _QUIET_DB)
        if np.count_nonzero((mic > _QUIET_DB).sum(axis=1) >= _RICH) < _ENOUGH // 2:
            return  # the edges of any two tones are rich, and alike
        # What of the playback would not be heard, as its echo were too quiet, tells nothing.
        softer = max(0.0, float(self._ref.last(_REACH).max() - mic.max()))
        ref = np.maximum(self._ref.last(_LONGEST + count), _QUIET_DB + softer)
        alike = _correlation(mic, ref)
        best = int(alike.argmax())
        self._strange = bool(alike[best] < _STRANGER)
        moved = self.delay is not None and abs(best - self.delay) > _SLACK
        needed = _SOON_ALIKE if count < SECOND // 2 else _ALIKE
        if alike[best] < (_MOVED_ALIKE if moved else needed):
            return
        if self.delay is None or moved:
            if not self._fits(mic, ref[_LONGEST - best :][:count]):
                return
            self._passing = 0
        if self.delay is None:
            self._settling = _SETTLED
        self.delay, self._unheard = best, 0

    def _fits(self, mic: Features, played: Features) -> bool:
        """Whether the one may be the other's echo: softer, but all of it by about as much. Then
        that is how loud the echo is, band by band."""
        both = (mic > _QUIET_DB) & (played > _QUIET_DB + 15)
        if np.count_nonzero(both) < BANDS:
            return False
        gap = np.where(both, mic - played, np.nan)
        whole = float(np.median(gap[both]))
        if float(np.median(np.abs(gap[both] - whole))) > _SPREAD_DB:
            return False
        seen = both.sum(axis=0) > 3
        bands = [float(np.nanmedian(gap[:, b])) if seen[b] else whole for b in range(BANDS)]
        self._coupling = np.array(bands, np.float32)
        return True


def _correlation(mic: Features, ref: Features) -> Samples:
    """How alike the ups and downs of all bands are, at each delay of ``mic`` behind ``ref``, which
    end together: -1 to 1."""
    count = len(mic)
    mic, ref = mic - mic.mean(axis=0), ref - ref.min()  # small numbers: no digits are lost
    stretches = np.lib.stride_tricks.sliding_window_view(ref, count, axis=0)
    products = np.einsum("tb,dbt->d", mic, stretches)
    sums, squares = _sums(ref, count), _sums(ref.astype(np.float64) ** 2, count)
    power = np.maximum(squares.sum(axis=1) - (sums**2).sum(axis=1) / count, 1e-3)
    sizes = np.sqrt((float((mic**2).sum()) + 1e-6) * power)
    return (products / sizes)[::-1]


def _sums(rows: NDArray[np.floating[Any]], count: int) -> NDArray[np.float64]:
    """Of each ``count`` rows in a row."""
    sums = np.cumsum(rows, axis=0, dtype=np.float64)
    sums[count:] -= sums[:-count].copy()
    return sums[count - 1 :]


_HEARD = Spectrum(INPUT_RATE)
