"""Whether a caller said yes: strictly, in their own words, in five languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.call.consent import is_aside, read_consent
from frontdesk.call.consent_words import BESIDE, NO, OPEN, YES

QUESTION = (
    "Just to be sure: refund, with amount 120, order number 4 8 2 7 1. Shall I go ahead? "
    "Please say yes or no."
)
AFFIRMED = """
Yes.|yes please|Yes, go ahead.|Yeah, sure, do it.|ok yes|That's right, refund it|Yes, the refund|
네|네, 맞아요.|네, 그렇게 해 주세요.|예, 진행해 주세요|그럼요|
ja|Ja, bitte.|Ja genau, machen Sie das.|Selbstverständlich|
sí|Sí, por favor.|Claro que sí|De acuerdo, adelante|
oui|Oui, allez-y.|D'accord|Bien sûr, merci
"""
REFUSED = """
No.|No, thanks.|Don't do that|Please don't|nope|Stop.|cancel|not yet|never mind|
아니요|아니요, 하지 마세요|안 돼요|그렇게 하지 마세요|취소해 주세요|
nein|Nein, danke.|auf keinen Fall|lieber nicht|
no, gracias|mejor no|nunca|
non|Non merci.|surtout pas
"""
UNCLEAR = """
okay|Hm.|maybe|I guess so|Yes, but only half.|yes if it is free|Yes, fifty euros|Yes?|no, yes|
yes. no, wait|yes or no|no problem|why not|I don't know|not sure|is that correct|Shall I go ahead|
Shall I go ahead please say yes|What does it cost again?|that would be yes if you ask me|
그래요|네?|글쎄요|저는 네 개 샀어요|모르겠어요|
ja, aber nur die Hälfte|Jein|kein Problem|weiß nicht|Ja nein|stimmt das|
sí, pero mañana|no sé|no hay problema|tal vez|
oui, mais pas maintenant|pas de problème|je ne sais pas|peut-être||...
"""


def cases(text):
    return [line.strip() for line in text.replace("\n", "").split("|")]


@pytest.mark.parametrize("words", cases(AFFIRMED))
def test_a_clear_yes_is_a_yes(words):
    assert read_consent(words, QUESTION) == "yes"


@pytest.mark.parametrize("words", cases(REFUSED))
def test_a_clear_no_is_a_no(words):
    assert read_consent(words, QUESTION) == "no"


@pytest.mark.parametrize("words", cases(UNCLEAR))
def test_anything_else_is_neither(words):
    assert read_consent(words, QUESTION) == "unclear"


yes, no = (st.sampled_from(sorted(map(" ".join, words))) for words in (YES, NO))
beside = st.sampled_from(sorted(map(" ".join, BESIDE)))
anything = st.text(max_size=40)


@given(st.permutations([0, 1, 2]), yes, no, anything)
def test_a_negation_anywhere_leaves_no_yes(order, affirmed, refused, more):
    parts = [affirmed, refused, more]
    assert read_consent(", ".join(parts[place] for place in order), QUESTION) != "yes"


@given(anything, yes)
def test_words_of_ones_own_leave_no_yes(more, affirmed):
    known = {word for phrases in (YES, NO, OPEN, BESIDE) for phrase in phrases for word in phrase}
    own = f"{more} zwiebelkuchen"
    assert "zwiebelkuchen" not in known
    assert read_consent(f"{affirmed} {own}", QUESTION) == "unclear"


@given(st.lists(beside, max_size=6).map(" ".join))
def test_courtesies_alone_are_no_yes(words):
    assert read_consent(words, QUESTION) != "yes"


@given(anything, anything)
def test_any_words_have_one_reading(words, question):
    assert read_consent(words, question) in ("yes", "no", "unclear")


def test_no_word_is_a_yes_and_a_no():
    assert not YES & NO
    assert not YES & BESIDE


@pytest.mark.parametrize(
    ("words", "aside"),
    [("What does it cost again?", True), ("I would rather have a new lamp", True), ("Hm.", False)],
)
def test_words_of_their_own_are_told_from_a_poor_answer(words, aside):
    assert is_aside(words) is aside
