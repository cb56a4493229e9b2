"""English: money, dates, telephone numbers, codes, measures and shorthand in words.

Plain numbers, years and clock times are left to the voice, which reads them well.
"""

import re
from datetime import date

from frontdesk.voice.spoken.addresses import spelled

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
_CODES = {"US$": "$", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KRW": "₩"}
_AMOUNT = r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?( (?:thousand|million|billion)\b|(?:[kKM]|bn|B)\b)?"
_SCALES = {"k": " thousand", "K": " thousand", "M": " million", "bn": " billion", "B": " billion"}
_NAMES = {".": "dot", "@": "at", "-": "dash", "_": "underscore", "/": "slash", "+": "plus"}
_UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"), 
    "mph": ("mile per hour", "miles per hour"),
    "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "m": ("meter", "meters"), "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"), "mg": ("milligram", "milligrams"), "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "ft": ("foot", "feet"),
    "ml": ("milliliter", "milliliters"), "L": ("liter", "liters"), "l": ("liter", "liters"),
    "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "V": ("volt", "volts"), "mAh": ("milliamp hour", "milliamp hours"), "Hz": ("hertz", "hertz"),
    "lm": ("lumen", "lumens"), "min": ("minute", "minutes"), "hrs": ("hour", "hours"),
    "hr": ("hour", "hours"), "h": ("hour", "hours"), "sec": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"), "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
}  # fmt: skip
_ANY = re.compile(r"[\d@/&→≈±]|=>|->|\w\.\w|\b(?:etc|vs|approx)\b")
_SHORT = [
    (re.compile(r"\be\.g\.,?\s"), "for example "),
    (re.compile(r"\bi\.e\.,?\s"), "that is, "),
    (re.compile(r"\betc\.(?=\s+[A-Z]|\s*$)"), "et cetera."),
    (re.compile(r"\betc\."), "et cetera"),
    (re.compile(r"\bvs\.?(?=\s)"), "versus"),
    (re.compile(r"\bapprox\."), "approximately"),
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"\bw/(?=\s)"), "with"),
    (re.compile(r"\bNo\.\s?(?=\d)"), "number "),
    (re.compile(r"\b24/7\b"), "twenty-four seven"),
    (re.compile(r"\band/or\b"), "and or"),
    (re.compile(r"\s*(?:→|=>|->)\s*"), ", "),
    (re.compile(r"(?<=\d)\s?[x×]\s?(?=\d)"), " by "),
    (re.compile(r"(?<=\d)\+(?=\s|$)"), " plus"),
    (re.compile(r"~(?=\d)|≈\s?"), "about "),
    (re.compile(r"±\s?"), "plus or minus "),
]
_CUES = "order|ticket|tracking|invoice|account|customer|reference|booking|case|code|pin|number|no"

