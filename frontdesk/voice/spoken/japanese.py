"""Japanese: numbers, dates, money, measures, codes. Which reading a counter has (三本, さんぼん) is
left to the voice: it knows from the kanji."""

import re
from datetime import date

from frontdesk.voice.spoken.addresses import spelled
from frontdesk.voice.spoken.numerals import DATE, NUMBER, TIME, Numerals

_NUMERALS = Numerals(
    ("ゼロ", *"一二三四五六七八九"), ("十", "百", "千"), ("万", "億", "兆", "京"), "点"
)
_UNITS = {
    "km/h": "キロメートル毎時", "km": "キロメートル", "cm": "センチメートル", "mm": "ミリメートル",
    "m": "メートル", "kg": "キログラム", "mg": "ミリグラム", "g": "グラム", "ml": "ミリリットル",
    "mL": "ミリリットル", "L": "リットル", "°C": "度", "℃": "度", "GB": "ギガバイト",
    "MB": "メガバイト",
    "%": "パーセント", "％": "パーセント", "㎡": "平方メートル",
}  # fmt: skip
_CURRENCIES = {
    "¥": "円", "￥": "円", "$": "ドル", "€": "ユーロ", "£": "ポンド", "₩": "ウォン", "JPY": "円",
    "USD": "ドル", "EUR": "ユーロ",
}  # fmt: skip
_NAMES = {
    ".": "ドット",
    "@": "アットマーク",
    "-": "ハイフン",
    "_": "アンダーバー",
    "/": "スラッシュ",
    "+": "プラス",
}
_SIGN = "|".join(re.escape(sign) for sign in _CURRENCIES)

_CODE = re.compile(r"((?:番号|コード|ID|内線)\s?(?:は|が|：|:)?\s?|#)(\d[\d-]*\d|\d)")
_PHONE = re.compile(r"(?<!\d)(0\d{1,4}-\d{1,4}-\d{3,4}|\+81[- ]\d{1,4}-\d{1,4}-\d{4})(?!\d)")
_MONEY = re.compile(rf"({_SIGN})\s?{NUMBER}(?:\s?([万億]))?")
_RANGE = re.compile(r"(?<=\d)\s?[~～〜–]\s?(?=\d)")
_MEASURED = re.compile(rf"([-−]?){NUMBER}\s?({'|'.join(map(re.escape, _UNITS))})(?![A-Za-z])")
_LONG = re.compile(r"(?<![A-Za-z\d.,])(?:0\d+|\d{5,})(?![\d,.]*\d)(?!\s?[円年人個件名%])")
_PLAIN = re.compile(NUMBER)


def said(text: str, today: date | None) -> str:
    """Japanese ``text`` in words."""
    number = _NUMERALS.number
    text = spelled(text, _NAMES, _NUMERALS.digits)
    text = DATE.sub(lambda m: _NUMERALS.date(m, today, _NUMERALS.cardinal), text)
    text = TIME.sub(lambda m: f"{number(m[1])}時{number(m[2]) + '分' if int(m[2]) else ''}", text)
    text = _CODE.sub(lambda m: m[1].replace("#", "番号") + digits(m[2]), text)
    text = _PHONE.sub(lambda m: digits(m[0]), text)
    text = _MONEY.sub(lambda m: f"{_NUMERALS.money(m[2])}{m[3] or ''}{_CURRENCIES[m[1]]}", text)
    text = _RANGE.sub("から", text)
    text = _MEASURED.sub(
        lambda m: f"{'マイナス' if m[1] else ''}{number(m[2])}{_UNITS[m[3]]}", text
    )
    text = _LONG.sub(lambda m: _NUMERALS.digits(m[0]), text)
    return _PLAIN.sub(lambda m: number(m[1]), text)


def digits(figures: str) -> str:
    """One by one, as telephone numbers are, with a breath between groups."""
    return _NUMERALS.in_groups(figures, "、")
