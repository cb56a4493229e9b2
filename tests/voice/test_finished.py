import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.base import Transcript
from frontdesk.voice.finished import LONGEST_MS, SHORTEST_MS, SILENCE_MS, SURE, judge, wording
from frontdesk.voice.wording import Wording

OPEN = """
I would like to
I need a refund for the
My order number is
Can you tell me what?
I was wondering if you,
It's a, um
So,
I'm calling because.
Please send it to.
When I opened the box,
If I send it back to-day,
My phone number is five five five one.
My email is John.
Hold on, let me see
Um,
Can you tell me when it's
Put it on the card that.
I think it was last.
저는 환불을
주문 번호를
그리고
えーと
予約を
因为
""".strip().splitlines()
CLOSED = """
Yes, please.
No, thank you.
That's right.
Where is my order?
Can I speak to someone in billing, please?
Where does it come from?
So what time do you open?
Do you have any?
네
얼마예요?
주소를 바꾸고 싶습니다.
어떻게 합니까
はい
予約をお願いします。
多少钱呢?
好的
""".strip().splitlines()
BEGUN = """
Yes,
So, yeah.
Okay.
""".strip().splitlines()
STATED = """
I like that.
She came last.
That's what I was looking for.
I know where it is.
My order number is wrong.
The shade arrived broken, so I want my money back.
It won't turn on.
""".strip().splitlines()
DOUBTFUL = """
I bought two shirts,
비가 오니까
""".strip().splitlines()
SPELLED = """
The number is four eight two one five.
My name is S A R A
Put it on the card that ends in nine one.
주문 번호는 482
""".strip().splitlines()


def stands(text: str) -> Wording | None:
    return wording(Transcript(text, 1.0))


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        (Wording.OPEN, OPEN),
        (Wording.CLOSED, CLOSED),
        (Wording.BEGUN, BEGUN),
        (Wording.STATED, STATED),
        (Wording.SPELLED, SPELLED),
        (Wording.DOUBTFUL, DOUBTFUL),
    ],
)
def test_words_tell_whether_more_must_come(expected: Wording, texts: list[str]) -> None:
    assert {text: stands(text) for text in texts} == dict.fromkeys(texts, expected)


@pytest.mark.parametrize(
    ("text", "language"),
    [("", "en"), ("  ", None), ("quiero una mesa para", "es"), ("où est ma commande ?", None)],
)
def test_where_nothing_is_known_of_the_words_the_voice_decides_alone(text, language) -> None:
    words = wording(Transcript(text, 1.0, language=language))
    assert words is None
    assert judge(0.5, words, "medium").silence_ms == pytest.approx(520)


def test_an_english_word_in_korean_speech_does_not_make_it_english() -> None:
    assert wording(Transcript("order 를", 1.0, language="en")) is Wording.OPEN


EAGERNESS = st.sampled_from(list(LONGEST_MS))
HEARD = st.floats(0, 1)
WORDS = st.sampled_from(Wording)


@given(HEARD, HEARD, st.none() | WORDS, EAGERNESS)
def test_the_surer_the_voice_the_shorter_the_wait(one, other, words, eagerness) -> None:
    less, more = sorted((one, other))
    longer, shorter = judge(less, words, eagerness), judge(more, words, eagerness)
    assert shorter.silence_ms <= longer.silence_ms <= LONGEST_MS[eagerness]
    assert shorter.silence_ms >= SHORTEST_MS


IN_ORDER = st.sampled_from(sorted(set(Wording) - {Wording.SPELLED}, key=lambda words: words.value))
"""Whether more digits come, the voice tells best."""


@given(HEARD, IN_ORDER, IN_ORDER, EAGERNESS)
def test_the_surer_the_words_the_shorter_the_wait(heard, one, other, eagerness) -> None:
    less, more = sorted((one, other), key=lambda words: words.value)
    assert judge(heard, more, eagerness).silence_ms <= judge(heard, less, eagerness).silence_ms


@given(st.none() | HEARD, WORDS, EAGERNESS)
def test_a_voice_never_makes_a_turn_wait_longer_than_its_words_would(heard, words, eagerness):
    by_words = judge(None, words, eagerness)
    if words is not Wording.UNKNOWN:
        assert judge(heard, words, eagerness).silence_ms <= by_words.silence_ms


@pytest.mark.parametrize("words", sorted(set(Wording) - {Wording.OPEN}, key=lambda one: one.value))
def test_a_voice_that_is_sure_ends_a_turn_at_once_unless_its_words_are_open(words: Wording) -> None:
    assert judge(SURE, words, "auto").silence_ms == SHORTEST_MS
    assert judge(SURE, None, "auto").silence_ms == SHORTEST_MS
    assert judge(SURE, Wording.OPEN, "auto").silence_ms == pytest.approx(2100)


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        (Wording.CLOSED, 252, 196),
        (Wording.STATED, 252, 196),
        (Wording.BEGUN, 315, 280),
        (Wording.UNKNOWN, 539, 280),
        (Wording.DOUBTFUL, 539, 539),
        (Wording.SPELLED, 1050, 210),
    ],
)
def test_a_voice_that_is_not_sure_shortens_the_wait_a_little(words, low, high) -> None:
    waits = [judge(heard, words, "auto").silence_ms for heard in (0, SURE - 0.001)]
    assert waits[0] == pytest.approx(low)
    assert high <= waits[1] < 1.4 * high


@given(st.none() | HEARD, st.none() | WORDS)
def test_the_more_eager_the_shorter_the_wait(heard, words) -> None:
    low, medium, auto, high = (
        judge(heard, words, eagerness).silence_ms for eagerness in ("low", "medium", "auto", "high")
    )
    assert high <= medium == auto <= low
    if heard != 1.0:
        assert high <= low


def test_without_a_model_words_and_silence_decide_and_without_words_silence() -> None:
    waits = [judge(None, words, "auto").silence_ms for words in (Wording.STATED, Wording.OPEN)]
    assert waits == [pytest.approx(560), pytest.approx(2100)]
    assert judge(None, None, "auto").silence_ms == SILENCE_MS["auto"]
    assert judge(None, None, "auto").probability is None


@given(st.text(max_size=60), st.sampled_from([None, "en", "ko", "ja", "zh", "de"]))
def test_no_text_is_too_odd(text, language) -> None:
    assert wording(Transcript(text, 1.0, language=language)) in {None, *Wording}
