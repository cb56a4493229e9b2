"""Reads a tool's arguments from what was said, by the JSON schema alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from frontdesk.team.embedded.reading import phrases
from frontdesk.team.embedded.reading.choices import read_choice, read_yes_no
from frontdesk.team.embedded.reading.codes import Code, codes
from frontdesk.team.embedded.reading.dates import days
from frontdesk.team.embedded.reading.emails import find_email
from frontdesk.team.embedded.reading.parameters import Kind, Parameter
from frontdesk.team.embedded.reading.quantities import read_number
from frontdesk.team.embedded.reading.times import times
from frontdesk.team.embedded.reading.tokens import Span, mask
from frontdesk.team.embedded.reading.words import strip_courtesy, strip_opening

Similarity = Callable[[str, Sequence[str]], list[float]]
"""How near in meaning a text is to each of several, -1 to 1."""

_ORDER = (
    Kind.EMAIL,
    Kind.DATE,
    Kind.MOMENT,
    Kind.TIME,
    Kind.CODE,
    Kind.NUMBER,
    Kind.CHOICE,
    Kind.YES_NO,
    Kind.PHRASE,
    Kind.SENTENCE,
)


@dataclass(frozen=True)
class Told:
    """An utterance to read from.

    ``asked`` is the argument that the caller was just asked for; ``context`` are words of the
    tool (its name and description), which are never themselves a value; ``examples`` are its
    example utterances.
    """

    text: str
    today: date
    similarity: Similarity
    asked: str | None = None
    context: str = ""
    examples: tuple[str, ...] = ()


@dataclass
class Reading:
    """Values read so far and the characters they took."""

    text: str
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    spans: list[Span] = field(default_factory=list[Span])

    @property
    def rest(self) -> str:
        return mask(self.text, self.spans)

    def take(self, name: str, value: Any, *spans: Span) -> None:
        self.values[name] = value
        self.spans.extend(spans)


def read_arguments(
    wanted: Iterable[Parameter], told: Told, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values of ``wanted`` that ``told`` gives; what was not said is left out.

    Parameters in ``known`` are read only from unmistakable forms (a code, an e-mail address),
    so that a correction counts and a stray word does not. The most particular forms are read
    first, and what one took no other sees.
    """
    reading = Reading(told.text)
    taken = known or {}
    ranked = sorted(wanted, key=lambda p: (p.name != told.asked, _rank(p)))
    asked = [parameter for parameter in ranked if parameter.name == told.asked]
    others = sorted((p for p in ranked if p.name != told.asked), key=_rank)
    particular = [p for p in others if p.kind in (Kind.EMAIL, Kind.CODE)]
    for parameter in [*particular, *asked, *others]:
        if parameter.name in reading.values:
            continue
        if parameter.name in taken and parameter not in particular and parameter not in asked:
            continue
        if parameter in particular and asked and asked[0].kind in (Kind.CODE, Kind.NUMBER):
            _read(asked[0], reading, told)
        if parameter.name not in reading.values:
            _read(parameter, reading, told)
    return {name: _listed(name, value, ranked) for name, value in reading.values.items()}


def _rank(parameter: Parameter) -> int:
    return _ORDER.index(parameter.kind) if parameter.kind in _ORDER else len(_ORDER)


def _listed(name: str, value: Any, wanted: Iterable[Parameter]) -> Any:
    return [value] if any(p.many and p.name == name for p in wanted) else value


def _read(parameter: Parameter, reading: Reading, told: Told) -> None:
    asked = parameter.name == told.asked
    match parameter.kind:
        case Kind.EMAIL:
            if found := find_email(reading.rest):
                reading.take(parameter.name, *found)
        case Kind.DATE | Kind.TIME | Kind.MOMENT:
            _read_when(parameter, reading, told, asked)
        case Kind.CODE:
            if code := best_code(parameter, reading.rest, told.today):
                reading.take(parameter.name, code.text, code.span)
        case Kind.NUMBER:
            if number := read_number(parameter, reading.rest, told.today, asked=asked):
                reading.take(parameter.name, *number)
        case Kind.CHOICE:
            if choice := read_choice(parameter, reading.rest, told.similarity, asked=asked):
                reading.take(parameter.name, *choice)
        case Kind.YES_NO:
            answer = read_yes_no(parameter, reading.rest, asked=asked)
            if answer is not None:
                reading.take(parameter.name, answer)
        case Kind.PHRASE:
            _read_phrase(parameter, reading, told, asked)
        case Kind.SENTENCE:
            sentence = strip_courtesy(strip_opening(told.text))
            if sentence:
                reading.take(parameter.name, sentence)
        case Kind.OPAQUE:
            return


def _read_when(parameter: Parameter, reading: Reading, told: Told, asked: bool) -> None:
    day = next(iter(days(reading.rest, told.today, past=parameter.past, bare=asked)), None)
    if parameter.kind is Kind.DATE:
        if day:
            reading.take(parameter.name, day.value.isoformat(), day.span)
        return
    rest = mask(reading.rest, [day.span]) if day else reading.rest
    context = f"{told.context} {parameter.description}"
    clock = next(iter(times(rest, context=context, bare=asked)), None)
    if parameter.kind is Kind.TIME and clock:
        reading.take(parameter.name, clock.value, clock.span)
    elif parameter.kind is Kind.MOMENT and day and clock:
        moment = f"{day.value.isoformat()}T{clock.value}:00"
        reading.take(parameter.name, moment, day.span, clock.span)


def best_code(parameter: Parameter, text: str, today: date) -> Code | None:
    """The code for ``parameter`` in ``text``: never out of a day or a time of day."""
    hidden = [day.span for day in days(text, today)]
    found = codes(mask(text, hidden), parameter.accept_code, letters=parameter.letters)
    clocks = [clock.span for clock in times(text)]
    clear = [code for code in found if not any(code.span.overlaps(span) for span in clocks)]
    return next(iter(clear or found), None)


def _read_phrase(parameter: Parameter, reading: Reading, told: Told, asked: bool) -> None:
    if asked:
        if value := phrases.reply(reading.text, parameter):
            reading.take(parameter.name, value)
        return
    hidden = [day.span for day in days(reading.rest, told.today)]
    hidden += [clock.span for clock in times(reading.rest)]
    rest = mask(reading.rest, hidden)
    if found := phrases.mentioned(rest, parameter, told.context, told.examples):
        reading.take(parameter.name, *found)
