"""Whose words of an item were heard, from the clauses that were spoken."""

from typing import Any, cast

import pytest

from frontdesk.call.voicing import Said, Voicing

SAID = [
    Said("front", "I pass you on.", 1.0),
    Said("orders", "It is on its way. ", 1.5),
    Said("orders", "It comes on Tuesday.", 2.0),
]
WHOLE = "I pass you on. It is on its way. It comes on Tuesday."


@pytest.fixture
def voicing() -> Voicing:
    voicing = Voicing(cast(Any, None), cast(Any, None), "voice")
    voicing._said.extend(SAID)  # pyright: ignore[reportPrivateUsage]
    return voicing


@pytest.mark.parametrize(
    ("heard", "seconds", "found"),
    [
        (WHOLE, 4.5, [("front", SAID[0].text, 1.0), ("orders", WHOLE[14:], 3.5)]),
        (WHOLE[:23], 1.6, [("front", SAID[0].text, 1.0), ("orders", " It is on", 0.6)]),
        (WHOLE[:6], 0.4, [("front", "I pass", 0.4)]),
        ("It comes on Tuesday.", 2.0, [("orders", "It comes on Tuesday.", 2.0)]),  # another item
        ("What nobody spoke", 1.0, []),
        ("", 0.0, []),
    ],
)
def test_what_was_heard_is_of_who_said_it(
    voicing: Voicing, heard: str, seconds: float, found: list[tuple[str, str, float]]
) -> None:
    parts = [(part.agent, part.text, part.seconds) for part in voicing.by_agent(heard, seconds)]
    assert parts == [(agent, text, pytest.approx(took)) for agent, text, took in found]
