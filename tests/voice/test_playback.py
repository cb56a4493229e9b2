import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.playback import PlayedClock, Utterance

WORDS = st.lists(st.text("abcdé,.한日", min_size=1, max_size=9), min_size=1, max_size=8)
PIECES = st.lists(st.tuples(WORDS.map(" ".join), st.floats(1, 5000)), min_size=1, max_size=6)


def utterance(pieces: list[tuple[str, float]]) -> Utterance:
    made, at = Utterance(), 0.0
    for text, length in pieces:
        made.add(f"{text} ", at, at + length)
        at += length
    return made


@given(PIECES, st.floats(0, 1), st.floats(0, 1))
def test_more_time_never_means_fewer_words(
    pieces: list[tuple[str, float]], one: float, other: float
) -> None:
    made = utterance(pieces)
    earlier, later = sorted((one * made.duration_ms, other * made.duration_ms))
    assert made.text_until(later).startswith(made.text_until(earlier))
    assert made.text.startswith(made.text_until(later))


@given(PIECES)
def test_nothing_is_heard_at_the_start_and_all_at_the_end(pieces: list[tuple[str, float]]) -> None:
    made = utterance(pieces)
    assert made.text_until(0) == ""
    assert made.text_until(made.duration_ms) == made.text


@given(PIECES, st.floats(0, 1))
def test_the_cut_never_splits_a_spaced_word(pieces: list[tuple[str, float]], at: float) -> None:
    made = utterance([(text.replace("한", "e").replace("日", "e"), ms) for text, ms in pieces])
    heard = made.text_until(at * made.duration_ms)
    rest = made.text[len(heard) :]
    assert not heard or not rest or heard[-1].isspace() or rest[0].isspace()


def test_half_the_audio_is_about_half_the_words() -> None:
    made = utterance([("one two three four", 1000), ("five six", 500)])
    assert made.text_until(500) == "one two"
    assert made.text_until(1000) == "one two three four "
    assert made.text_until(1251) == "one two three four five"


def test_unspaced_script_is_cut_between_characters() -> None:
    made = utterance([("请稍等一下我来查一查您的订单", 1400)])
    assert made.text_until(700) == "请稍等一下我来"


def test_a_piece_still_being_made_is_not_counted_as_heard_whole() -> None:
    made = Utterance()
    made.add("this is quite a long sentence to be said", 0, 200, complete=False)
    assert made.text_until(200) == ""
    made.add("", 200, 1300, complete=False)
    assert made.text_until(1300) == "this is quite a long"
    made.add("", 1300, 2600, complete=True)
    assert made.text_until(2600) == made.text


def test_audio_that_runs_backwards_is_refused() -> None:
    made = utterance([("one", 100)])
    with pytest.raises(ValueError, match="begins before 100"):
        made.add("two", 50, 200)


def test_chunks_sent_at_once_play_one_after_the_other() -> None:
    clock = PlayedClock()
    clock.sent(500, now=10)
    clock.sent(500, now=10.1)
    assert clock.played_ms(10.7) == pytest.approx(700)
    assert clock.remaining_ms(10.7) == pytest.approx(300)
    assert clock.played_ms(99) == 1000


def test_an_empty_buffer_is_a_gap_and_not_played_time() -> None:
    clock = PlayedClock()
    clock.sent(100, now=0)
    clock.sent(100, now=5)
    assert clock.played_ms(5.05) == pytest.approx(150)


def test_stopping_drops_the_rest_and_the_next_chunk_begins_there() -> None:
    clock = PlayedClock()
    clock.sent(1000, now=0)
    assert clock.stop(now=0.3) == pytest.approx(300)
    assert clock.played_ms(9) == pytest.approx(300)
    clock.sent(200, now=9)
    assert clock.sent_ms == pytest.approx(500)
    assert clock.played_ms(9.1) == pytest.approx(400)


STEPS = st.lists(
    st.tuples(st.floats(0, 3), st.sampled_from(["sent", "look", "stop"]), st.floats(0, 4000))
)


@given(STEPS)
def test_the_play_head_only_moves_forward_and_no_faster_than_time(
    steps: list[tuple[float, str, float]],
) -> None:
    clock, now, played = PlayedClock(), 0.0, 0.0
    for wait, step, ms in steps:
        now += wait
        head = clock.stop(now) if step == "stop" else clock.played_ms(now)
        if step == "sent":
            clock.sent(ms, now)
            assert clock.played_ms(now) == pytest.approx(head)
        assert played - 1e-6 <= head <= played + wait * 1000 + 1e-6
        assert head <= clock.sent_ms + 1e-6
        played = head
