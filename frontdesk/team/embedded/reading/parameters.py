"""What a tool's JSON schema asks for, reduced to what can be read from speech."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from frontdesk.team.embedded.reading.tokens import split_name, wordlist

Schema = Mapping[str, Any]
_NESTED_REPEAT = re.compile(r"\([^()]*[+*][^()]*\)\s*[+*{]")
_QUERY_NAMES = frozenset(
    wordlist(
        "query question search q text topic keywords problem issue message note notes comment "
        "comments details feedback symptom symptoms request complaint"
    )
)
_CODE_NAMES = frozenset(
    wordlist("id number no code reference ref digits pin postcode zip sku serial")
)
_COUNTED = frozenset({"number of", "how many", "how much", "how long", "count of"})
_PAST = re.compile(
    r"\b(?:birth|born|past|since|was|were|bought|purchased?|placed|happened|previous|history)\b"
)
_LENGTHS = {
    word: value
    for value, word in enumerate(wordlist("two three four five six seven eight nine ten twelve"), 2)
} | {"twelve": 12}


class Kind(StrEnum):
    """How a value is read from speech."""

    EMAIL = "email"
    DATE = "date"
    TIME = "time"
    MOMENT = "moment"  # a date and a time of day
    CODE = "code"
    CHOICE = "choice"
    YES_NO = "yes_no"
    NUMBER = "number"
    PHRASE = "phrase"  # a name, a place, a thing
    SENTENCE = "sentence"  # what was said, as it was said
    OPAQUE = "opaque"  # cannot be read from speech


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enumeration and the words for it."""

    value: Any
    label: str


@dataclass(frozen=True)
class Parameter:
    """One argument of a tool."""

    name: str
    kind: Kind
    schema: Schema
    required: bool
    description: str = ""
    title: str = ""
    choices: tuple[Choice, ...] = ()
    many: bool = False
    fallback: Any = None
    """What to send when nothing was said but the schema insists (strict schemas do)."""
    insists: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Words of its name, title and description, lower case."""
        return (
            *split_name(self.name),
            *re.findall(r"[a-z]+", f"{self.title} {self.description}".lower()),
        )

    @property
    def past(self) -> bool:
        """Whether a day given for it lies behind us."""
        return bool(_PAST.search(f"{' '.join(split_name(self.name))} {self.description}".lower()))

    @property
    def letters(self) -> bool:
        """Whether its code may have letters."""
        pattern = self.pattern
        if pattern is not None:
            bare = re.sub(r"\\.", "", pattern)
            return bool(re.search(r"[A-Za-z]", bare)) or r"\w" in pattern
        return any(re.search(r"[A-Za-z]", sample) for sample in self.samples)

    @property
    def pattern(self) -> str | None:
        """The schema's pattern, unless it is one that could hang a backtracking matcher."""
        pattern = self.schema.get("pattern")
        if not isinstance(pattern, str) or len(pattern) > 200 or _NESTED_REPEAT.search(pattern):
            return None
        return pattern

    @property
    def samples(self) -> list[str]:
        """The schema's own examples, as text."""
        listed = self.schema.get("examples")
        return (
            [str(sample) for sample in cast(list[Any], listed)] if isinstance(listed, list) else []
        )

    def accept_code(self, joined: str) -> str | None:
        """The code ``joined`` in the schema's form, or None when it is not one."""
        if (pattern := self.pattern) is not None:
            return _fit(joined, pattern)
        if any(sample for sample in self.samples):
            shapes = {_shape(sample) for sample in self.samples}
            return joined if _shape(joined) in shapes else None
        low, high = self._lengths()
        digits = sum(character.isdigit() for character in joined)
        return joined if digits and low <= len(joined) <= high else None

    def _lengths(self) -> tuple[int, int]:
        said = re.search(
            rf"\b(\d+|{'|'.join(_LENGTHS)})[- ](?:digit|letter|character|figure)",
            self.description.lower(),
        ) or re.search(rf"\b(\d+|{'|'.join(_LENGTHS)}) (?:\w+ )?digits\b", self.description.lower())
        if said:
            length = int(said[1]) if said[1].isdigit() else _LENGTHS[said[1]]
            return length, length
        return int(self.schema.get("minLength", 2)), int(self.schema.get("maxLength", 40))


def parameters(schema: Schema) -> tuple[Parameter, ...]:
    """The arguments of a tool with this JSON schema, in the order of its properties.

    A property is optional when it is not required, takes null, or has a default.
    """
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return ()
    required = {str(name) for name in cast(list[Any], schema.get("required") or [])}
    definitions = cast(Schema, schema.get("$defs") or schema.get("definitions") or {})
    return tuple(
        _parameter(name, cast(Schema, part), name in required, definitions)
        for name, part in cast(Mapping[str, Any], properties).items()
        if isinstance(part, Mapping)
    )


