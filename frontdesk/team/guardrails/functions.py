"""Guardrails that are functions of the desk."""

import inspect
from typing import get_type_hints

from frontdesk.team.functions import FunctionLoader, FunctionLoadError
from frontdesk.team.guardrails.passage import Check, Passage, Violation
from frontdesk.team.invocation import Invocation


def by_function(functions: FunctionLoader, field: str, call: str) -> Check:
    """The function ``call`` as a check. It takes the text, or where it is annotated so the whole
    :class:`Passage`, and returns None, what is wrong, or a :class:`Violation`. One that is not
    async runs in a thread.

    Raises:
        FunctionLoadError: there is no such function, or it takes something else.
    """
    function = functions.find(field, call)
    parameters = [*inspect.signature(function).parameters]
    required = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
    ]
    if not parameters or len(required) > 1:
        raise FunctionLoadError(
            f"{field}: {call}: a guardrail takes one thing, `text: str` or `passage: Passage`"
        )
    whole = get_type_hints(function).get(parameters[0]) is Passage

    invocation = Invocation(function)

    async def check(passage: Passage) -> Violation | None:
        given = passage if whole else passage.text
        return _violation(call, await invocation(given))

    return check


def _violation(call: str, result: object) -> Violation | None:
    if result is None or isinstance(result, Violation):
        return result
    if isinstance(result, str):
        return Violation(result)
    raise TypeError(f"{call} returned {type(result).__name__}: expected None, str or Violation")
