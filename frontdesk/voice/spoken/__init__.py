"""Text made fit for a voice: what reads well on a page is often not what one would say.

The guardrails, the transcript and the history keep the text as it was written. Markdown and emoji
go in any language; figures, money, dates, codes and addresses are put in words of English, Korean,
Chinese and Japanese, each in a module of its own. Text in another language keeps its figures.
"""

import re
from collections.abc import Callable
from datetime import date

from frontdesk.voice.spoken import chinese, english, japanese, korean, marks

_HANGUL = re.compile(r"[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
_KANA = re.compile(r"[\u3041-\u30fa\u30fc-\u30ff\uff66-\uff9d]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u10ff\u1200-\u1fff]")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
"""A point in time, as machines write it."""
_WORDS = re.compile(r"[A-Za-z]{2,}")
_BY_LANGUAGE: dict[str, Callable[[str, date | None], str]] = {
    "en": english.said,
    "ko": korean.said,
    "zh": chinese.said,
    "ja": japanese.said,
}


def spoken(text: str, *, language: str | None = None, today: date | None = None) -> str:
    """What to give to a speech model for ``text``.

    ``language`` is an ISO-639-1 code; None means English unless the letters say otherwise.
    ``today`` lets dates of the same year go without the year. May return an empty string."""
    text = _STAMP.sub(r"\1 \2", marks.plain(text))
    say = _BY_LANGUAGE.get(_language(text, language))
    return " ".join((say(text, today) if say else text).split())


def has_words(text: str) -> bool:
    """Whether anything in ``text`` can be pronounced."""
    return any(character.isalnum() for character in text)


def _language(text: str, told: str | None) -> str:
    """The letters decide where they can: a Korean call has its English sentences."""
    told = (told or "en")[:2].lower()
    if text.isascii():
        east_asian = told in ("ko", "zh", "ja")
        return "en" if east_asian and len(_WORDS.findall(text)) > 1 else told
    if _HANGUL.search(text):
        return "ko"
    if _KANA.search(text):
        return "ja"
    if _HAN.search(text):
        return told if told in ("ja", "ko") else "zh"
    return "" if told == "en" and _OTHER_SCRIPT.search(text) else told
