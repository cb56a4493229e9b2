"""Checks of client input: the first thing wrong becomes a :class:`ProtocolError`."""

from collections.abc import Iterable
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from frontdesk.protocol.errors import (
    ProtocolError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unknown_parameter,
)


def check(schema: TypeAdapter[Any], value: object, prefix: str = "") -> None:
    """Raise :class:`ProtocolError` unless ``value`` fits; ``prefix`` begins the field's name.

    Nothing is converted: what passes may be used as it came.
    """
    try:
        schema.validate_python(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # A field of several types reports one error for each: the deepest knows most.
        paths = [_path(value, detail) for detail in details]
        deepest = max(range(len(details)), key=lambda i: (len(paths[i]), -i))
        raise _translate(details[deepest], field_name(paths[deepest], prefix)) from None


def _path(value: object, error: ErrorDetails) -> list[str | int]:
    """The error's place in the input: pydantic's own path also names the union members taken."""
    path: list[str | int] = []
    for step in error["loc"]:
        if isinstance(step, int) and isinstance(value, list):
            value = cast(list[object], value)[step]
            path.append(step)
        elif isinstance(value, dict) and step in value:
            value = cast(dict[object, object], value)[step]
            path.append(step)
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path.append(_tag(error))
    return path


def _tag(error: ErrorDetails) -> str:
    return str(error.get("ctx", {}).get("discriminator", "type")).strip("'")


def field_name(path: Iterable[str | int], prefix: str = "") -> str:
    """A place in a JSON value as ``param`` names it: with dots and brackets."""
    name = prefix
    for step in path:
        if isinstance(step, int):
            name += f"[{step}]"
        else:
            name += f".{step}" if name else step
    return name


def _translate(error: ErrorDetails, name: str) -> ProtocolError:
    kind = error["type"]
    if kind == "extra_forbidden":
        return unknown_parameter(name)
    if kind in ("missing", "union_tag_not_found"):
        return missing_parameter(name)
    if kind == "union_tag_invalid":
        expected = error.get("ctx", {}).get("expected_tags", "")
        return invalid_value(name, f"supported values are {expected}.")
    if kind.endswith("_type"):
        return invalid_type(name, f"{error['msg']}.")
    return invalid_value(name, f"{error['msg'].removeprefix('Value error, ')}.")
