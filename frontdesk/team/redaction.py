"""Makes the ``redact`` of a team file one function over text."""

import inspect
from collections.abc import Callable, Sequence
from functools import reduce

from frontdesk.desk.capture import PII_KINDS, PersonalData, Redact
from frontdesk.desk.guardrails import COUNTRIES
from frontdesk.team.functions import FunctionLoader, FunctionLoadError
from frontdesk.team.guardrails.pii import KINDS, PiiFinder

Rewrite = Callable[[str], str]


def build_redaction(redact: Sequence[Redact], functions: FunctionLoader) -> Rewrite | None:
    """One after the other, the built-in kinds of personal data together; None where there is
    nothing to redact.

    Raises:
        FunctionLoadError: there is no such function, it is async, or takes something else.
    """
    kinds = tuple(kind for kind in PII_KINDS if kind in redact)
    steps = [_without(kinds, COUNTRIES)] if kinds else []
    for one in redact:
        if isinstance(one, PersonalData):
            steps.append(_without(one.pii, one.countries))
        elif one not in PII_KINDS:
            steps.append(_function(one, functions))
    if not steps:
        return None
    return lambda text: reduce(lambda left, step: step(left), steps, text)


def _without(kinds: tuple[str, ...], countries: tuple[str, ...]) -> Rewrite:
    finder = PiiFinder(kinds, countries)
    finder.find("+1 212 555 2368")  # reads the tables that the first search needs

    def rewrite(text: str) -> str:
        left, done = "", 0
        for found in finder.find(text):
            left += f"{text[done : found.span.start]}[{KINDS[found.kind]}]"
            done = found.span.end
        return left + text[done:]

    return rewrite


def _function(call: str, functions: FunctionLoader) -> Rewrite:
    function = functions.find("redact", call)
    required = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
    ]
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise FunctionLoadError(f"redact: {call}: it must not be async: no call waits for it")
    if len(required) != 1 or required[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise FunctionLoadError(f"redact: {call}: it takes one thing, `text: str`")
    return function
