"""Guardrails that look for something in the text: words, a regular expression, personal data."""

import re
from collections.abc import Callable, Iterable

from frontdesk.desk.guardrails import Guardrail
from frontdesk.team.guardrails.passage import Check, OpenFrom, Passage, Violation, nothing_open
from frontdesk.team.guardrails.pii import KINDS, Found, PiiFinder

Hit = tuple[int, int, str, str]
"""Where it begins and ends, what it is, what is said in its place."""

HIDDEN = "a hidden {kind}"
"""What is said in place of personal data: it fits where a number or an address would stand."""


def searching(rule: Guardrail) -> tuple[Check, OpenFrom]:
    """The check of a rule with ``pii``, ``words`` or ``pattern``."""
    if rule.pii is not None:
        return _personal(rule)
    if rule.words is not None:
        return _words(rule.words, rule.replacement or "")
    return _check(
        _by(re.compile(rule.pattern or "", re.IGNORECASE), rule.replacement)
    ), nothing_open


def _check(search: Callable[[str], Iterable[Hit]]) -> Check:
    def check(passage: Passage) -> Violation | None:
        """What lies wholly in the words before was dealt with then."""
        known = len(passage.before)
        hits = [hit for hit in search(passage.before + passage.text) if hit[1] > known]
        if not hits:
            return None
        said, done = "", known
        whole = passage.before + passage.text
        for start, end, _, instead in hits:
            said += whole[done : max(start, done)] + instead
            done = end
        reasons = dict.fromkeys(reason for _, _, reason, _ in hits)
        return Violation(", ".join(reasons), said + whole[done:])

    return check


def _personal(rule: Guardrail) -> tuple[Check, OpenFrom]:
    finder = PiiFinder(rule.pii or (), rule.countries)
    finder.find("+1 212 555 2368")  # reads the tables that the first search needs
    template = rule.replacement or HIDDEN

    def hit(found: Found) -> Hit:
        kind = KINDS[found.kind]
        said = template.replace("{kind}", kind).replace("{last}", " ".join(found.last))
        return found.span.start, found.span.end, kind, said

    return _check(lambda text: map(hit, finder.find(text))), finder.open_from


def _words(words: tuple[str, ...], replacement: str) -> tuple[Check, OpenFrom]:
    """Whole words and phrases, with anything but letters and figures between their words. What
    ends in a script without spaces may have an ending."""
    phrases = [re.findall(r"\w+", phrase.lower()) for phrase in words]
    patterns = [r"[\W_]+".join(map(re.escape, phrase)) for phrase in phrases if phrase]
    edges = [
        _edged(pattern, phrase[-1]) for pattern, phrase in zip(patterns, phrases, strict=False)
    ]
    found = re.compile("|".join(edges), re.IGNORECASE)
    longest = max(map(len, phrases), default=1)

    def open_from(text: str) -> int:
        last = [*re.finditer(r"\w+", text)][-longest:]
        over = not text[-1:].isalnum()
        for index, match in enumerate(last):
            said = [word[0].lower() for word in last[index:]]
            if any(_begins(phrase, said, over) for phrase in phrases):
                return match.start()
        return len(text)

    return _check(_by(found, replacement)), open_from


def _begins(phrase: list[str], said: list[str], over: bool) -> bool:
    """Whether what was ``said`` is a phrase, or the beginning of one; the last word may go on if
    not ``over``. A whole one counts, too: it must not be torn from its first words."""
    *whole, last = said
    if phrase[: len(whole)] != whole or len(phrase) < max(2, len(said)):
        return False
    word = phrase[len(whole)]
    return word == last or (not over and word.startswith(last))


def _edged(pattern: str, last: str) -> str:
    return rf"(?<!\w){pattern}" + (r"(?!\w)" if last.isascii() else "")


def _by(pattern: re.Pattern[str], replacement: str | None) -> Callable[[str], Iterable[Hit]]:
    def search(text: str) -> Iterable[Hit]:
        for match in pattern.finditer(text):
            if match[0]:
                yield match.start(), match.end(), f"{match[0]!r}", replacement or ""

    return search
