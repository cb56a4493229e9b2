"""How a tool call is put to whoever has to approve it: its arguments, in plain words."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from jinja2 import TemplateError

from frontdesk.desk.prompts import compile_template

logger = logging.getLogger(__name__)

LONGEST_VALUE = 200
"""Characters of one argument that are read out; the length of what is longer is told."""
CODE_DIGITS = 5
"""From this many digits on, text of digits alone is said digit by digit."""


def question(
    own: str | None, default: str, tool: str, args: Mapping[str, Any], schema: Mapping[str, Any]
) -> str:
    """The question for a call of ``tool``: by the rule's ``own`` template, or by the ``default``
    one where there is none or it cannot be filled in."""
    values = {"action": plain_name(tool), "arguments": in_words(args, schema), "args": dict(args)}
    for template in (own, default):
        if template is None:
            continue
        try:
            words = " ".join(compile_template(template).render(values).split())
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            logger.warning("the question for %s cannot be filled in: %s", tool, error)
        else:
            if words:
                return words
    return f"{values['action']}: {values['arguments'] or 'nothing else'}. Yes or no?"


def in_words(args: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """All arguments, by the names that their schema gives them: ``amount 120, order number 4 8 2 7
    1``. None is left out."""
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    return ", ".join(
        f"{_label(name, properties.get(name))} {said(value)}".strip()
        for name, value in args.items()
        if value is not None
    )


def plain_name(name: str) -> str:
    """``start_return`` as ``start return``."""
    return " ".join(name.replace("_", " ").replace("-", " ").split())


def said(value: object) -> str:
    """One value in plain words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        parts = cast("dict[str, object]", value).items()
        return ", ".join(f"{plain_name(str(name))} {said(part)}" for name, part in parts)
    if isinstance(value, list):
        return " and ".join(said(part) for part in cast("list[object]", value)) or "none"
    if value is None:
        return "nothing"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = " ".join(str(value).split())
    if isinstance(value, str) and text.isdigit() and len(text) >= CODE_DIGITS:
        return " ".join(text)
    if len(text) > LONGEST_VALUE:
        return f"{text[:LONGEST_VALUE]} (and so on, {len(text)} characters)"
    return text


def _label(name: str, schema: object) -> str:
    title = cast("Mapping[str, Any]", schema).get("title") if isinstance(schema, dict) else None
    return title.lower() if isinstance(title, str) and title else plain_name(name)
