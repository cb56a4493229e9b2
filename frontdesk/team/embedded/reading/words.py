"""English that any desk shares: words that carry no content, and how people open a sentence."""

import re

from frontdesk.team.embedded.reading.tokens import wordlist

STOP_WORDS = frozenset(
    wordlist(
        """
    a an the this that these those some any another more other same one my your our his her their
    its i you we he she it they me us him them of in on at to for from with by about under over
    into and or but so if then than as is are was were be been being am do does did done have has
    had having can could would should will shall may might must not no yes please just also too
    very really now here there what which who whom when where why how want wants need needs like
    get got give send bring tell find check look looking see know make made put take let say said
    ask call called calling try help thank thanks hello hi hey good morning afternoon evening okay
    ok well um uh er oh ah actually hang wait sorry right sure great again still already yet even
    maybe perhaps someone somebody something anything out up off down back available possible
    i'm i'd i've i'll it's that's there's you're we're we'd we've we'll don't can't doesn't isn't
    won't what's where's when's how's who's name's let's
    """
    )
)
_COURTESY_WORDS = frozenset(
    wordlist(
        "hello hi hey good morning afternoon evening day night okay ok alright all right well so "
        "thank thanks you very much again lovely great perfect excellent brilliant wonderful fine "
        "cheers bye goodbye that's that is it everything for now then nice have a no yes please oh"
    )
)
_OPENINGS = re.compile(
    r"^(?:(?:hello|hi|hey|good (?:morning|afternoon|evening)|okay|ok|well|um+|uh+|er+|oh|ah|so|yes|"
    r"yeah|yep|sure|right|great|perfect|thanks|thank you|please|and|then|actually)\b[\s,.!-]*)+",
    re.IGNORECASE,
)
_COURTESIES = re.compile(
    r"[\s,]*\b(?:please|thanks|thank you|if you can|for me|i think|i believe)\b[\s.!]*$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[a-z])[;]\s+")
_ABBREVIATIONS = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|St|No|Prof)\.$")


def strip_opening(text: str) -> str:
    """Without "Hi, okay, um"; the text itself when nothing else is in it."""
    return _OPENINGS.sub("", text, count=1).strip() or text.strip()


def strip_courtesy(text: str) -> str:
    """Without "please" and "I think" at the end."""
    while (shorter := _COURTESIES.sub("", text)) != text:
        text = shorter
    return text.strip(" ,.!?;:")


def is_courtesy(text: str) -> bool:
    """Whether there is nothing but greeting, thanks and farewell in ``text``."""
    words = re.findall(r"[\w']+", text.lower())
    return bool(words) and all(word in _COURTESY_WORDS for word in words)


def sentences(text: str) -> list[str]:
    """The sentences of an utterance; "Dr. Patel" is not the end of one."""
    parts: list[str] = []
    for part in _SENTENCE.split(text.strip()):
        if parts and _ABBREVIATIONS.search(parts[-1]):
            parts[-1] = f"{parts[-1]} {part}"
        elif part.strip():
            parts.append(part.strip())
    return parts
