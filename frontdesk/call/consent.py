"""Whether a caller said yes: read from their own words, strictly, by us and by no model.

The whole of what was said has to be a yes: an affirmation, and beside it nothing but words of
courtesy or of the question itself. A negation alone is a no. Anything else is unclear: a "but", a
question, a hesitation, a number that was not asked about, yes and no together, "okay" alone.
"""

import re
from typing import Literal

from frontdesk.call.consent_words import BESIDE, NO, OPEN, YES, plain

Consent = Literal["yes", "no", "unclear"]

OWN_WORDS = 3
"""So many words that are no part of an answer make an utterance something of its own."""
ECHO_WORDS = 3
"""So many words of the question, as they stand there, are held to be its echo."""


_LONGEST = max(len(phrase) for phrase in YES | NO | OPEN | BESIDE)
_QUESTION = re.compile(r"[?？¿]")


def read_consent(words: str, question: str = "") -> Consent:
    """What ``words``, all that the caller said, are to ``question``, a yes-or-no one."""
    tokens, asked = plain(words).split(), plain(question).split()
    found = _parts(tokens, asked)
    if not tokens or _QUESTION.search(words) or "open" in found or _is_echo(tokens, asked):
        return "unclear"
    if "no" in found:
        return "unclear" if "yes" in found else "no"
    return "yes" if "yes" in found and "other" not in found else "unclear"


def is_aside(words: str) -> bool:
    """Whether unclear words say something of their own, rather than being a poor yes or no."""
    others = _parts(plain(words).split(), []).count("other")
    return bool(_QUESTION.search(words)) or others >= OWN_WORDS


def normal(text: str) -> list[str]:
    """The words of a text, for comparison."""
    return plain(text).split()


def _is_echo(tokens: list[str], asked: list[str]) -> bool:
    """Whether it is a piece of the question: our own voice, back through the microphone."""
    size = len(tokens)
    pieces = (asked[at : at + size] for at in range(len(asked) - size + 1))
    return size >= ECHO_WORDS and tokens in pieces


def _parts(tokens: list[str], asked: list[str]) -> list[str]:
    """The words, longest phrases first, as yes, no, open, beside or other. After a yes, words of
    the question count as courtesies: "yes, send the lamp back"."""
    kinds = (("open", OPEN), ("no", NO), ("yes", YES), ("beside", BESIDE))
    found: list[str] = []
    at = 0
    while at < len(tokens):
        for length in range(min(_LONGEST, len(tokens) - at), 0, -1):
            phrase = tuple(tokens[at : at + length])
            kind = next((name for name, phrases in kinds if phrase in phrases), None)
            if kind is not None:
                break
        else:
            repeats = "yes" in found and tokens[at] in asked
            kind, length = "beside" if repeats else "other", 1
        found.append(kind)
        at += length
    return found
