"""Reads one of a few: a value of an enumeration, or yes and no."""

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any

from frontdesk.team.embedded.reading.parameters import Choice, Parameter
from frontdesk.team.embedded.reading.tokens import Span, stem, tokens
from frontdesk.team.embedded.reading.words import STOP_WORDS

_YES = re.compile(
    r"^\W*(?:yes|yeah|yep|yup|sure|of course|certainly|please do|do it|go ahead|that's right|"
    r"correct|right|exactly|absolutely|definitely|okay|ok|please)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^\W*(?:no|nope|nah|not|don't|do not|never|rather not|negative|i don't|i'd rather not)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:no|not|don't|doesn't|without|never|won't|needn't)\b", re.IGNORECASE)
_NEAR = 0.8  # share of letters in common at which a misheard word still counts ("smith", Schmidt)
_MEANT = 0.25  # least cosine at which a paraphrase counts, when the choice was asked for
_UNASKED = 0.35
_AHEAD = 0.05  # and its lead over the next best


def read_choice(
    parameter: Parameter,
    text: str,
    similarity: Callable[[str, Sequence[str]], list[float]],
    *,
    asked: bool,
) -> tuple[Any, Span] | None:
    """The value that ``text`` names, in its own words, nearly so, or by meaning."""
    choices = parameter.choices
    named = [(choice, span) for choice in choices if (span := _named(choice, text))]
    if len(named) > 1:
        named = [max(named, key=lambda pair: pair[1].end - pair[1].start)]
    if named:
        return named[0][0].value, named[0][1]
    if close := _closest(choices, text):
        return close
    spoken = re.sub(r"\|+", " ", text).strip()
    if not spoken or all(len(choice.label) < 4 for choice in choices):
        return None
    scores = similarity(spoken, [choice.label for choice in choices])
    ranked = sorted(zip(scores, range(len(choices)), strict=True), reverse=True)
    lead = ranked[0][0] - ranked[1][0] if len(ranked) > 1 else 1.0
    if ranked[0][0] >= (_MEANT if asked else _UNASKED) and lead >= _AHEAD:
        return choices[ranked[0][1]].value, Span(0, 0)
    return None


def _named(choice: Choice, text: str) -> Span | None:
    for label in {choice.label, str(choice.value)}:
        words = [re.escape(word) for word in re.split(r"[\s_-]+", label) if word]
        spaced = r"[\s-]+".join(words)
        match = re.search(rf"\b{spaced}(?:'?e?s)?\b", text, re.IGNORECASE)
        if words and match:
            return Span(*match.span())
    return None


def _closest(choices: tuple[Choice, ...], text: str) -> tuple[Any, Span] | None:
    best: tuple[float, Any, Span] | None = None
    for token in tokens(text):
        if len(token.text) < 4 or token.word in STOP_WORDS:
            continue
        for choice in choices:
            share = SequenceMatcher(None, token.word, choice.label.lower()).ratio()
            if share >= _NEAR and (best is None or share > best[0]):
                best = (share, choice.value, token.span)
    return (best[1], best[2]) if best else None


def read_yes_no(parameter: Parameter, text: str, *, asked: bool) -> bool | None:
    """Yes or no to ``parameter``; unasked, only when its own word is said ("deliver it")."""
    if asked:
        if _NO.search(text):
            return False
        if _YES.search(text):
            return True
    topics = {stem(word) for word in parameter.name.lower().split("_") if len(word) > 3}
    for token in tokens(text):
        if stem(token.word) in topics:
            before = text[max(0, token.span.start - 25) : token.span.start]
            return not _NEGATION.search(before)
    return None
