import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.clauses import ClauseSplitter

SCRAPS = st.sampled_from(
    [
        *"abcI19.,;:!?-–—…\n \"')。、，！？．한글日本語네",
        "```",
        " and ",
        " although",
        "하지만 ",
        "……",
        "Dr. ",
        "3.50",
        " e.g. ",
        "a@b.com",
        "https://x.io/a.b?c",
        "1. ",
        " word",
        "  ",
    ]
)
TEXTS = st.lists(SCRAPS, max_size=60).map("".join)


def split(text: str, size: int | None = None) -> list[str]:
    splitter = ClauseSplitter()
    deltas = [text] if size is None else [text[i : i + size] for i in range(0, len(text), size)]
    return [clause for delta in deltas for clause in splitter.push(delta)] + splitter.flush()


def stripped(text: str) -> list[str]:
    return [clause.strip() for clause in split(text)]


@given(TEXTS, st.integers(1, 9))
def test_joined_clauses_are_the_text_but_for_blank_ends(text: str, size: int) -> None:
    joined = "".join(split(text, size))
    assert text.startswith(joined)
    assert not text[len(joined) :].strip()


@given(TEXTS, st.integers(1, 9))
def test_cuts_do_not_depend_on_the_deltas(text: str, size: int) -> None:
    assert split(text, size) == split(text)


@given(TEXTS)
def test_no_clause_is_blank(text: str) -> None:
    assert all(clause.strip() for clause in split(text))


def test_the_first_clause_ends_at_a_comma_and_later_ones_at_the_sentence() -> None:
    assert stripped("Let me see, your order left today. It comes on Monday, I think. Bye!") == [
        "Let me see,",
        "your order left today.",
        "It comes on Monday, I think.",
        "Bye!",
    ]


def test_one_word_is_no_first_clause_unless_it_is_a_sentence() -> None:
    assert stripped("Well, that is odd. Hm.") == ["Well, that is odd.", "Hm."]
    assert stripped("Hello! How can I help?") == ["Hello!", "How can I help?"]


def test_a_clause_comes_as_soon_as_the_next_word_begins() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("One moment,") == []
    assert splitter.push(" I") == ["One moment, "]
    assert splitter.push(" look.") == []
    assert splitter.flush() == ["I look."]


@pytest.mark.parametrize(
    "sentence",
    [
        "That is 3.50 or 1,250.75 in all.",
        "Ask Dr. Meyer or Mrs. Young for it.",
        "We open at 9 a.m. every day.",
        "Write to jane.doe@example.co.uk for help.",
        "See https://example.com/a,b.html?x=1;y=2 for it.",
        "Bring fruit, e.g. apples, approx. ten.",
        "It is by J. R. Smith.",
        "Room No. 5 is free.",
        "Pages 10–20 are gone.",
        "It is on Jan. 5 at 9.30 at the U.S. Embassy.",
        "The train at 10:45 costs $3.50.",
    ],
)
def test_a_later_sentence_stays_whole(sentence: str) -> None:
    assert stripped(f"Yes. {sentence} Good.")[1:] == [sentence, "Good."]


def test_a_long_first_clause_ends_before_a_conjunction() -> None:
    assert split("Your order left our warehouse this morning and it comes today. Bye.") == [
        "Your order left our warehouse this morning ",
        "and it comes today. ",
        "Bye.",
    ]
    assert split("Tea and cake are on the table.") == ["Tea and cake are on the table."]
    whole = "It is open between the hours 5 and 6."
    assert split(whole) == [whole]
    assert split("Yes. " + whole[:-1] + " and never on any other day.")[1].startswith(whole[:-1])


def test_a_word_that_may_become_a_conjunction_is_waited_for() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("That lamp is on its way an") == []
    assert splitter.push("d it") == ["That lamp is on its way "]
    splitter = ClauseSplitter()
    assert splitter.push("That lamp is on its way andante. ") == []


def test_code_is_one_clause_however_many_lines_it_has() -> None:
    text = "Do this:\n```sh\nmake it. Now.\n\nrun it\n```\nDone."
    assert stripped(text) == ["Do this:", "```sh\nmake it. Now.\n\nrun it\n```", "Done."]


def test_an_abbreviation_may_end_a_sentence_before_a_capital() -> None:
    assert stripped("Sure. We close at 6 p.m. Come early.") == [
        "Sure.",
        "We close at 6 p.m.",
        "Come early.",
    ]


def test_quotes_and_brackets_close_with_their_sentence() -> None:
    assert stripped('He said "yes." (So did I.) Fine.') == [
        'He said "yes."',
        "(So did I.)",
        "Fine.",
    ]


def test_a_list_keeps_its_numbers_with_its_lines() -> None:
    assert stripped("Do this:\n1. Open it.\n2. Close it.") == [
        "Do this:",
        "1. Open it.",
        "2. Close it.",
    ]


@pytest.mark.parametrize(
    "marked",
    [
        "请稍等一下，|我来查一查。|您的订单已发货，明天到。",
        "少々お待ちください、|確認します。|はい！",
        "잠시만 기다려 주세요, |확인하겠습니다. |네, 도착했습니다!",
        "네. |주문을 확인했습니다.|내일 3.5kg 상자로 도착합니다.",
        "주문하신 상품을 찾아 봤는데 |아직 창고에 있습니다. |죄송합니다．",
        "えっ！？|本当ですか？|はい、そうです。",
        "嗯……|我想,好的.|价格是３．５元。",
        "我想一下,|好的.|行。",
        "「はい。」|そうです。",
    ],
)
def test_east_asian_punctuation_cuts_alike(marked: str) -> None:
    assert split(marked.replace("|", "")) == marked.split("|")


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("One moment. ", ["One moment. "]),
        ("Let me see, ", ["Let me see, "]),
        ("请稍等。", ["请稍等。"]),
        ("It costs 3.", ["It costs 3."]),
        ("Ask Dr.", []),
        ("I will", []),
        ("  ", []),
        ("네.", ["네."]),
        ("```sh\nrun.", []),
    ],
)
def test_a_pause_in_writing_completes_what_looks_complete(text: str, clauses: list[str]) -> None:
    splitter = ClauseSplitter()
    assert splitter.push(text) + splitter.pause() == clauses
    assert splitter.flush() == ([text] if text.strip() and not clauses else [])


@given(st.lists(TEXTS, max_size=4))
def test_pauses_lose_no_text(deltas: list[str]) -> None:
    splitter, joined = ClauseSplitter(), ""
    for delta in deltas:
        joined += "".join(splitter.push(delta) + splitter.pause())
    joined += "".join(splitter.flush())
    assert "".join(deltas).rstrip() == joined.rstrip()


def test_an_endless_sentence_is_cut_at_a_comma_and_at_last_at_a_space() -> None:
    commas = stripped("Yes. Some " + "word " * 40 + "end, " + "word " * 10 + "end.")
    assert commas[1].endswith("end,")
    bare = split("Yes. Some " + "word " * 200)
    assert max(map(len, bare)) < 300
