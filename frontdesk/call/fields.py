"""A server's question (MCP elicitation), field by field: how each is asked and its answer read.

The schema is the flat one that MCP allows: properties of type boolean, number, integer or string
(also with a format, or as a choice), and arrays of choices.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from jsonschema import Draft202012Validator, FormatChecker

from frontdesk.call.consent import read_consent
from frontdesk.mcp.elicitation import Elicited
from frontdesk.team.asking import plain_name
from frontdesk.team.embedded.reading.arguments import Told, read_arguments
from frontdesk.team.embedded.reading.parameters import Kind, Parameter, parameters

CONFIRM = ""
"""The name of the one field of a schema without any: whether the caller agrees."""
_ACTIONS = {"accepted": "accept", "declined": "decline", "cancelled": "cancel"}
_SKIP = re.compile(
    r"^\W*(?:skip(?: it| that)?|none|nothing|leave (?:it|that) (?:out|empty)|überspringen|weiter|"
    r"nada|omitir|ninguno|rien|aucun|passez?|건너뛰\w*|없어요|없습니다)\W*$",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"\b(?:cancel|stop|forget it|never mind|i'd rather not|i (?:don't|do not|won't) want to|"
    r"abbrechen|das möchte ich nicht|cancelar|no quiero|annuler?|je ne veux pas)\b|"
    r"취소|싫어요|그만",
    re.IGNORECASE,
)


def elicited(decision: str, values: Mapping[str, Any] | None) -> Elicited:
    """A decision as the server is told it."""
    action = cast("Any", _ACTIONS[decision])
    content = {name: value for name, value in (values or {}).items() if name != CONFIRM}
    return Elicited(action, content if action == "accept" else None)


def next_field(question: Mapping[str, Any]) -> str | None:
    """The field that is asked for now; None when all are known or passed over."""
    settled = {a["field"] for a in question["answers"] if a["reading"] in ("value", "skip")}
    return next((name for name in _names(question["schema"]) if name not in settled), None)


def field_question(question: Mapping[str, Any]) -> str:
    """The words that ask for the field: the server's message goes before the first one."""
    name, schema = next_field(question), question["schema"]
    message = _sentence(question["text"]) if not question["answers"] else ""
    if name is None or name == CONFIRM:
        return _sentence(question["text"])
    words = _ask(name, schema["properties"][name])
    return f"{message} {words}".strip()


def read_value(question: Mapping[str, Any], words: str) -> dict[str, Any]:
    """What the caller's words are to the field that is asked for: ``reading`` (value, skip, no,
    unclear), ``field``, and the ``value``, which fits the schema."""
    name, schema = next_field(question) or CONFIRM, question["schema"]
    answer: dict[str, Any] = {"field": name, "reading": "unclear"}
    if name == CONFIRM:
        consent = read_consent(words, question["text"])
        return answer | {"reading": "value" if consent == "yes" else consent}
    [parameter] = [p for p in parameters(schema) if p.name == name]
    if name not in schema.get("required", ()) and _SKIP.match(words):
        return answer | {"reading": "skip"}
    if _REFUSED.search(words):
        return answer | {"reading": "no"}
    value = _value(parameter, words, field_question(question))
    if value is None:
        refused = parameter.kind is not Kind.YES_NO and read_consent(words) == "no"
        optional = name not in schema.get("required", ())
        return answer | {"reading": ("skip" if optional else "no") if refused else "unclear"}
    if not _fits(schema["properties"][name], value):
        return answer
    return answer | {"reading": "value", "value": value}


def _value(parameter: Parameter, words: str, question: str) -> Any:
    if parameter.kind is Kind.YES_NO:
        consent = read_consent(words, question)
        return None if consent == "unclear" else consent == "yes"
    told = Told(words, datetime.now().astimezone().date(), _no_likeness, asked=parameter.name)
    if parameter.many:
        return _several(parameter, words) or None
    value = read_arguments([parameter], told).get(parameter.name)
    if value is None and parameter.kind in (Kind.PHRASE, Kind.SENTENCE):
        return None if read_consent(words) == "no" else words.strip() or None
    if parameter.schema.get("type") == "number" and isinstance(value, int):
        return float(value)
    return value


def _several(parameter: Parameter, words: str) -> list[Any]:
    """Every choice that is named."""
    said = f" {words.casefold()} "
    return [
        c.value
        for c in parameter.choices
        if re.search(rf"\b{re.escape(c.label.casefold())}\b", said)
    ]


def _no_likeness(text: str, choices: Sequence[str]) -> list[float]:
    """A choice counts in its own words only: what it may mean is not guessed at."""
    return [0.0] * len(choices)


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    validator: Any = Draft202012Validator(schema, format_checker=FormatChecker())
    return validator.is_valid(value)


def _names(schema: Mapping[str, Any]) -> list[str]:
    """The fields in their order; one that only stands for consent if there are none."""
    return list(cast("Mapping[str, Any]", schema.get("properties") or {CONFIRM: {}}))


def _ask(name: str, schema: Mapping[str, Any]) -> str:
    """``Delivery day: morning or evening?``: the title, the description, and the choices."""
    title, description = schema.get("title"), schema.get("description")
    label = str(title or plain_name(name))
    words = _sentence(str(description)) if description else f"{label[:1].upper()}{label[1:]}?"
    [parameter] = parameters({"properties": {name: schema}})
    labels = [choice.label for choice in parameter.choices]
    if labels:
        return f"{words.rstrip('.?')}: {_or(labels)}?"
    return words


def _or(labels: list[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} or {labels[-1]}"


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "?", "!", "。", "？")) else f"{text}."
