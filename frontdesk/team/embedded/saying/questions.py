"""Asks for a missing argument, in words made from its title and description."""

import re

from frontdesk.team.embedded.reading.parameters import Kind, Parameter
from frontdesk.team.embedded.reading.tokens import split_name

AGAIN = "Sorry, I didn't get that."
_LEADING = re.compile(r"^(?:the|a|an|your|its|his|her|their)\s+", re.IGNORECASE)
_WHETHER = re.compile(
    r"^(?:whether|if)\s+(?:or not\s+)?(?P<subject>.+?)\s+"
    r"(?P<verb>should|is|are|was|were|will|can|has|have|must|needs?)\s+(?P<rest>.+)$",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"^(?:how|what|which|where|when|who|why)\b(?! to\b)", re.IGNORECASE)
_HOW_TO = re.compile(r"^(?:how|what|where|when|who)\b to\b", re.IGNORECASE)
_OWNERS = re.compile(
    r"\bthe (?:user|customer|caller|patient|guest|client|member|person|account holder)'s\b"
    r"|\b(?:user|customer|caller|patient|guest|client)'s\b",
    re.IGNORECASE,
)


def question(parameter: Parameter) -> str:
    """ "What's your order number?", from "The five-digit order number"."""
    text = parameter.description.strip() or parameter.title.strip()
    text = re.split(
        r"(?<=[a-z)])[.;:](?:\s|$)|,? e\.g\.| \(|, (?=for example|such as|in |as |two )", text
    )[0]
    if whether := _WHETHER.match(text):
        return _sentence(_yours(f"{whether['verb']} {whether['subject']} {whether['rest']}?"))
    if parameter.kind is Kind.YES_NO:
        return f"{_sentence(_thing(text, parameter))}: yes or no?"
    if _QUESTION.match(text):
        return _asked(text, parameter)
    thing = _thing(text, parameter)
    if parameter.kind is Kind.CHOICE and len(parameter.choices) <= 4:
        return f"{_sentence(thing)}: {_listed([choice.label for choice in parameter.choices])}?"
    if parameter.kind in (Kind.DATE, Kind.MOMENT) and not _owned(text):
        return f"What is the {thing}?"
    if parameter.kind is Kind.TIME or (parameter.kind is Kind.PHRASE and not _owned(text)):
        return f"What is the {thing}?"
    return f"What's your {thing}?" if _mine(parameter, text) else f"What is the {thing}?"


def asks_for(reply: str, parameter: Parameter) -> bool:
    """Whether ``reply`` (perhaps cut off by the caller) is the question for ``parameter``."""
    said, asked = _plain(reply), _plain(question(parameter))
    said = said.removeprefix(_plain(AGAIN)).strip()
    if said.endswith(asked):
        return True
    return len(said.split()) >= 2 and asked.startswith(said)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))


def _thing(text: str, parameter: Parameter) -> str:
    thing = _LEADING.sub("", _OWNERS.sub("", text).strip()).strip(" .")
    thing = re.sub(r"^(?:\w+[- ]digit|unique|valid)\s+", "", thing)
    if not thing or len(thing.split()) > 9 or _HOW_TO.match(thing):
        thing = " ".join(split_name(parameter.title or parameter.name))
    return thing[0].lower() + thing[1:] if thing[1:2].islower() or thing[1:2] in " -" else thing


def _owned(text: str) -> bool:
    return bool(_OWNERS.search(text))


def _mine(parameter: Parameter, text: str) -> bool:
    """Whether the thing belongs to the caller: their number, their address, their name."""
    if _owned(text):
        return True
    if re.search(r"\bof (?:the|a|an)\b", text) or parameter.kind is Kind.NUMBER:
        return False
    return parameter.kind in (Kind.EMAIL, Kind.CODE)


def _asked(text: str, parameter: Parameter) -> str:
    """A description that is a question already: "How many nights", "Where to go"."""
    text = text.rstrip(" .?")
    if (
        re.match(r"^which\b", text, re.IGNORECASE)
        and parameter.choices
        and len(parameter.choices) <= 4
    ):
        return f"{_sentence(text)}: {_listed([choice.label for choice in parameter.choices])}?"
    return f"{_sentence(_yours(text))}?"


def _yours(text: str) -> str:
    return re.sub(
        r"\bthe (?:user|customer|caller|patient|guest|client)(?P<s>'s)?\b",
        lambda match: "your" if match["s"] else "you",
        text,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
