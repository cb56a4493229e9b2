"""What was said by somebody who listens, and what by somebody who takes the word."""

import pytest

from frontdesk.voice.backchannel import listening, says_nothing
from frontdesk.voice.base import Transcript


def cases(text):
    return [each.strip() for each in text.replace("\n", "").split("|")]


@pytest.mark.parametrize("words", cases("|...|Um.|uh, er|(coughs)|[noise]|♪♪|Hmm|음…|Uh?|Äh"))
def test_hums_and_marks_are_noise(words):
    assert listening(words) == "noise"


@pytest.mark.parametrize(
    "words",
    cases("""Uh-huh.|Mm-hmm.|Mm-h|Mmmm|Yeah.|Okay okay.|Right?|Oh, I see.|Got it.|Um, yeah.|
    All right.|네.|아, 네.|응 응|네, 알겠습니다|はい。|うん、うん|好的。|嗯|ja ja|Ach so.|
    d'accord|vale, claro"""),
)
def test_signs_of_listening_are_told_from_turns(words):
    assert listening(words) == "backchannel"


@pytest.mark.parametrize(
    "words",
    cases("""No.|Stop.|Wait.|Okay, but what about Friday?|Yeah, I know. What?|Thank you.|아니요|
    잠깐만요|Sorry?|Hello?|not yet|Right, and how much is it|네 개 주세요|what|nein|いいえ|不是"""),
)
def test_anything_else_is_a_turn(words):
    assert listening(words) is None


@pytest.mark.parametrize(
    ("text", "confidence", "nothing"),
    [
        ("You", 0.83, True),  # of a cough, as measured
        ("Boom", 0.5, True),
        ("", 0.1, True),
        ("Catch up the chips.", 0.29, True),  # of a laugh
        ("Stop.", 0.71, False),
        ("You", None, True),
        ("You are wrong", 0.3, True),
        ("I would rather have it on Tuesday", 0.3, False),
        ("Mm-hmm.", 0.6, False),
    ],
)
def test_what_models_write_for_a_cough_is_nothing(text, confidence, nothing):
    assert says_nothing(Transcript(text, 0.5, confidence=confidence)) is nothing
