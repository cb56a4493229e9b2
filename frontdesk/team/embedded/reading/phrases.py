"""Reads names, places and things: the noun phrase that a parameter asks for."""

import re

from frontdesk.team.embedded.reading.parameters import Parameter
from frontdesk.team.embedded.reading.tokens import Span, Token, split_name, stem, tokens, wordlist
from frontdesk.team.embedded.reading.words import STOP_WORDS, strip_courtesy, strip_opening

_LEAD = re.compile(
    r"^(?:(?:it's|it is|that's|that is|this is|they're|he's|she's|i'm|i am|we're|we are|"
    r"my name is|the name is|the name's|my name's|name is|(?:first|last|full|sur)\s?name is|"
    r"(?:it's |it is )?(?:called|under|for|about|with|by|in|at|to|from|on|near)|"
    r"(?:i'd|i would|we'd|we would) like|i (?:want|need)|we (?:want|need)|"
    r"(?:going|travelling|traveling|heading|flying|driving) to|(?:can|could) i (?:have|get)|"
    r"the|a|an|some|my|our|just|maybe|probably|um+|uh+|er+|take (?:me|us) to)\b[\s,]*)+",
    re.IGNORECASE,
)
_NAME_LEADS = (
    r"(?:name(?:'s| is| was)|under(?: the name)?(?: of)?|i'm|i am|this is|it's for|booked for|"
    r"named|called)"
)
_NOT_KNOWN = re.compile(
    r"^(?:i )?(?:don't|do not|can't|cannot) (?:know|remember|have|say)\b|^no idea\b|\bnot sure\b",
    re.IGNORECASE,
)
_TO = frozenset(wordlist("to destination arrival going go"))
_FROM = frozenset(wordlist("from origin departure start pickup"))
_PLACES = frozenset(
    wordlist("city town place location country region area address where street airport station")
)
_BREAK = frozenset(
    wordlist(
        "and or at on by for from to with in please tomorrow today tonight because but who that "
        "which when where if so around about is are was were next this take takes cost costs"
    )
)
_LONGEST = 6


def reply(text: str, parameter: Parameter) -> str | None:
    """The value in an answer to the question for ``parameter``: what is left without fillers."""
    plain = strip_courtesy(strip_opening(text))
    if _NOT_KNOWN.search(plain) or not tokens(plain):
        return None
    if _is_name(parameter) and (found := _after_lead(plain, _NAME_LEADS)):
        return _name_part(found[0], parameter)
    value = strip_courtesy(_LEAD.sub("", plain, count=1)) or None
    if value and _is_name(parameter):
        return _name_part(value, parameter)
    return value


def mentioned(
    text: str, parameter: Parameter, context: str, examples: tuple[str, ...]
) -> tuple[str, Span] | None:
    """The value for ``parameter`` in a whole request, found by the words around it.

    Names follow "my name is" or "under", places follow their preposition; anything else is the
    longest noun phrase that the tool's own words (``context``) and examples do not explain.
    """
    words = set(parameter.words)
    if _is_name(parameter):
        found = _after_lead(text, _NAME_LEADS, capital=True)
        return (_name_part(found[0], parameter), found[1]) if found else None
    if preposition := _preposition(parameter, words):
        return _after_preposition(text, preposition)
    return _noun_phrase(text, f"{context} {' '.join(parameter.words)}", examples)


def _is_name(parameter: Parameter) -> bool:
    name = split_name(parameter.name)
    prose = parameter.description.lower()
    person = re.search(
        r"\b(?:first|last|full|sur|family|given|guest|customer|caller|person|patient)", prose
    )
    if name in (["name"], ["full", "name"], ["surname"], ["customer"], ["guest"]):
        return bool(person) or "name of" not in prose
    return "name" in name and bool(person or {"first", "last", "full", "family"} & set(name))


def _name_part(value: str, parameter: Parameter) -> str:
    prose = f"{' '.join(split_name(parameter.name))} {parameter.description}".lower()
    parts = value.split()
    if re.search(r"\b(?:last name|surname|family name)\b", prose):
        return parts[-1]
    if re.search(r"\b(?:first name|given name)\b", prose):
        return parts[0]
    return value


def _after_lead(text: str, lead: str, *, capital: bool = False) -> tuple[str, Span] | None:
    """The one to three words after ``lead``; ``capital`` insists on a written name."""
    for match in re.finditer(
        rf"\b{lead}\s+(?P<name>\w[\w'’-]*(?: \w[\w'’-]*){{0,2}})", text, re.IGNORECASE
    ):
        kept: list[str] = []
        for word in match["name"].split():
            if (
                word.lower() in STOP_WORDS
                or word.lower() in _BREAK
                or (capital and not word[0].isupper() and kept)
            ):
                break
            kept.append(word)
        if kept and (not capital or kept[0][0].isupper() or "name" in match[0].lower()):
            start = match.start("name")
            return " ".join(kept), Span(start, start + len(" ".join(kept)))
    return None


def _preposition(parameter: Parameter, words: set[str]) -> str | None:
    name = set(split_name(parameter.name))
    if name & _FROM:
        return r"from"
    if name & _TO or "where to" in parameter.description.lower():
        return r"to"
    if name & _PLACES:
        return r"(?:in|to|for|at|near|around|of)"
    return None


def _after_preposition(text: str, preposition: str) -> tuple[str, Span] | None:
    best: tuple[str, Span] | None = None
    for match in re.finditer(rf"\b{preposition}\s+(?=\S)", text, re.IGNORECASE):
        span = _phrase_span(text, match.end())
        if span and (best is None or text[span.start].isupper()):
            best = (text[span.start : span.end], span)
    return best


def _phrase_span(text: str, start: int) -> Span | None:
    """The phrase at ``start``: up to a preposition, punctuation or a word already taken."""
    kept: list[Token] = []
    for token in tokens(text[start:])[:_LONGEST]:
        if "|" in token.gap or re.search(r"[.,;!?]", token.gap):
            break
        if not kept and token.word in ("the", "a", "an", "my", "our"):
            continue
        if token.word in _BREAK or (not kept and token.word in STOP_WORDS):
            break
        kept.append(token)
    if not kept:
        return None
    return Span(start + kept[0].span.start, start + kept[-1].span.end)


def _noun_phrase(text: str, context: str, examples: tuple[str, ...]) -> tuple[str, Span] | None:
    generic = {stem(word) for word in re.findall(r"[a-z]+", context.lower()) if len(word) > 2}
    known = {stem(token.word) for example in examples for token in tokens(example)}
    best: list[Token] = []
    for chunk in _chunks(tokens(text)):
        while chunk and stem(chunk[0].word) in generic:
            chunk = chunk[1:]
        while chunk and stem(chunk[-1].word) in generic:
            chunk = chunk[:-1]
        if all(stem(token.word) in known for token in chunk):
            continue
        if len(chunk) >= max(1, len(best)):
            best = chunk
    if not best:
        return None
    span = Span(best[0].span.start, best[-1].span.end)
    return text[span.start : span.end], span


def _chunks(words: list[Token]) -> list[list[Token]]:
    """Runs of words with content, cut at function words, punctuation and taken places."""
    chunks: list[list[Token]] = [[]]
    for token in words:
        if "|" in token.gap or re.search(r"[.,;:!?]", token.gap):
            chunks.append([])
        if token.word in STOP_WORDS or token.text.isdigit():
            chunks.append([])
        else:
            chunks[-1].append(token)
    return [chunk for chunk in chunks if chunk]
