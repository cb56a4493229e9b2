from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.base import INPUT_RATE
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.pieces import Cutter

LONGEST_MS = 3000


def cut(samples, block=INPUT_RATE, **rules):
    detection = TurnDetection(type="server_vad", **rules)
    cutter = Cutter(EnergyActivity(), detection, LONGEST_MS)
    pieces = []
    for at in range(0, len(samples), block):
        pieces += cutter.push(samples[at : at + block])
    pieces += cutter.finish()
    assert cutter.seconds == len(samples) / INPUT_RATE
    return pieces


def times(pieces):
    return [(piece.start, piece.end) for piece in pieces]


def test_pieces_lie_where_somebody_speaks(sound):
    pieces = cut(sound("hush 1000", "talk 1500", "hush 900", "talk 700", "hush 2000"))
    assert times(pieces) == [
        (pytest.approx(1.0, abs=0.07), pytest.approx(2.5, abs=0.1)),
        (pytest.approx(3.4, abs=0.07), pytest.approx(4.1, abs=0.1)),
    ]
    assert all(piece.activity > 0.9 for piece in pieces)


def test_a_pause_shorter_than_asked_does_not_cut(sound):
    samples = sound("talk 600", "hush 400", "talk 600", "hush 800")
    assert len(cut(samples, silence_duration_ms=700)) == 1
    assert len(cut(samples, silence_duration_ms=200)) == 2


def test_speech_up_to_the_last_sample_is_kept(sound):
    (piece,) = cut(sound("hush 500", "talk 1010"))
    assert piece.end == pytest.approx(1.51, abs=0.04)


def test_long_speech_is_cut_in_its_quietest_place(sound):
    samples = sound("talk 2300", "hush 150", "talk 2300", "hush 800")
    first, second = cut(samples)
    assert first.end == second.start == pytest.approx(2.375, abs=0.1)


def test_silence_has_no_pieces(sound):
    assert cut(sound("hush 5000")) == []
    assert cut(np.zeros(0, np.float32)) == []
    assert cut(np.zeros(100, np.float32)) == []


speech = st.lists(st.tuples(st.sampled_from(["talk", "hush"]), st.integers(30, 4000)), max_size=5)


@settings(max_examples=20)
@given(speech, st.integers(1, 40_000))
def test_pieces_are_in_order_short_enough_and_the_same_for_any_blocks(sound_parts, block):
    noise = np.random.default_rng(3)
    parts = [np.zeros(0)]
    for kind, ms in sound_parts:
        at = np.arange(ms * 16) / INPUT_RATE
        quiet = noise.normal(0, 0.0005, len(at))
        parts.append(quiet if kind == "hush" else 0.3 * np.sin(2 * np.pi * 220 * at))
    samples = np.concatenate(parts).astype(np.float32)
    pieces = cut(samples, block)
    assert times(pieces) == times(cut(samples))
    for piece in pieces:
        assert 0 <= piece.start <= piece.end <= len(samples) / INPUT_RATE
        assert piece.end - piece.start <= LONGEST_MS / 1000 + 0.1
        assert len(piece.audio) <= (LONGEST_MS + 600) * 16
    for one, other in pairwise(pieces):
        assert one.end <= other.start
    talked = sum(ms for kind, ms in sound_parts if kind == "talk" and ms >= 200)
    kept = sum(len(piece.audio) for piece in pieces) / 16
    assert kept >= talked * 0.9 - 200
