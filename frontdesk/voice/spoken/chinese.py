"""Chinese (Mandarin): numbers, dates, money, measures, codes."""

import re
from datetime import date

from frontdesk.voice.spoken.addresses import spelled
from frontdesk.voice.spoken.numerals import DATE, NUMBER, TIME, Numerals

_NUMERALS = Numerals(
    "零一二三四五六七八九", ("十", "百", "千"), ("万", "亿", "兆", "京"), "点", "零", one_ten=True
)
_UNITS = {
    "km/h": "公里每小时", "km": "公里", "cm": "厘米", "mm": "毫米", "m": "米", "kg": "公斤",
    "mg": "毫克",
    "g": "克", "ml": "毫升", "L": "升", "°C": "摄氏度", "℃": "摄氏度", "GB": "G B", "㎡": "平方米",
}  # fmt: skip
_CURRENCIES = {
    "¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑", "₩": "韩元", "CNY": "元",
    "USD": "美元", "EUR": "欧元",
}  # fmt: skip
_NAMES = {".": "点", "@": "艾特", "-": "杠", "_": "下划线", "/": "斜杠", "+": "加"}
_SIGN = "|".join(re.escape(sign) for sign in _CURRENCIES)
_COUNTERS = "个|位|件|只|张|本|台|次|天|年|周|点|分钟|小时|杯|瓶|条|把|间|辆|份|双|层|箱|包|套|种"

_YEAR = re.compile(r"(?<!\d)(\d{4})(?=\s?年)")
_CODE = re.compile(
    r"((?:号码|单号|编号|账号|卡号|电话|手机|验证码|房号)\s?(?:是|为|：|:)?\s?|#)(\d[\d-]*\d|\d)"
)
_PHONE = re.compile(
    r"(?<!\d)(1[3-9]\d{9}|(?:\+?86[- ]?)?1[3-9]\d[- ]\d{4}[- ]\d{4}|0\d{2,3}-\d{7,8}"
    r"|400-\d{3,4}-\d{3,4})(?!\d)"
)
_MONEY = re.compile(rf"({_SIGN})\s?{NUMBER}(?:\s?([万亿]))?")
_RANGE = re.compile(r"(?<=\d)\s?[~～–-]\s?(?=\d+(?:\.\d+)?\s?[一-鿿%])")
_PERCENT = re.compile(rf"{NUMBER}\s?[%％]")
_MEASURED = re.compile(rf"([-−]?){NUMBER}\s?({'|'.join(map(re.escape, _UNITS))})(?![A-Za-z])")
_TWO = re.compile(rf"(?<![\d.,A-Za-z第])2(?=\s?(?:{_COUNTERS}))")
_LONG = re.compile(r"(?<![A-Za-z\d.,])(?:0\d+|\d{5,})(?![\d,.]*\d)(?!\s?[元块年个人次%])")
_PLAIN = re.compile(NUMBER)


def said(text: str, today: date | None) -> str:
    """Chinese ``text`` in words."""
    number = _NUMERALS.number
    text = spelled(text, _NAMES, _NUMERALS.digits)
    text = DATE.sub(
        lambda m: _NUMERALS.date(m, today, lambda year: _NUMERALS.digits(str(year))), text
    )
    text = _YEAR.sub(lambda m: _NUMERALS.digits(m[1]), text)
    text = TIME.sub(_time, text)
    text = _CODE.sub(lambda m: m[1].replace("#", "号码") + digits(m[2]), text)
    text = _PHONE.sub(lambda m: digits(m[0]), text)
    text = _MONEY.sub(lambda m: f"{_NUMERALS.money(m[2])}{m[3] or ''}{_CURRENCIES[m[1]]}", text)
    text = _RANGE.sub("到", text)
    text = _PERCENT.sub(lambda m: f"百分之{number(m[1])}", text)
    text = _MEASURED.sub(
        lambda m: (
            f"{'零下' if m[1] and '度' in _UNITS[m[3]] else '负' if m[1] else ''}"
            f"{number(m[2])}{_UNITS[m[3]]}"
        ),
        text,
    )
    text = _TWO.sub("两", text)
    text = _LONG.sub(lambda m: _NUMERALS.digits(m[0]), text)
    return _PLAIN.sub(lambda m: number(m[1]), text)


def digits(figures: str) -> str:
    """One by one, as telephone numbers are: one is 幺, which nobody takes for seven."""
    return _NUMERALS.in_groups(figures, "，").replace("一", "幺")


def _time(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    said = f"{'两' if hour == 2 else _NUMERALS.cardinal(hour)}点"
    if not minute:
        return f"{said}整"
    return f"{said}{'零' if minute < 10 else ''}{_NUMERALS.cardinal(minute)}分"
