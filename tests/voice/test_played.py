"""What was played is found again, block by block, however it came."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.voice.audio import int16_to_samples
from frontdesk.voice.bands import Spectrum
from frontdesk.voice.played import Played

STEP = 384
SOUND = np.random.default_rng(1).normal(0, 3000, 80 * STEP).astype(np.int16)
SILENCE = np.zeros(100 * STEP, np.int16)


def expected(begin, end, blocks):
    """The features of the sound, were it all there at once, with silence around it."""
    whole = np.concatenate((SILENCE[:begin], SOUND[: end - begin], SILENCE))
    return Spectrum(24_000).of(int16_to_samples(whole[: (blocks + 1) * STEP]))[0]


@settings(max_examples=30)
@given(
    begin=st.integers(0, 4000),
    pieces=st.lists(st.integers(1, 30_000), min_size=1, max_size=6),
    looks=st.lists(st.integers(1, 5), min_size=1, max_size=12),
)
def test_its_spectra_are_those_of_the_whole_however_it_came(begin, pieces, looks):
    played = Played(40)
    begin -= begin % 3  # a sample of the caller's stream is one and a half of these
    played.add(SOUND[: pieces[0]], begin * 2 // 3)
    end = begin + len(SOUND[: pieces[0]])
    block, later = 0, iter(pieces[1:])
    for count in looks:
        features, _ = played.features(block, count)
        known = end // STEP - 1 - block  # windows of which all is there
        wanted = expected(begin, end, block + count)[block:]
        assert np.abs(features - wanted)[: max(0, known)].max(initial=0) < 0.1
        block += count
        if block * STEP < end and (piece := next(later, None)) is not None:
            more = SOUND[end - begin :][:piece]
            played.add(more, end * 2 // 3)
            end += len(more)
    assert played.audible((end + 39 * STEP) * 2 // 3)
    assert not played.audible((end + 41 * STEP) * 2 // 3)


def test_nothing_is_left_of_what_the_client_dropped():
    played = Played(10)
    played.add(SOUND, 0)
    played.features(0, 20)
    played.cut(30 * 256)
    features, loud = played.features(28, 10)
    assert features[0].max() > -60
    assert loud[:1].all()
    assert features[2:].max() <= -120
    played.add(SOUND[: 10 * STEP], 33 * 256)
    features, _ = played.features(30, 10)
    assert features[0].max() <= -120
    assert features[4:].min() > -120
