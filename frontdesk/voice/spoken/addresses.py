"""E-mail addresses and URLs, as one would spell them to somebody."""

import re
from collections.abc import Callable, Mapping

_EMAIL = re.compile(r"(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.A)
_URL = re.compile(r"\b(?:https?://|www\.)[!#-;=?-~]*[#-&*+\-/-9=@-Z\\^-z|~]", re.A)
_BARE = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|co\.kr|kr|jp|cn)\b", re.A)
"""A domain by itself, of those that people name."""


def spelled(text: str, names: Mapping[str, str], digits: Callable[[str], str]) -> str:
    """``text`` with its addresses in words: ``names`` are those of ``. @ - _ / +``. A URL goes
    without its scheme, query and last slash."""
    text = _URL.sub(lambda m: _said(_bare(m[0]), names, digits), text)
    text = _EMAIL.sub(lambda m: _said(m[0], names, digits), text)
    return _BARE.sub(lambda m: _said(m[0], names, digits), text)


def _bare(url: str) -> str:
    path = re.sub(r"^(?:https?://)?(?:www\.)?", "", url)
    return re.sub(r"[?#].*$", "", path).rstrip("/")


def _said(address: str, names: Mapping[str, str], digits: Callable[[str], str]) -> str:
    words = re.sub(r"[.@/_+-]", lambda m: f" {names[m[0]]} ", address)
    return re.sub(r"\d{3,}", lambda m: digits(m[0]), words)
