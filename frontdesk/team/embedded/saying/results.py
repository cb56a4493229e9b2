"""Says a tool's result: by the template beside the tool, or by reading its JSON plainly."""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, cast

from jinja2 import TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from frontdesk.desk.schema import Lines
from frontdesk.team.embedded.reading.tokens import split_name
from frontdesk.team.embedded.saying import spoken

logger = logging.getLogger(__name__)

NOTHING = "I found nothing for that."
_FIELDS = 4
_ITEMS = 3
_ERROR = re.compile(
    r"^(?:an error occurred|error\b|tool .{0,60} timed out|.{0,60}\bfailed:|traceback)",
    re.IGNORECASE,
)
_UNFIT = re.compile(
    r"traceback|exception|\b\w+Error\b|https?://|[{}<>\\]|\.py\b|/\w+/\w+|0x[0-9a-f]+|\b[45]\d\d\b|errno"
    r"|\bnull\b|_|an error occurred while running|timed out after",
    re.IGNORECASE,
)
_LABELS = ("title", "name", "label", "summary", "subject", "description")
_PROSE = ("answer", "message", "text", "body", "summary", "content", "excerpt", "snippet")


class _Missing(Undefined):
    """False in a test, but an error when said: half a sentence is worse than a plain reading."""

    def __str__(self) -> str:
        return str(self._fail_with_undefined_error())

    __html__ = __str__


