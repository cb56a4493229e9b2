"""Text made fit for a voice: what reads well on a page is often not what one would say.

Markdown and emoji go in any language. The words for money, dates, e-mail addresses and order
numbers are English; text in another script or language keeps its figures.
"""

import re
from datetime import date

# fmt: off
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]
_ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth", "thirtieth",
]
# fmt: on
_CURRENCIES = {  # symbol or code: one, many, hundredths (None: has none)
    "$": ("dollar", "dollars", "cents"),
    "€": ("euro", "euros", "cents"),
    "£": ("pound", "pounds", "pence"),
    "¥": ("yen", "yen", None),
    "₩": ("won", "won", None),
}
_CODES = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KRW": "₩"}
_AMOUNT = r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?( (?:thousand|million|billion))?"
_CUES = "order|ticket|tracking|invoice|account|customer|reference|booking|case|code|pin|number|no"

_OTHER_SCRIPT = re.compile(r"[\u0370-\u1fff\u3040-\u9fff\uac00-\ud7a3]")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\ufe0f\u200d\u20e3]")
_MARKDOWN = [
    (re.compile(r"^\s*(?:```|~~~)\S*\s*$", re.M), ""),
    (re.compile(r"^\s*(?:[-*_]\s*){3,}$", re.M), ""),
    (re.compile(r"^\s*\|?(?:\s*:?-{3,}:?\s*\|)+\s*(?::?-{3,}:?)?\s*$", re.M), ""),
    (re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)"), r"\1"),
    (re.compile(r"^\s{0,3}(?:#{1,6}|>+)\s+", re.M), ""),
    (re.compile(r"^\s*[-*+•]\s+", re.M), ""),
    (re.compile(r"\*\*|__|~~|`+"), ""),
    (re.compile(r"(?<![\w*])[*_](?=\S)|(?<=\S)[*_](?![\w*])"), ""),
    (re.compile(r"^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$", re.M), ""),
    (re.compile(r"[ \t]+\|[ \t]+"), ", "),
]
_EMAIL = re.compile(r"(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]']")
_ISO = re.compile(
    r"\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\w-])"
)
_MONEY = re.compile(rf"([$€£¥₩])\s?{_AMOUNT}(?![\d.,]*\d)")
_MONEY_AFTER = re.compile(rf"(?<![\d.,]){_AMOUNT}\s?(?:([€£₩])|(USD|EUR|GBP|JPY|KRW)\b)")
_PHONE = re.compile(r"\+\d[\d ()-]{5,}\d")
_MIXED_ID = re.compile(r"\b([A-Z]{1,4})[-#]?(\d{3,})\b")
_CUED_ID = re.compile(rf"(?i:\b(?:{_CUES})\b[.:]?\s*(?:(?:is|number|no)\b[.:]?\s*)?)#?(\d{{3,}})\b")
_LONG_ID = re.compile(r"(?<![\d.,$€£¥₩-])(?:#\s?(\d+)|(\d{5,}))(?![\d%]|[.,]\d)")


def spoken(text: str, *, language: str | None = None, today: date | None = None) -> str:
    """What to give to a speech model for ``text``.

    ``language`` is an ISO-639-1 code; None means English unless the letters say otherwise.
    ``today`` lets dates of the same year go without the year. May return an empty string."""
    for pattern, replacement in _MARKDOWN:
        text = pattern.sub(replacement, text)
    text = _EMOJI.sub("", text)
    if (language or "en")[:2].lower() == "en" and not _OTHER_SCRIPT.search(text):
        text = _english(text, today)
    return " ".join(text.split())


def has_words(text: str) -> bool:
    """Whether anything in ``text`` can be pronounced."""
    return any(character.isalnum() for character in text)


def _english(text: str, today: date | None) -> str:
    text = _URL.sub(lambda m: _address(re.sub(r"^(?:https?://)?(?:www\.)?", "", m[0])), text)
    text = _EMAIL.sub(lambda m: _address(m[0]), text)
    text = _ISO.sub(lambda m: _date(m, today), text)
    text = _MONEY.sub(lambda m: _money(m[1], m[2], m[3], m[4]), text)
    text = _MONEY_AFTER.sub(lambda m: _money(m[4] or _CODES[m[5]], m[1], m[2], m[3]), text)
    text = _PHONE.sub(lambda m: _phone(m[0]), text)
    text = _MIXED_ID.sub(lambda m: f"{' '.join(m[1])} {digits(m[2])}", text)
    text = _CUED_ID.sub(lambda m: m[0][: m.start(1) - m.start()].rstrip("#") + digits(m[1]), text)
    text = _LONG_ID.sub(_long_id, text)
    text = re.sub(r"(?<=\d)\s?%", " percent", text)
    return re.sub(r"\s&\s", " and ", text)


def digits(figures: str) -> str:
    """Figures one by one: ``482`` is "four eight two"."""
    return " ".join(_DIGITS[int(figure)] for figure in figures)


def ordinal(number: int) -> str:
    """1 to 31 as in dates: "first" to "thirty-first"."""
    if number <= 20:
        return _ORDINALS[number - 1]
    if number == 30:
        return _ORDINALS[-1]
    return f"{'twenty' if number < 30 else 'thirty'}-{_ORDINALS[number % 10 - 1]}"


def _address(text: str) -> str:
    """An e-mail address or URL as one would spell it, without a URL's query and last slash."""
    text = re.sub(r"[?#].*$", "", text).rstrip("/")
    names = {".": "dot", "@": "at", "-": "dash", "_": "underscore", "/": "slash", "+": "plus"}
    words = re.sub(r"[.@/_+-]", lambda m: f" {names[m[0]]} ", text)
    return re.sub(r"\d{3,}", lambda m: digits(m[0]), words)


def _date(found: re.Match[str], today: date | None) -> str:
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    said = f"the {ordinal(day)} of {_MONTHS[month - 1]}"
    if today is None or today.year != year:
        said += f" {year}"
    return f"{said} at {int(found[4])}:{found[5]}" if found[4] else said


def _money(symbol: str, whole: str, part: str | None, scale: str | None) -> str:
    one, many, hundredths = _CURRENCIES[symbol]
    number = whole if len(whole) < 5 or "," in whole else f"{int(whole):,}"
    if scale or (part and (hundredths is None or len(part) > 2)):
        return f"{number}{f'.{part}' if part else ''}{scale or ''} {many}"
    said = f"{number} {one if whole == '1' else many}"
    cents = int(part.ljust(2, "0")) if part else 0
    if not cents:
        return said
    small = hundredths if cents > 1 or hundredths == "pence" else "cent"
    small = "penny" if cents == 1 and hundredths == "pence" else small
    return f"{cents} {small}" if whole == "0" else f"{said} and {cents} {small}"


def _phone(number: str) -> str:
    groups = re.findall(r"\d+", number)
    return "plus " + ", ".join(digits(group) for group in groups)


def _long_id(found: re.Match[str]) -> str:
    """Five figures in a row without separators are an identifier, unless they are round."""
    if found[1]:
        return f"number {digits(found[1]) if len(found[1]) > 2 else found[1]}"
    return found[0] if found[2].endswith("000") else digits(found[2])