_ISO = re.compile(
    r"\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\w-])"
)
_MONEY = re.compile(rf"([-−])?([$€£¥₩])\s?{_AMOUNT}(?![\d.,]*\d)")
_MONEY_RANGE = re.compile(rf"([$€£¥₩])(\d[\d,.]*)\s?[-–]\s?\1?{_AMOUNT}(?![\d.,]*\d)")
_CODED = re.compile(r"(?<!\w)([-−])?(USD|EUR|GBP|JPY|KRW|US\$)\s?(\d)")
_PER = re.compile(
    r"([$€£¥₩]\s?[\d,.]*\d)\s?/\s?(month|year|week|day|hour|night|person|unit|item|mo|yr)\b"
)
_MONEY_AFTER = re.compile(rf"(?<![\d.,]){_AMOUNT}\s?(?:([€£₩])|(USD|EUR|GBP|JPY|KRW)\b)")
_PHONE = re.compile(
    r"\+\d[\d ().-]{5,}\d"
    r"|(?<![\w.-])(?:1[- .])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])"
    r"|(?<![\w.-])\d{3}-\d{4}(?![\w-])"
)
_MIXED_ID = re.compile(r"\b([A-Z]{1,4})[-#]?(\d{3,})\b")
_ALPHANUMERIC = re.compile(r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*\b")
_CUED_ID = re.compile(rf"(?i:\b(?:{_CUES})\b[.:]?\s*(?:(?:is|number|no)\b[.:]?\s*)?)#?(\d{{3,}})\b")
_RANGE = re.compile(r"(?<=\d)\s?–\s?(?=\d)|(?:(?<=\s\d)|(?<=\s\d\d))-(?=\d{1,3}(?:\s?%|\s[a-z]))")
_DEGREES = re.compile(r"(?<![\w.])([-−])?(\d+(?:\.\d+)?)\s?°\s?([CF])?(?!\w)")
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_MEASURED = re.compile(rf"(?<![\w.,$€£])(\d[\d,]*(?:\.\d+)?)\s?({_UNIT})(?![\w/'’])")
_LONG_ID = re.compile(r"(?<![\d.,$€£¥₩-])(?:#\s?(\d+)|(\d{5,}))(?![\d%]|[.,]\d)")


def said(text: str, today: date | None) -> str:
    """English ``text`` in words. ``today``: dates of the same year go without it."""
    if not _ANY.search(text):  # by far the most
        return text
    text = spelled(text, _NAMES, digits)
    for pattern, words in _SHORT:
        text = pattern.sub(words, text)
    text = _ISO.sub(lambda m: _date(m, today), text)
    text = _CODED.sub(lambda m: f"{m[1] or ''}{_CODES[m[2]]}{m[3]}", text)
    text = _PER.sub(r"\1 per \2", text)
    text = _MONEY_RANGE.sub(_money_range, text)
    text = _MONEY.sub(lambda m: _money(m[2], m[3], m[4], m[5], m[1]), text)
    text = _MONEY_AFTER.sub(lambda m: _money(m[4] or _CODES[m[5]], m[1], m[2], m[3]), text)
    text = _PHONE.sub(lambda m: _phone(m[0]), text)
    text = _MIXED_ID.sub(lambda m: f"{' '.join(m[1])} {digits(m[2])}", text)
    text = _ALPHANUMERIC.sub(_code, text)
    text = _CUED_ID.sub(lambda m: m[0][: m.start(1) - m.start()].rstrip("#") + digits(m[1]), text)
    text = _LONG_ID.sub(_long_id, text)
    text = _RANGE.sub(" to ", text)
    text = _DEGREES.sub(_degrees, text)
    text = _MEASURED.sub(_measured, text)
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


def _date(found: re.Match[str], today: date | None) -> str:
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    said = f"the {ordinal(day)} of {_MONTHS[month - 1]}"
    if today is None or today.year != year:
        said += f" {year}"
    return f"{said} at {int(found[4])}:{found[5]}" if found[4] else said


def _money(
    symbol: str, whole: str, part: str | None, scale: str | None, minus: str | None = None
) -> str:
    if minus:
        return f"minus {_money(symbol, whole, part, scale)}"
    one, many, hundredths = _CURRENCIES[symbol]
    scale = _SCALES.get(scale or "", scale)
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


def _money_range(found: re.Match[str]) -> str:
    """``$5-10``: the currency once, behind the second."""
    symbol, low, whole, part, scale = found.groups()
    return f"{low} to {_money(symbol, whole, part, scale)}"


def _phone(number: str) -> str:
    said = ", ".join(digits(group) for group in re.findall(r"\d+", number))
    return f"plus {said}" if number.startswith("+") else said


def _code(found: re.Match[str]) -> str:
    """``AB12-9XK`` is spelled; names such as A4, MP3 and 4K, which people say, are left."""
    code = found[0]
    if (
        sum(c.isdigit() for c in code) < 2
        or len(code) < 4
        or re.fullmatch(r"\d+[A-Z]+|[A-Z]{3,}-?\d{1,2}", code)
    ):
        return code
    return ", ".join(_letters(part) for part in code.split("-"))


def _letters(part: str) -> str:
    return " ".join(_DIGITS[int(c)] if c.isdigit() else c for c in part)


def _degrees(found: re.Match[str]) -> str:
    minus, number, scale = found.groups()
    name = {"C": " Celsius", "F": " Fahrenheit", None: ""}[scale]
    unit = "degree" if number == "1" else "degrees"
    return f"{'minus ' if minus else ''}{number} {unit}{name}"


def _measured(found: re.Match[str]) -> str:
    one, many = _UNITS[found[2]]
    return f"{found[1]} {one if found[1] == '1' else many}"


def _long_id(found: re.Match[str]) -> str:
    """Five figures in a row without separators are an identifier, unless they are round."""
    if found[1]:
        return f"number {digits(found[1]) if len(found[1]) > 2 else found[1]}"
    return found[0] if found[2].endswith("000") else digits(found[2])