class _Environment(ImmutableSandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        """``result.items`` is the field of that name, not the method of dict."""
        if isinstance(obj, Mapping) and attribute in obj:
            return cast(Mapping[str, Any], obj)[attribute]
        return super().getattr(obj, attribute)


def _environment() -> _Environment:
    environment = _Environment(undefined=_Missing, autoescape=False)
    environment.filters.update(
        spoken=spoken.spoken,
        date=spoken.spoken_date,
        money=spoken.money,
        count=spoken.count,
        sentences=spoken.sentences,
    )
    return environment


_ENVIRONMENT = _environment()


def say_result(output: str, template: str | None, arguments: Mapping[str, Any], sorry: str) -> str:
    """Words for a tool's ``output``.

    ``template`` is Jinja2 over ``result`` (the output's JSON) and ``args``. Without one, or when
    it does not fit the result, the JSON is read plainly. Errors become an apology, with the
    tool's own message when that is fit for people, else ``sorry``.
    """
    result = parse(output)
    if (error := _error(result)) is not None:
        return _apology(error, sorry)
    if template:
        try:
            words = _ENVIRONMENT.from_string(template).render(result=result, args=arguments)
            if words.strip():
                return " ".join(words.split())
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            logger.warning("an answer template does not fit its tool's result: %s", error)
    return read_plainly(result)


def begun(output: str, lines: Lines) -> str | None:
    """Words for the receipt of background work, None for anything else."""
    receipt = parse(output)
    if not isinstance(receipt, dict) or "background_work" not in receipt:
        return None
    return lines.still if cast(dict[str, Any], receipt).get("joined") else lines.begun


def parse(output: str) -> Any:
    """The JSON of a tool's output, or its text; a lone ``result`` wrapper is taken off."""
    try:
        value = cast(object, json.loads(output))
    except ValueError:
        return output
    if isinstance(value, dict):
        fields = cast(dict[str, Any], value)
        if list(fields) == ["result"]:
            return fields["result"]
        if fields.get("type") == "text" and isinstance(fields.get("text"), str):
            return parse(fields["text"])
        return fields
    return value


def _error(result: Any) -> str | None:
    if isinstance(result, str):
        return result if _ERROR.match(result.strip()) else None
    if not isinstance(result, dict):
        return None
    fields = cast(dict[str, Any], result)
    if fields.get("isError") or fields.get("is_error"):
        return str(fields.get("message") or fields.get("content") or "")
    error = fields.get("error")
    if not error:
        return None
    if isinstance(error, dict):
        return str(cast(dict[str, Any], error).get("message", ""))
    return str(fields.get("message") or error) if error is True or error == "error" else str(error)


def _apology(message: str, sorry: str) -> str:
    text = re.sub(r"^(?:error[^:]{0,60}:|error\b)\s*", "", message.strip(), flags=re.IGNORECASE)
    text = re.split(r"\n", text.strip())[0]
    if not text or _UNFIT.search(text) or len(text) > 200 or len(text.split()) < 3:
        return sorry
    text = text[0].upper() + text[1:]
    text = text if text.endswith((".", "!", "?")) else f"{text}."
    return text if text.lower().startswith(("sorry", "i'm sorry")) else f"I'm sorry. {text}"


def read_plainly(result: Any) -> str:
    """One or two short sentences for any JSON value."""
    if result is None or result in ("", [], {}):
        return NOTHING
    if isinstance(result, dict):
        return _read_fields(cast(dict[str, Any], result))
    if isinstance(result, list):
        return _read_list(cast(list[Any], result))
    if isinstance(result, str):
        words = spoken.sentences(result, 3) or NOTHING
        words = _value(words)
        return words if words.endswith((".", "!", "?")) else f"{words[0].upper()}{words[1:]}."
    return f"The answer is {_value(result)}."


def _read_fields(fields: dict[str, Any]) -> str:
    for key in _PROSE:
        text = fields.get(key)
        if isinstance(text, str) and len(text.split()) >= 5:
            return spoken.sentences(text, 3)
    plain = {key: value for key, value in fields.items() if _is_plain(key, value)}
    if not plain:
        lists = [cast(list[Any], value) for value in fields.values() if isinstance(value, list)]
        inner = [cast(dict[str, Any], v) for v in fields.values() if isinstance(v, dict)]
        if lists:
            return _read_list(lists[0])
        return _read_fields(inner[0]) if inner else NOTHING
    if len(plain) == 1 and isinstance(next(iter(plain.values())), bool):
        return "Yes." if next(iter(plain.values())) else "No."
    said = [
        f"the {' '.join(split_name(key))} is {_value(value, key)}" for key, value in plain.items()
    ]
    sentence = _joined(said[:_FIELDS])
    return f"{sentence[0].upper()}{sentence[1:]}."


def _read_list(items: list[Any]) -> str:
    if not items:
        return NOTHING
    names = [_item(item) for item in items[:_ITEMS]]
    if len(items) == 1:
        return read_plainly(items[0])
    more = len(items) - len(names)
    listed = _joined(names) if not more else f"{', '.join(names)} and {more} more"
    return f"I found {len(items)}: {listed}."


def _item(item: Any) -> str:
    if not isinstance(item, dict):
        return _value(item)
    fields = cast(dict[str, Any], item)
    for key in _LABELS:
        if isinstance(fields.get(key), str):
            return spoken.sentences(fields[key], 1).rstrip(".")
    plain = [_value(value, key) for key, value in fields.items() if _is_plain(key, value)]
    return ", ".join(plain[:2]) or "one without a name"


def _is_plain(key: str, value: Any) -> bool:
    """Fit to be said: no nested data, no address of a page, no key of a database."""
    if value is None or value == "" or isinstance(value, dict | list):
        return False
    if isinstance(value, str) and (value.startswith(("http://", "https://")) or len(value) > 120):
        return False
    return split_name(key)[-1:] not in (["uuid"], ["hash"], ["url"], ["uri"], ["etag"])


def _value(value: Any, key: str = "") -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if spoken.is_date(value):
        return spoken.spoken_date(value)
    text = str(value)
    last = split_name(key)[-1:]
    if (
        last
        and last[0] in ("id", "number", "code", "reference")
        and text.isdigit()
        and len(text) > 3
    ):
        return spoken.spoken(text)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return text.replace("_", " ")


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
