"""Marks for the eye: Markdown, emoji, code."""

import re

_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\ufe0f\u200d\u20e3\U000e0020-\U000e007f]"
)
_CODE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.M | re.S)
_ANY = re.compile(r"[*_`~#>|\[<+-]")
_MARKS = [
    (re.compile(r"^\s*(?:```|~~~)\S*\s*$", re.M), ""),
    (re.compile(r"^\s*(?:[-*_]\s*){3,}$", re.M), ""),
    (re.compile(r"^\s*\|?(?:\s*:?-{3,}:?\s*\|)+\s*(?::?-{3,}:?)?\s*$", re.M), ""),
    (re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)"), r"\1"),
    (re.compile(r"</?(?:b|i|u|em|strong|br|p|code|sub|sup|small|mark)\s*/?>", re.I), " "),
    (re.compile(r"^\s{0,3}(?:#{1,6}|>+)\s+", re.M), ""),
    (re.compile(r"^\s*[-*+•]\s+(?:\[[ xX]\]\s+)?", re.M), ""),
    (re.compile(r"\[\^?\d+\]"), ""),
    (re.compile(r"\*\*|__|~~|`+"), ""),
    (re.compile(r"(?<![\w*])[*_](?=\S)|(?<=\S)[*_](?![\w*])"), ""),
    (re.compile(r"^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$", re.M), ""),
    (re.compile(r"[ \t]+\|[ \t]+"), ", "),
]


def plain(text: str) -> str:
    """``text`` without them. Code of more than a line is for the eye alone, and is left out."""
    if text.isascii() and not _ANY.search(text):  # by far the most
        return text
    text = _CODE.sub(lambda m: m[2] if m[2].strip().count("\n") == 0 else "", text)
    for pattern, replacement in _MARKS:
        text = pattern.sub(replacement, text)
    return _EMOJI.sub("", text)
