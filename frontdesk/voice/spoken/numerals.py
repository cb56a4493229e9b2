"""Numbers as East Asia says them: in groups of four figures."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

NUMBER = r"(?<![A-Za-z\d.,])((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?![\d,]*\d)"
"""A number as it is written, with or without separators, and not in a name such as A4."""
DATE = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d-])")
TIME = re.compile(r"(?<!\d)([01]?\d|2[0-4])[:：]([0-5]\d)(?:[:：][0-5]\d)?(?!\d)")
"""As Chinese and Japanese write them."""


class Numerals(NamedTuple):
    """A language's words. ``figures`` from 0; ``steps`` are those for ten, hundred, thousand;
    ``groups`` those for 10^4, 10^8, 10^12, 10^16."""

    figures: Sequence[str]
    steps: tuple[str, str, str]
    groups: tuple[str, str, str, str]
    point: str
    zero_between: str = ""
    """Said for figures that are missing amid a number, as Chinese does."""
    one_ten: bool = False
    """Whether ten, a hundred and a thousand have a one in front."""
    one_group: bool = True
    """Whether ten thousand has."""

    def number(self, written: str) -> str:
        """``1,250.5`` in words. What is larger than all words is said by its figures."""
        whole, _, part = written.replace(",", "").partition(".")
        said = self.cardinal(int(whole)) if len(whole) <= 20 else self.digits(whole)
        return f"{said}{self.point}{self.digits(part)}" if part else said

    def money(self, written: str) -> str:
        """``15.50`` is 15.5."""
        return self.number(written.rstrip("0").rstrip(".") if "." in written else written)

    def digits(self, figures: str) -> str:
        """One by one."""
        return "".join(self.figures[int(figure)] for figure in figures)

    def in_groups(self, written: str, breath: str) -> str:
        """The figures of a telephone number or code one by one, with a breath between groups."""
        groups = ("".join(c for c in part if c.isdigit()) for part in re.split(r"[- ]", written))
        return breath.join(self.digits(group) for group in groups if group)

    def date(
        self, found: re.Match[str], today: date | None, year_said: Callable[[int], str]
    ) -> str:
        """A :data:`DATE` as Chinese and Japanese say it; one of this year without it."""
        year, month, day = map(int, found.groups())
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return found[0]
        same = today is not None and today.year == year
        said = f"{self.cardinal(month)}月{self.cardinal(day)}日"
        return said if same else f"{year_said(year)}年{said}"

    def cardinal(self, number: int) -> str:
        """A whole number from 0."""
        if not number:
            return self.figures[0]
        said, missing = "", False
        for place in reversed(range(5)):
            group = int(number // 10_000**place % 10_000)
            if not group:
                missing = missing or bool(said)
                continue
            if said and (missing or group < 1000):
                said += self.zero_between
            alone = place == 1 and group == 1 and not said and not self.one_group
            said += "" if alone else self._group(group, first=not said, top=place > 0)
            said += self.groups[place - 1] if place else ""
            missing = False
        return said

    def _group(self, group: int, *, first: bool, top: bool) -> str:
        said, gap = "", False
        for place in reversed(range(4)):
            figure = int(group // 10**place % 10)
            if not figure:
                gap = bool(said)
                continue
            if gap:
                said, gap = said + self.zero_between, False
            said += "" if self._silent(figure, place, said, first, top) else self.figures[figure]
            said += self.steps[place - 1] if place else ""
        return said

    def _silent(self, figure: int, place: int, said: str, first: bool, top: bool) -> bool:
        """Whether a one is not said: 십, 百; 一百一十 but 十五; 一千万."""
        if figure != 1 or not place:
            return False
        if self.one_ten:
            return place == 1 and first and not said
        return not (place == 3 and top and self.one_group)
