"""Characters that carry text for a model which no person sees."""

import unicodedata
from itertools import pairwise

_JOINERS = frozenset("\u200c\u200d")
"""Zero-width, and yet some scripts and emoji need them, inside a word."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show nothing."""


def visible(text: str) -> str:
    """``text`` without format characters (zero-width, bidirectional, tags), control characters
    but tabs and line ends, blank letters, and all but single selectors of variants."""
    if text.isascii() and text.isprintable():
        return text
    shown = [after for before, after in pairwise(f"\n{text}") if _shows(before, after)]
    return "".join(shown)


def _shows(before: str, character: str) -> bool:
    if character in _BLANK:
        return False
    if _is_selector(character):
        return ord(character) < 0xE0100 and not (_is_selector(before) or before.isascii())
    if character in _JOINERS:
        return not (before.isascii() or before in _JOINERS)
    category = unicodedata.category(character)
    return category != "Cf" and (category != "Cc" or character in "\n\r\t")


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
