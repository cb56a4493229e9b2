"""National identification numbers, by country: python-stdnum knows how they are made."""

import datetime
import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from stdnum.kr import rrn

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class IdNumber:
    """Characters between ``shortest`` and ``longest`` that ``is_valid`` takes.

    ``groups`` are the lengths in which it is written; one whose check says little (``doubtful``)
    is taken for such a number only when it is grouped so, or named as one in the words before.
    """

    shortest: int
    longest: int
    is_valid: Check
    doubtful: bool = False
    groups: tuple[int, ...] = ()


CUES = re.compile(
    r"\b(?:ssn|social security|national (?:id|insurance|identity)|nino|sin|social insurance|bsn|"
    r"burgerservicenummer|tfn|tax (?:file|id|number)|nhs|id(?:entity)? (?:number|card)|"
    r"personnummer)\b|주민등록|주민번호",
    re.IGNORECASE,
)
"""Words after which a number is a national id."""


def _stdnum(module: str) -> Check:
    return importlib.import_module(f"stdnum.{module}").is_valid


def _korean(number: str) -> bool:
    """Resident and alien registration numbers. Those given since October 2020 have no check
    digit (https://en.wikipedia.org/wiki/Resident_registration_number), so the date has to do."""
    try:
        born = rrn.get_birth_date(number)
    except ValueError:
        return False
    return number[6] in "12345678" and born <= datetime.datetime.now(datetime.UTC).date()


_NINO = re.compile(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]")
"""National Insurance number (gov.uk, NIM39110)."""

_BUILDERS: dict[str, Callable[[], tuple[IdNumber, ...]]] = {
    "au": lambda: (IdNumber(8, 9, _stdnum("au.tfn"), doubtful=True, groups=(3, 3, 3)),),
    "be": lambda: (IdNumber(11, 11, _stdnum("be.nn")),),
    "br": lambda: (IdNumber(11, 11, _stdnum("br.cpf")),),
    "ca": lambda: (IdNumber(9, 9, _stdnum("ca.sin"), doubtful=True, groups=(3, 3, 3)),),
    "ch": lambda: (IdNumber(13, 13, _stdnum("ch.ssn")),),
    "cn": lambda: (IdNumber(18, 18, _stdnum("cn.ric")),),
    "de": lambda: (IdNumber(11, 11, _stdnum("de.idnr")),),
    "es": lambda: (IdNumber(9, 9, _stdnum("es.dni")), IdNumber(9, 9, _stdnum("es.nie"))),
    "fr": lambda: (IdNumber(15, 15, _stdnum("fr.nir")),),
    "gb": lambda: (
        IdNumber(9, 9, lambda number: _NINO.fullmatch(number) is not None),
        IdNumber(10, 10, _stdnum("gb.nhs"), doubtful=True, groups=(3, 3, 4)),
    ),
    "in": lambda: (IdNumber(12, 12, _stdnum("in_.aadhaar")),),
    "it": lambda: (IdNumber(16, 16, _stdnum("it.codicefiscale")),),
    "jp": lambda: (IdNumber(12, 12, _stdnum("jp.in_")),),
    "kr": lambda: (IdNumber(13, 13, _korean),),
    "nl": lambda: (IdNumber(9, 9, _stdnum("nl.bsn"), doubtful=True),),
    "pl": lambda: (IdNumber(11, 11, _stdnum("pl.pesel")),),
    "se": lambda: (IdNumber(10, 12, _stdnum("se.personnummer")),),
    "us": lambda: (IdNumber(9, 9, _stdnum("us.ssn"), doubtful=True, groups=(3, 2, 4)),),
}


def id_numbers(countries: tuple[str, ...]) -> tuple[IdNumber, ...]:
    """The numbers of these countries."""
    return tuple(number for country in countries for number in _BUILDERS[country]())
