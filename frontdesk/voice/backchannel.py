"""What people say while they listen, and do not mean to take the word with.

No word here is the answer to anything in one of these languages and a signal of listening in
another, so all languages are read at once: a caller may say "okay" in any of them. A "no", a
"wait", a question are in no list, and neither is a "thank you".
"""

import re
import unicodedata
from typing import Literal

from frontdesk.voice.base import Transcript

Listening = Literal["noise", "backchannel"]

_HUMS = {
    "en": "uh um er erm hm hmm ah oh eh ooh ugh",
    "de": "äh ähm öh hach",
    "fr": "euh heu bah",
    "es": "eh este",
    "ko": "음 어 아 흠 에 저기",
    "ja": "えーと えっと あの うーん ああ おお ふむ",
    "zh": "呃 额 啊 哦 唔",
}
"""Sounds that are no answer to any question."""

_SIGNALS = {
    "en": (
        "uh huh|uhhuh|aha|mm|mh|mhm|mm h|mm hm|mm hmm|hm hm|m|yeah|yep|yup|yah|yes|ok|okay|okey|k|"
        "right|all right|alright|sure|i see|got it|gotcha|really|wow|cool|nice|great|good|fine|"
        "true|of course|exactly|indeed|makes sense|understood|oh i see|go on"
    ),
    "de": "ja|jaja|genau|gut|alles klar|verstehe|ach so|achso|stimmt|klar|jawohl|okay gut",
    "fr": "oui|ouais|d accord|bien|voilà|ah bon|je vois|c est ça|entendu",
    "es": "sí|si|vale|claro|bien|bueno|ya|ajá|entiendo|de acuerdo|exacto",
    "ko": (
        "네|예|응|어어|으응|음음|네네|예예|네에|그래|그래요|그렇군요|그렇구나|아하|아네|알겠어요|"
        "알겠습니다|맞아요|맞아|좋아요|오케이|그쵸|그렇죠|아 네|아 예|아 그래요|아 그렇군요"
    ),
    "ja": "はい|ええ|うん|うんうん|はいはい|そう|そうですか|なるほど|そうですね|わかりました|へえ",
    "zh": "嗯|嗯嗯|对|好|好的|是|是的|知道了|明白|明白了|对对|好好|哦哦|行",
}
"""Signs of listening, which would be an answer to a question."""

_NOTHING = frozenset(("you", "bye", "the", "boom", "thanks for watching"))
"""What speech models write for a cough or a knock (measured, and known of their kind)."""
_DOUBTED = ((2, 0.5), (5, 0.35))
"""So few words are none under this confidence: laughs and breath come out as 0.2 to 0.35, what is
written for a hum as 0.3 to 0.5, "stop", "no" and "wait" as 0.7 and more (measured with the embedded
model)."""
_QUESTION = re.compile(r"[?？]")
_SPACES = re.compile(r"[^\w]+")
_MARKED = re.compile(r"[(\[*<♪][^)\]*>♪]*[)\]*>♪]|♪")
"""Sounds in writing: (coughs), [noise], *laughs*."""
_DRAWN = re.compile(r"([a-zäöüß])\1{2,}")


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFC", _MARKED.sub(" ", text)).casefold()
    return _DRAWN.sub(r"\1\1", _SPACES.sub(" ", text)).strip()


_HUM = frozenset(_folded(word) for words in _HUMS.values() for word in words.split())
_SIGNAL = frozenset(_folded(phrase) for words in _SIGNALS.values() for phrase in words.split("|"))
_LONGEST = max(len(phrase.split()) for phrase in _SIGNAL)


def says_nothing(transcript: Transcript) -> bool:
    """Whether these words, of a sound made over the agent, are none: a transcriber has to write
    something for a cough, too."""
    words = _folded(transcript.text)
    if not words or words in _NOTHING:
        return True
    sure, count = transcript.confidence, len(words.split())
    return sure is not None and any(count <= few and sure < doubted for few, doubted in _DOUBTED)


def means_nothing(transcript: Transcript) -> bool:
    """Whether whoever said this over the agent has likely said all they wanted to."""
    return says_nothing(transcript) or listening(transcript.text) is not None


def listening(words: str) -> Listening | None:
    """What ``words``, all that was said, are: "noise" without any, or hums alone; "backchannel"
    where all of them signal that somebody listens; None for anything else."""
    folded = _folded(words)
    if _QUESTION.search(words) and folded not in _HUM | _SIGNAL:  # "Right?" alone asks nothing
        return None
    tokens = folded.split()
    found: Listening = "noise"
    at = 0
    while at < len(tokens):
        if tokens[at] in _HUM and not _phrase(tokens, at):
            at += 1
        elif length := _phrase(tokens, at):
            found = "backchannel"
            at += length
        else:
            return None
    return found


def _phrase(tokens: list[str], at: int) -> int:
    """Words of the longest signal that stands there, 0 if none does."""
    for length in range(min(_LONGEST, len(tokens) - at), 0, -1):
        if " ".join(tokens[at : at + length]) in _SIGNAL:
            return length
    return 0
