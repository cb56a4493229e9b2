"""Nothing that is looked for gets through, however a model cuts it and however it pauses."""

import asyncio
import re
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from frontdesk.call.guarding import Blocked, Guarding
from frontdesk.desk.guardrails import Guardrail
from frontdesk.desk.schema import Team
from frontdesk.team.guardrails.build import Guardrails
from frontdesk.team.guardrails.guard import Guard
from frontdesk.team.guardrails.patterns import searching

DIGITS = "zero one two three four five six seven eight nine".split()
CARDS = ["4111111111111111", "5555555555554444", "378282246310005", "6011000990139424"]
MASK = "(hidden)"


def guarding(**rule):
    """What a reply has of a team with one guardrail for all that is said."""
    team = Team.model_validate(
        {
            "version": 1,
            "name": "shop",
            "entry": "hello",
            "guardrails": {"no": rule},
            "defaults": {"guardrails": {"output": ["no"]}},
            "agents": {"hello": {"description": "", "instructions": "x.md"}},
        }
    )
    guard = Guard("no", Guardrail(**rule), "Sorry.", *searching(team.guardrails["no"]))
    turn = SimpleNamespace(guarded=lambda _: None, held=lambda _: None, blocked=lambda _: None)
    return Guarding(Guardrails(team, {"no": guard}), turn)


async def said(guards, deltas):
    """What may be said of ``deltas``, and whether the rest was blocked."""

    async def written():
        for delta in deltas:
            yield delta
            await asyncio.sleep(0)

    clauses = []
    try:
        async for clause in guards.checked(written(), "hello"):
            clauses.append(clause)
    except Blocked:
        return clauses, True
    return clauses, False


def figures(text):
    """The figures of a text, also those that are words."""
    words = re.findall(r"\d|[a-z]+", text.lower())
    found = [str(DIGITS.index(word)) if word in DIGITS else word for word in words]
    return "".join(word for word in found if word.isdigit())


@st.composite
def numbers(draw):
    """A card number as a model may put it: in figures or words, with stops in it."""
    number = draw(st.sampled_from(CARDS))
    spelled = draw(st.booleans())
    pieces = [DIGITS[int(figure)] for figure in number] if spelled else list(number)
    gaps = [" ", ", ", ". ", " - ", ": "] if spelled else ["", "", "", " ", "-", ", ", ". "]
    said = pieces[0]
    for piece in pieces[1:]:
        gap = draw(st.sampled_from(gaps))
        said += gap + piece
    return said.replace(": ", ", ")


@st.composite
def streams(draw):
    """An answer with such a number in it, cut into deltas anywhere."""
    said = draw(numbers())
    before = draw(st.sampled_from(["", "Of course. It is ", "Well, you told me, it is ", "Yes: "]))
    after = draw(st.sampled_from(["", ".", ", is that right?", ". Shall I go on? I can help."]))
    text = before + said + after
    places = st.sets(st.integers(1, max(1, len(text) - 1)), max_size=30)
    cuts = [0, *sorted(draw(places)), len(text)]
    return text, [text[a:b] for a, b in pairwise(cuts)]


@settings(max_examples=150)
@given(streams())
def test_no_part_of_a_card_number_gets_through_however_it_is_cut(stream):
    text, deltas = stream
    rule = {"pii": ["card"], "mode": "replace", "replacement": MASK}
    clauses, blocked = asyncio.run(said(guarding(**rule), deltas))
    assert not blocked
    assert figures("".join(clauses)) == "", (clauses, text)
    assert "".join(clauses).count(MASK) == 1
    blocking, blocked = asyncio.run(said(guarding(pii=["card"]), deltas))
    assert blocked
    assert figures("".join(blocking)) == ""


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from(["Good day.", "Yes,", "one two three.", "42,", "a@b", "D E", "at"])),
    st.integers(1, 7),
)
def test_what_is_not_looked_for_is_said_word_for_word(words, size):
    assume(3 * words.count("one two three.") + 2 * words.count("42,") < 12)  # no card's digits
    text = " ".join(words)
    deltas = [text[at : at + size] for at in range(0, len(text), size)]
    clauses, blocked = asyncio.run(said(guarding(pii=["card", "iban", "email"]), deltas))
    assert not blocked
    assert "".join(clauses).strip() == text.strip()


@settings(max_examples=100)
@given(st.integers(1, 9), st.sampled_from([" ", ", ", ". ", "-", "! "]))
def test_a_phrase_is_found_over_any_cut(size, gap):
    text = f"You should buy it at House{gap}of{gap}Bulbs. Or here."
    deltas = [text[at : at + size] for at in range(0, len(text), size)]
    rule = {"words": ["house of bulbs"], "mode": "replace", "replacement": "another shop"}
    clauses, _ = asyncio.run(said(guarding(**rule), deltas))
    assert "".join(clauses) == "You should buy it at another shop. Or here."


async def test_a_number_goes_on_after_a_pause_of_the_writer():
    """Half of it was let go after a second; the other half is not said."""
    guards = guarding(pii=["card"], mode="replace", replacement=MASK)
    heard = asyncio.Event()

    async def written():
        yield "It is four one one one one one one one. "
        await heard.wait()
        yield "One one one one one one one one. Fine?"

    clauses = []
    async for clause in guards.checked(written(), "hello"):
        clauses.append(clause)
        heard.set()
    assert "".join(clauses) == f"It is four one one one one one one one. {MASK}. Fine?"


@pytest.mark.parametrize("text", ["It is 41", "It is 41. "])
async def test_what_ends_in_a_number_is_said_when_the_answer_is_over(text):
    clauses, _ = await said(guarding(pii=["card"]), [text])
    assert clauses == [text]
