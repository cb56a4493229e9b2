"""How English turns end, and how they don't, by their words as a transcriber writes them.

Only what is sound is listed: a word after which a sentence can well end (*that*, *you*, *on*) is in
no list, however often one goes on behind it.
"""

import re

from frontdesk.voice.wording import Wording

_WORD = re.compile(r"[a-z0-9][a-z0-9'@.-]*[a-z0-9]|[a-z0-9]")

_FILLERS = frozenset("um uh umm uhm uhh er erm hm hmm mm mmm ah eh".split())
_OPEN = frozenset(
    "and or but because whereas although unless until than whether if "
    "a an the my your our their every another very quite "
    "i we he she they i'm i'd i'll i've we're we'd we'll we've they're you're he's she's there's "
    "let's it's that's what's who's where's when's how's you've would should gonna wanna including "
    "regarding".split()
)
"""Nothing ends with these."""
_OPEN_PAIRS = frozenset(
    "would like/could you/can you/do you/did you/would you/will you/are you/have you/can i/could i/"
    "may i/do i/should i/do we/can we/i want/i need/i have/i think/i guess/i mean/want to/need to/"
    "like to/trying to/going to/supposed to/if you/if it/if that/if this/is there/are there/"
    "you know/kind of/sort of/such as/so that/now that/the same/as well as/due to/because of/"
    "let me/give me/tell me/show me/send me/to know/calling about/and then/but then/"
    "was last/since last/from last/until next/for next/by next".split("/")
)
_MISHEARD = frozenset("is up/is out/is on/is ah/is off".split("/"))
"""What transcribers make of *my number is, uh*."""
_ARTICLES = frozenset("a an the any some".split())
"""*The card that*: a noun between them, and something is to be told of it."""
_JOINING = frozenset(
    "to of for with from at by into onto about between without through during against near per "
    "via under".split()
)
"""Prepositions: a sentence ends with them only behind a *what* or the like."""
_BE = frozenset("is are was were am".split())
_SUBJECTS = frozenset("i it we he she they you that this there here".split())
_ASKING = frozenset("what which who whom whose where when why how what's who's where's".split())
_ASKING_LAST = frozenset("what which whose how who where when why".split())
_AUXILIARY = frozenset(
    "do does did is are was were am can could will would should shall may might have has had isn't "
    "aren't wasn't weren't don't doesn't didn't can't couldn't won't wouldn't haven't "
    "hasn't".split()
)
_LEADING = frozenset("if when whenever unless although though once".split())
"""They begin a clause that another one follows."""
_LEADING_A_SUBJECT = frozenset("after before since as while".split())
_FIRST = frozenset("so well and but oh okay ok yeah yes no hi hello hey um uh actually".split())
"""Said in front of a sentence. Alone, most of them are only its beginning."""
_ALONE = frozenset("so well and but oh actually anyway also like basically hey".split())
_HOLD = re.compile(
    r"\b(hold on|hang on|wait|(one|just a|give me a) (moment|second|minute|sec)|"
    r"let me (see|think|check|look)|let's see)$"
)
"""The caller thinks, or looks for something."""
_ANSWER = frozenset(
    "yes yeah yep yup no nope nah sure okay ok right correct exactly absolutely definitely "
    "certainly perfect great fine good alright thanks thank you please bye goodbye cheers never "
    "always maybe both neither none nothing all everything not really of course go ahead that's "
    "it it's".split()
)
_OPENING = frozenset("yes yeah yep yup no nope okay ok sure right".split())
"""Answers that as often begin one: *yes, that's right*, *no, thank you*."""
_CLOSING = frozenset("please thanks anymore either instead".split())
_DIGITS = frozenset("zero oh one two three four five six seven eight nine double triple".split())
_NUMBERS = ((frozenset("phone mobile cell telephone".split()), 7), (frozenset(["card"]), 12))
"""Numbers that have as many digits at least, by what they are called."""
_PART_OF_NUMBER = frozenset("end ends ending last first begin begins beginning starts".split())
"""Beside these, it is not the whole number: *the card that ends in nine one*."""


def judge(text: str) -> Wording:
    """How an English text stands."""
    said = _WORD.findall(text.lower().replace("\u2019", "'"))
    while len(said) > 1 and said[0] in _FIRST:
        said = said[1:]
    if not said:
        return Wording.UNKNOWN
    if (digits := _spelled(said)) >= 2:
        return Wording.OPEN if digits < _least(said) else Wording.SPELLED
    if _unfinished(said):
        return Wording.OPEN
    if len(said) == 1 and said[0] in _OPENING:
        return Wording.BEGUN
    if len(said) <= 4 and all(word in _ANSWER for word in said):
        return Wording.CLOSED
    return _by_its_close(text.rstrip(" \"'"), said)


def _by_its_close(text: str, said: list[str]) -> Wording:
    if text.endswith((",", "-", "\u2026", "...")):
        return Wording.DOUBTFUL
    if _is_question(said) or said[-1] in _CLOSING or said[-2:] == ["thank", "you"]:
        return Wording.CLOSED
    return Wording.STATED if text.endswith((".", "!", "?")) else Wording.UNKNOWN


def _unfinished(said: list[str]) -> bool:
    last, pair = said[-1], " ".join(said[-2:])
    if last in _FILLERS or last in _OPEN or pair in _OPEN_PAIRS:
        return True
    asking = any(word in _ASKING for word in said[:-1])
    if last in _JOINING and not asking:
        return True
    if last in _BE and not asking and not (len(said) > 1 and said[-2] in _SUBJECTS):
        return True
    if last in _ASKING_LAST and len(said) > 3:
        return True
    if len(said) == 1 and last in _ALONE:
        return True
    if pair in _MISHEARD and "number" in said:
        return True
    if last == "that" and said[-3:-2] and said[-3] in _ARTICLES:
        return True
    return _leads(said) or _lacks_address(said) or bool(_HOLD.search(" ".join(said)))


def _leads(said: list[str]) -> bool:
    """A clause such as *when I opened the box*, as far as one can tell by its length."""
    if not 3 <= len(said) <= 7:
        return False
    first, second = said[0], said[1]
    if first in _LEADING_A_SUBJECT:
        return second in _SUBJECTS
    return first in _LEADING and second not in _AUXILIARY


def _lacks_address(said: list[str]) -> bool:
    """*My email is John*: the rest of the address is still to come."""
    about = {"email", "e-mail"} & set(said)
    is_told = any(word in _BE for word in said)
    return bool(about) and is_told and not any("." in w or w in ("dot", "com") for w in said)


def _spelled(said: list[str]) -> int:
    """Digits and single letters at the end."""
    count = 0
    for word in reversed(said):
        plain = word.replace("-", "")
        if word in _DIGITS or (len(word) == 1 and word.isalpha()):
            count += 1
        elif plain.isdigit():
            count += len(plain)
        else:
            break
    return count


def _least(said: list[str]) -> int:
    if _PART_OF_NUMBER & set(said):
        return 0
    return next((least for names, least in _NUMBERS if names & set(said)), 0)


def _is_question(said: list[str]) -> bool:
    first = said[0]
    return len(said) >= 3 and (first in _ASKING or first in _AUXILIARY)
