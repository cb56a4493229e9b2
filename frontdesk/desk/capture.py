"""What traces keep of a team's calls, and what is taken out of the words first."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, cast, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from frontdesk.desk.document import Document
from frontdesk.desk.guardrails import COUNTRIES, Country, PiiKind
from frontdesk.desk.problems import Problem, did_you_mean, one_of, warning
from frontdesk.desk.references import mapping
from frontdesk.desk.section import Section

Capture = Literal["all", "text", "none"]
PII_KINDS: tuple[PiiKind, ...] = get_args(PiiKind)
_FUNCTION = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"


class PersonalData(Section):
    """Personal data, written or spoken out, as guardrails find it."""

    pii: tuple[PiiKind, ...] = Field(
        min_length=1, description="card, iban, phone, email, national_id."
    )
    countries: tuple[Country, ...] = Field(
        default=COUNTRIES, description="Whose national ids and local phone numbers are known."
    )


def _known(name: str) -> str:
    if name in PII_KINDS or re.fullmatch(_FUNCTION, name):
        return name
    if ":" in name:
        raise ValueError("expected module:function, such as tools.privacy:redact")
    hint = did_you_mean(name, PII_KINDS)
    kinds = one_of(list(PII_KINDS))
    raise ValueError(f"expected {kinds}, or module:function" + (f"; {hint}" if hint else ""))


_NAME = {"type": "string", "pattern": f"^({'|'.join(PII_KINDS)}|{_FUNCTION})$"}
Redact = Annotated[str, AfterValidator(_known), WithJsonSchema(_NAME)] | PersonalData


def _listed(value: object) -> object:
    """One may stand by itself."""
    return cast("list[object]", [value]) if isinstance(value, str | dict) else value


Redactions = Annotated[
    tuple[Redact, ...],
    BeforeValidator(_listed, json_schema_input_type=Redact | tuple[Redact, ...]),
]


def captured(capture: Capture | None, redact: tuple[Redact, ...]) -> Capture:
    """What is kept where a team says this much of it: sound cannot be redacted."""
    return capture or ("text" if redact else "all")


def check_capture(document: Document) -> Iterator[Problem]:
    """What is said about words that does not go with what is said about sound."""
    data = mapping(document.data)
    if not data.get("redact"):
        return
    if data.get("capture") == "all":
        message = "recordings are kept as well, with all that `redact` takes out of the words"
        yield warning(document.problem(("capture",), message))
    if data.get("capture") == "none":
        message = "`redact` has nothing to do: with `capture: none`, no words are kept"
        yield warning(document.key_problem(("redact",), message))
