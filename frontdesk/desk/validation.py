"""The schema's verdict on a document, in plain words and with positions."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from frontdesk.desk.document import Document, Location
from frontdesk.desk.problems import Problem, did_you_mean, one_of
from frontdesk.desk.schema import Team
from frontdesk.desk.section import Section

Whole = TypeVar("Whole", bound=BaseModel)

_EXPECTED = {
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
}
_PATTERNS = {
    "^[a-z]": "a name: small letters, digits, - and _, beginning with a letter",
    "^[A-Za-z0-9_-]{1,64}": "a tool's name: 1 to 64 letters, digits, - and _",
    "^[A-Za-z_]": "module:function, such as tools.shipping:estimate_delivery",
    "^[A-Z]{3}": "a currency of three capitals, such as USD",
}


def validate(document: Document) -> tuple[Team | None, list[Problem]]:
    """The team of a document, or None and what the schema has against it."""
    return validated(document, Team)


def validated(document: Document, schema: type[Whole]) -> tuple[Whole | None, list[Problem]]:
    """What a document says by ``schema``, or None and what that has against it."""
    data = document.data
    if not isinstance(data, dict):
        message = f"expected a mapping that begins with `version: 1`, found {_found(data)}"
        return None, [document.problem((), message)]
    try:
        return schema.model_validate(cast("dict[str, Any]", data)), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        problems = (_problem(document, detail, schema) for detail in details)
        return None, [problem for problem in problems if problem]


def _problem(document: Document, detail: ErrorDetails, schema: type[BaseModel]) -> Problem | None:
    location, branch_fits = _in_document(document.data, detail["loc"])
    if not branch_fits:
        return None
    name = location[-1] if location else ""
    match detail["type"]:
        case "missing":
            parent = location[:-1]
            in_list = bool(parent) and isinstance(parent[-1], int)
            report = document.problem if in_list else document.key_problem
            return report(parent, f"the key `{name}` is missing")
        case "extra_forbidden":
            hint = did_you_mean(str(name), _keys_at(schema, location[:-1]))
            return document.key_problem(location, f"unknown key `{name}`", hint)
        case _ if detail["loc"][-1:] == ("[key]",):
            return document.key_problem(location, f"`{name}`: expected {_expected(detail)}")
        case _:
            return document.problem(location, f"`{_label(location)}`: {_message(detail)}")


def _in_document(data: Any, loc: Location) -> tuple[Location, bool]:
    """A pydantic location without its union branches, and whether the branch suits the data.

    Where a value may be text or a mapping, pydantic reports both attempts; only the attempt for
    what the author wrote helps them.
    """
    location: list[str | int] = []
    node = data
    for part in loc:
        if _has(node, part):
            node = node[part]
            location.append(part)
        elif part == "[key]" or _is_made_up(node, part):
            continue
        elif _names_section(part) or part == "str" or _is_literal(part):
            if _names_section(part) != isinstance(node, dict):
                return tuple(location), False
        else:
            location.append(part)
    return tuple(location), True


def _is_made_up(node: Any, part: str | int) -> bool:
    """Whether this is a place in a list that the author wrote short, as its one item."""
    return isinstance(part, int) and not isinstance(node, list)


def _has(node: Any, part: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(part, int) and part < len(cast("list[Any]", node))
    return isinstance(node, dict) and part in node


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    value = detail["input"]
    if detail["type"] == "literal_error" and isinstance(value, str):
        choices = [str(choice) for choice in _choices(detail)]
        hint = did_you_mean(value, choices)
        return f"expected {_expected(detail)}" + (f"; {hint}" if hint else "")
    if detail["type"] in _EXPECTED:
        return f"expected {_EXPECTED[detail['type']]}, found {_found(value)}"
    return f"expected {_expected(detail)}"


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            return one_of([str(choice) for choice in _choices(detail)])
        case "string_pattern_mismatch":
            pattern = str(context["pattern"])
            return next(
                (text for start, text in _PATTERNS.items() if pattern.startswith(start)),
                f"text that matches {pattern}",
            )
        case "greater_than_equal":
            return f"at least {context['ge']:g}"
        case "greater_than":
            return f"more than {context['gt']:g}"
        case "less_than_equal":
            return f"at most {context['le']:g}"
        case "too_short":
            return f"at least {context['min_length']} of them"
        case kind if kind in _EXPECTED:
            return _EXPECTED[kind]
        case _:
            return detail["msg"]


def _choices(detail: ErrorDetails) -> list[str]:
    listed = str(detail.get("ctx", {}).get("expected", ""))
    return [choice.strip().strip("'") for choice in listed.replace(" or ", ", ").split(", ")]


def _found(value: Any) -> str:
    # The value itself is not repeated: it may be a secret that was put in by a reference.
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _label(location: Location) -> str:
    """The last name in a location: ``handoffs`` for item 2 of ``handoffs``."""
    return next((str(part) for part in reversed(location) if isinstance(part, str)), "team")


def _keys_at(schema: type[BaseModel], location: Location) -> list[str]:
    """The keys that the schema has for the mapping at ``location``."""
    annotations: list[Any] = [schema]
    for part in location:
        annotations = [step for annotation in annotations for step in _inside(annotation, part)]
    return [
        name
        for annotation in annotations
        for section in _sections(annotation)
        for name in section.model_fields
    ]


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        for member in get_args(annotation):
            yield from _inside(member, part)
    elif get_origin(annotation) is dict:
        yield get_args(annotation)[1]
    elif get_origin(annotation) is tuple and isinstance(part, int):
        yield get_args(annotation)[0]
    elif get_origin(annotation) is tuple:  # written short, as its one item
        yield from _inside(get_args(annotation)[0], part)
    elif _is_section(annotation) and part in annotation.model_fields:
        yield annotation.model_fields[part].annotation


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if _is_section(annotation):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, types.UnionType):
        for member in get_args(annotation):
            yield from _sections(member)
    elif get_origin(annotation) is tuple:
        yield from _sections(get_args(annotation)[0])


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _is_literal(part: str | int) -> bool:
    """Whether pydantic means the branch of a union that is one of some words, or a list of them, or
    that checks a text."""
    return isinstance(part, str) and part.startswith(("literal[", "function-after["))


def _names_section(part: str | int) -> bool:
    """Whether pydantic means the branch of a union that is a section."""
    return any(part == section.__name__ for section in Section.__subclasses__())
