"""Korean: two systems of numbers, and which one goes with what.

Things, people, ages and hours are counted in native words, which stand before their counter in a
form of their own (하나, but 한 개); dates, minutes, money, measures and codes are Sino-Korean
("Standard Korean Language Dictionary", National Institute of Korean Language, under 수사, 관형사).
"""

import re
from datetime import date

from frontdesk.voice.spoken.addresses import spelled
from frontdesk.voice.spoken.numerals import NUMBER, Numerals

_SINO = Numerals(
    "영일이삼사오육칠팔구", ("십", "백", "천"), ("만", "억", "조", "경"), "점", one_group=False
)
_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_NATIVE = (
    "시간|시(?![속작대])|개(?![월국년인])|명(?!령)|살|번째|번|마리|대(?![로의])|병(?!원)|잔(?!액)|권(?!한)|장|벌(?!금)|켤레|그루|송이|곳|가지|달(?!러)"
    "|통(?!화)|채|자루|사람|상자|박스|봉지|그릇|쌍|줄|군데|차례|분(?=께|이서|\\s*(?:모두|예약))|가족|배(?![송달])"
)
"""Counters of native numbers; behind some of them other words begin."""
_KEYS = re.compile(r"\s*(?:을|를)?\s*(?:누르|눌러|버튼|출구|버스|창구|게이트|홈|승강장)")
"""What a number in front of 번 names, rather than counts."""
_UNITS = {
    "km/h": "킬로미터 퍼 아워", "km": "킬로미터", "cm": "센티미터", "mm": "밀리미터", "m": "미터",
    "kg": "킬로그램",
    "mg": "밀리그램", "g": "그램", "ml": "밀리리터", "mL": "밀리리터", "L": "리터",
    "ℓ": "리터", "°C": "도", "℃": "도", "%p": "퍼센트 포인트", "%": "퍼센트", "GB": "기가바이트",
    "MB": "메가바이트", "TB": "테라바이트",
    "㎡": "제곱미터", "kWh": "킬로와트시", "W": "와트", "V": "볼트",
}  # fmt: skip
_CURRENCIES = {
    "₩": "원", "$": "달러", "€": "유로", "£": "파운드", "¥": "엔", "KRW": "원", "USD": "달러",
    "EUR": "유로", "GBP": "파운드", "JPY": "엔",
}  # fmt: skip
_NAMES = {".": "점", "@": "골뱅이", "-": "대시", "_": "밑줄", "/": "슬래시", "+": "플러스"}
_SIGN = "|".join(re.escape(sign) for sign in _CURRENCIES)
_UNIT = "|".join(map(re.escape, _UNITS))

_DATE = re.compile(r"(?<!\d)(\d{4})\s?[-./]\s?(\d{1,2})\s?[-./]\s?(\d{1,2})\.?(?![\d-])")
_MONTH_DAY = re.compile(r"(?<![\d.])(\d{1,2})월(?:\s*(\d{1,2})일)?")
_TIME = re.compile(
    r"(오전|오후|새벽|아침|저녁|밤|낮)?(\s*)(?<!\d)([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?(?!\d)"
)
_PHONE = re.compile(r"(?<![\d-])(\+?\d{2,4}|1\d{3})[-) ](?:(\d{3,4})-)?(\d{4})(?![\d-])")
_CODE = re.compile(
    r"((?:주문|송장|운송장|계좌|예약|접수|회원|고객|인증|카드|전화|티켓|문의|추적|우편)\s?번호"
    r"(?:는|은|가|:)?\s*|#|№\s?)([A-Za-z]{0,4}-?\d[\d-]*\d|\d)(?=[^\d]|$)"
)
_MONEY = re.compile(rf"({_SIGN})\s?{NUMBER}(?:\s?(천|만|억))?")
_FROM_TO = re.compile(rf"(\d+)\s?[~∼～–]\s?(\d+)(\s?(?:{_NATIVE}))")
_RANGE = re.compile(r"(?<=\d)(\s?[가-힣%]{0,2})\s?[~∼～–]\s?(?=\d)")
_COUNTED = re.compile(rf"{NUMBER}(\s?)({_NATIVE})")
_MEASURED = re.compile(rf"(?<![A-Za-z\d])([-−]?){NUMBER}\s?({_UNIT})(?![A-Za-z])")
_LONG = re.compile(r"(?<![A-Za-z\d.,])(?:0\d+|\d{5,})(?![\d,.]*\d)(?!\s?[가-힣%])")
_PLAIN = re.compile(rf"{NUMBER}(?=(\s?)([가-힣]?))")
_GROUPS = "십백천만억조"
_PARTICLES = "이은는을를에로와과의가인입"
"""What belongs to the number in front: 3은."""
_NAMED = 20
"""The number from which on 번 names a thing: 402번 버스."""


