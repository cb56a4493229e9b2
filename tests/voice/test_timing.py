"""When the words of a clause are said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.playback import Utterance
from frontdesk.voice.timing import words

WORDS = st.lists(st.text("abcdé,.한日7", min_size=1, max_size=9), min_size=1, max_size=8)
SOUNDS = st.lists(st.tuples(st.integers(20, 700), st.booleans()), min_size=1, max_size=6)


def sound(parts):
    """Stretches of so many ms, voiced or silent."""
    made = [np.full(24 * ms, 8000 if voiced else 0, np.int16) for ms, voiced in parts]
    return np.concatenate(made)


@given(WORDS.map(" ".join), SOUNDS)
def test_words_follow_one_another_within_the_sound(text, parts):
    heard = sound(parts)
    found = words(text, heard)
    times = [0.0]
    for word in found:
        times += [word.end_ms, word.next_ms]
    assert times == sorted(times)
    assert times[-1] <= len(heard) / 24 + 1e-6
    assert [word.end for word in found] == sorted({word.end for word in found})
    assert found[-1].end == len(text)


@given(WORDS.map(" ".join), SOUNDS, st.floats(0, 1), st.floats(0, 1))
def test_what_was_heard_and_what_was_not_are_what_was_said(text, parts, one, other):
    heard = sound(parts)
    length = len(heard) / 24
    made = Utterance()
    made.add(text, 0, length)

    def between(begin, end):
        return heard[round(begin * 24) : round(end * 24)]

    earlier, later = (made.place(at * length, between) for at in sorted((one, other)))
    assert earlier.characters <= later.characters
    assert earlier.ms <= later.ms
    rest = "".join(piece.text for piece in made.after(earlier))
    assert text[: earlier.characters] + rest == text
    assert not rest or rest[0].isspace() or earlier.characters == 0 or "한" in text or "日" in text


def test_silence_at_both_ends_is_no_word():
    found = words("one two", sound([(200, False), (400, True), (300, False)]))
    assert found[0].end_ms == pytest.approx(400, abs=30)
    assert found[1].end_ms == pytest.approx(600, abs=10)


def test_a_comma_is_where_the_pause_is():
    found = words("yes, certainly", sound([(500, True), (200, False), (500, True)]))
    assert found[0].end_ms == pytest.approx(500, abs=10)
    assert found[0].next_ms == pytest.approx(700, abs=10)


def test_a_figure_takes_the_time_it_takes_to_say():
    _, costs, much = words("It costs 1250", sound([(2000, True)]))
    assert costs.end_ms < 800
    assert much.end_ms == pytest.approx(2000, abs=10)


def test_unspaced_script_is_timed_by_its_characters():
    found = words("请稍等一下我来查一查您的订单", sound([(1400, True)]))
    assert len(found) == 14
    assert found[6].end_ms == pytest.approx(700, abs=10)