def _parameter(name: str, schema: Schema, listed: bool, definitions: Schema) -> Parameter:
    schema = _resolved(schema, definitions)
    plain, nullable = _without_null(schema, definitions)
    many = plain.get("type") == "array"
    if many:
        plain = {**_resolved(cast(Schema, plain.get("items") or {}), definitions), **_prose(plain)}
    choices = _choices(plain)
    return Parameter(
        name=name,
        kind=_kind(name, plain, choices),
        schema=plain,
        required=listed and not nullable and "default" not in schema,
        description=str(plain.get("description", "")),
        title=str(plain.get("title", "")),
        choices=choices,
        many=many,
        fallback=schema.get("default"),
        insists=listed and (nullable or "default" in schema),
    )


def _prose(schema: Schema) -> dict[str, Any]:
    return {key: schema[key] for key in ("title", "description", "examples") if key in schema}


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """Follow a local ``$ref`` (or an ``allOf`` of one), keeping the words beside it."""
    all_of = schema.get("allOf")
    if isinstance(all_of, list) and len(cast(list[Any], all_of)) == 1:
        schema = {**cast(Schema, all_of[0]), **_prose(schema), **_keep(schema, "default")}
    reference = schema.get("$ref")
    target = definitions.get(str(reference).rsplit("/", 1)[-1]) if reference else None
    if isinstance(target, Mapping):
        return {**cast(Schema, target), **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


def _keep(schema: Schema, key: str) -> dict[str, Any]:
    return {key: schema[key]} if key in schema else {}


def _without_null(schema: Schema, definitions: Schema) -> tuple[Schema, bool]:
    kinds = schema.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        rest = [kind for kind in cast(list[Any], kinds) if kind != "null"]
        return {**schema, "type": rest[0] if rest else "string"}, True
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        parts = [_resolved(cast(Schema, o), definitions) for o in cast(list[Any], options)]
        rest = [part for part in parts if part.get("type") != "null"]
        if len(rest) == 1 and "const" not in rest[0]:
            return {**rest[0], **_prose(schema)}, len(rest) < len(parts)
    return schema, False


def _choices(schema: Schema) -> tuple[Choice, ...]:
    """Values of ``enum``, or of ``oneOf``/``anyOf`` with ``const`` and ``title``."""
    options = schema.get("oneOf") or schema.get("anyOf")
    if isinstance(options, list):
        parts = [cast(Schema, o) for o in cast(list[Any], options) if isinstance(o, Mapping)]
        named = [part for part in parts if "const" in part]
        return tuple(
            Choice(part["const"], str(part.get("title") or _label(part["const"]))) for part in named
        )
    values = cast(list[Any], schema.get("enum") or ([schema["const"]] if "const" in schema else []))
    return tuple(Choice(value, _label(value)) for value in values if value is not None)


def _label(value: Any) -> str:
    text = str(value)
    return " ".join(split_name(text)) if re.search(r"[_-]|[a-z][A-Z]", text) else text


def _kind(name: str, schema: Schema, choices: tuple[Choice, ...]) -> Kind:
    form, kind = schema.get("format"), schema.get("type", "string")
    words = set(split_name(name))
    if kind == "boolean":
        return Kind.YES_NO
    if choices:
        return Kind.CHOICE
    if kind in ("integer", "number"):
        return Kind.NUMBER
    if kind != "string":
        return Kind.OPAQUE
    formats = {"date": Kind.DATE, "date-time": Kind.MOMENT, "time": Kind.TIME}
    if form in formats:
        return formats[str(form)]
    if form in ("email", "idn-email") or words & {"email", "mail"}:
        return Kind.EMAIL
    if "pattern" in schema or _is_code(words, schema):
        return Kind.CODE
    if words & _QUERY_NAMES:
        return Kind.SENTENCE
    return Kind.PHRASE


def _is_code(words: set[str], schema: Schema) -> bool:
    prose = str(schema.get("description", "")).lower()
    listed = schema.get("examples")
    samples = (
        [str(sample) for sample in cast(list[Any], listed)] if isinstance(listed, list) else []
    )
    if samples:
        return all(re.search(r"\d", sample) and " " not in sample.strip() for sample in samples)
    if any(counted in prose for counted in _COUNTED):
        return False
    return bool(words & _CODE_NAMES)


def _shape(text: str) -> str:
    """ "AB-12" and "CD-99" have one shape."""
    return re.sub(r"[A-Za-z]", "A", re.sub(r"\d", "0", re.sub(r"\W", "", text)))


def _fit(joined: str, pattern: str) -> str | None:
    """``joined`` as ``pattern`` wants it: as said, in lower case, or behind its fixed letters."""
    bare = pattern.removeprefix("^").removesuffix("$")
    prefix = re.match(r"[A-Za-z]+[-_/]?(?![?*+{|])", bare)
    attempts = [joined, joined.lower()]
    if prefix:
        start = prefix[0]
        without = joined.removeprefix(start.strip("-_/").upper())
        attempts += [start + joined, start + without]
    try:
        matcher = re.compile(bare)
    except re.error:
        return joined
    return next((attempt for attempt in attempts if matcher.fullmatch(attempt)), None)