def said(text: str, today: date | None) -> str:
    """Korean ``text`` in words."""
    text = spelled(text, _NAMES, lambda figures: " ".join(digits(figures)))
    text = _DATE.sub(lambda m: _date(m, today), text)
    text = _TIME.sub(_time, text)
    text = _CODE.sub(lambda m: f"{m[1].replace('#', '번호 ')}{_code(m[2])}", text)
    text = _PHONE.sub(lambda m: ", ".join(digits(group) for group in m.groups() if group), text)
    text = _MONEY.sub(_money, text)
    text = _FROM_TO.sub(r"\1\3에서 \2\3", text)
    text = _RANGE.sub(r"\1에서 ", text)
    text = _MONTH_DAY.sub(_month_day, text)
    text = _MEASURED.sub(_measured, text)
    text = _COUNTED.sub(_counted, text)
    text = _LONG.sub(lambda m: digits(m[0]), text)
    return _PLAIN.sub(_plain, text)


def digits(figures: str) -> str:
    """One by one, as codes and telephone numbers are: 010 is 공일공."""
    said = figures.replace("+", "플러스 ")
    return "".join(
        ("공" if c == "0" else _SINO.figures[int(c)]) if c.isdigit() else c for c in said
    )


def native(number: int) -> str:
    """A number from 1 as it stands before a counter: 한, 스무, 스물한, 백다섯."""
    hundreds, rest = number // 100 * 100, number % 100
    said = "스무" if rest == 20 else _TENS[rest // 10] + _ONES[rest % 10]
    return (_SINO.cardinal(hundreds) if hundreds else "") + said


def _plain(found: re.Match[str]) -> str:
    number, blank, behind = found.groups()
    if behind and behind in _GROUPS and not blank:
        return "" if number == "1" and behind in "천만" else _SINO.number(number)
    apart = behind and not blank and behind not in _PARTICLES
    return _SINO.number(number) + (" " if apart else "")


def _counted(found: re.Match[str]) -> str:
    number, blank, counter = found.groups()
    behind = found.string[found.end() :]
    if "." in number or not (count := int(number.replace(",", ""))):
        return f"{_SINO.number(number)} {counter}"
    if count >= 1000 or (counter == "시" and count > 12):
        return f"{_SINO.number(number)} {counter}"
    if counter == "대" and not count % 10:  # people between 20 and 30
        return f"{_SINO.number(number)} {counter}"
    if counter == "번" and (count >= _NAMED or _KEYS.match(behind)):
        return f"{_SINO.number(number)}{blank}{counter}"
    return f"{native(count)} {counter}"


def _date(found: re.Match[str], today: date | None) -> str:
    year, month, day = map(int, found.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return found[0]
    same = today is not None and today.year == year
    return (
        "" if same else f"{_SINO.cardinal(year)}년 "
    ) + f"{_month(month)} {_SINO.cardinal(day)}일"


def _month_day(found: re.Match[str]) -> str:
    day = f" {_SINO.cardinal(int(found[2]))}일" if found[2] else ""
    return (_month(int(found[1])) if 1 <= int(found[1]) <= 12 else f"{found[1]}월") + day


def _month(month: int) -> str:
    return {6: "유월", 10: "시월"}.get(month) or f"{_SINO.cardinal(month)}월"


def _time(found: re.Match[str]) -> str:
    half, blank, hours, minutes = found.groups()
    hour, minute = int(hours), int(minutes)
    said = f"{native(hour) if 1 <= hour <= 12 else _SINO.cardinal(hour)} 시"
    said += f" {_SINO.cardinal(minute)} 분" if minute else ""
    return f"{half or ''}{' ' if half else blank}{said}"


def _money(found: re.Match[str]) -> str:
    sign, number, group = found.groups()
    return f"{_SINO.money(number)}{group or ''} {_CURRENCIES[sign]}"


def _measured(found: re.Match[str]) -> str:
    sign, number, unit = found.groups()
    below = "영하 " if _UNITS[unit] == "도" else "마이너스 "
    return f"{below if sign else ''}{_SINO.number(number)} {_UNITS[unit]}"


def _code(written: str) -> str:
    letters = re.match(r"[A-Za-z]*", written)
    head = " ".join(letters[0]) if letters else ""
    figures = ", ".join(
        digits(group) for group in written[len(letters[0]) if letters else 0 :].split("-") if group
    )
    return f"{head} {figures}" if head else figures
