import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.style import Manner, manner


def test_no_style_changes_nothing() -> None:
    assert manner(None) == manner("") == manner("like someone who likes lamps") == Manner()


@pytest.mark.parametrize(
    ("style", "rate", "pitch", "pause"),
    [
        ("calm, like a good counsellor", -1, -1, 1),
        ("Slow and serious", -1, -1, 1),
        ("cheerful", 1, 1, -1),
        ("brisk and exact, like a dispatcher", 1, 0, -1),
        ("deep", 0, -1, 0),
        ("차분하고 천천히", -1, -1, 1),
        ("밝고 명랑하게", 1, 1, -1),
    ],
)
def test_a_style_moves_rate_pitch_and_pauses_as_its_words_say(
    style: str, rate: int, pitch: int, pause: int
) -> None:
    made = manner(style)
    moved = [(value > 1) - (value < 1) for value in (made.rate, made.pitch, made.pause)]
    assert moved == [rate, pitch, pause]


def test_very_is_more_a_little_is_less_and_not_is_nothing() -> None:
    slow = [manner(f"{much} slow").rate for much in ("very", "", "a little", "not")]
    assert slow == sorted(slow)
    assert slow[-1] == 1.0
    assert manner("whisper").whispered
    assert not manner("don't whisper").whispered


@given(st.text(max_size=80))
def test_any_style_is_a_manner_that_people_have(style: str) -> None:
    made = manner(style)
    assert 0.75 <= made.rate <= 1.3
    assert abs(made.pitch * 24 - round(made.pitch * 24)) < 1e-9
    assert 0.8 < made.pitch < 1.2
    assert 0.5 <= made.pause <= 2
    assert manner(style) == made
