"""How well each offer fits what was said: cosine to the nearest of its phrases."""

import math
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from frontdesk.team.embedded.embedder import Embedder, Vectors
from frontdesk.team.embedded.offers import Deed, Offer
from frontdesk.team.embedded.reading.tokens import split_name, stem, tokens
from frontdesk.team.embedded.reading.words import STOP_WORDS, is_courtesy, sentences, strip_opening
from frontdesk.team.embedded.saying.smalltalk import CLASSES, SmallTalk

DESCRIPTION_BONUS = 0.08
"""Descriptions read less like speech than examples do, so their cosines run lower."""
FAR_COST = 0.06
"""What lies behind a handoff counts a little less than what its target does itself."""
OWN_BONUS = 0.06
"""What an agent can do itself goes before handing over for it."""
SHARED_WORDS = 0.18
"""What it is worth when every word of content is one of the offer's own."""
NAMED = 0.1
"""What it is worth that a word is in the name of one offer and nowhere in another."""
SMALL_TALK = 0.6
"""Least cosine at which a sentence is small talk."""
_MOST_SENTENCES = 4
_MOST_KEPT = 1024
_VALUE_ONLY = re.compile(
    r"^(?:(?:it's|it is|that's|that is|(?:my|the) \w+(?: \w+)? is)\b.*(?:\d|@)"
    r"|\w+(?: \w+)? \d\S+$)",
    re.IGNORECASE,
)
"""A sentence that only gives a value says nothing of what is wanted."""
_CODE = re.compile(r"\b\d[\d ,-]{2,}\d\b")


@dataclass(frozen=True)
class Ranked:
    """An offer and its score, about -0.1 to 1.1."""

    offer: Offer
    score: float


@dataclass(frozen=True)
class Heard:
    """An utterance sorted: the request in it, and the small talk if there is nothing else."""

    text: str
    """Everything said but the small talk."""
    request: tuple[str, ...]
    """The wishes in it, together and one by one."""
    small_talk: SmallTalk | None


class Ranker:
    """Scores offers against utterances with one embedder. Same input, same result."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._matrices: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()

    def similarity(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of ``text`` with each of ``others``."""
        if not others:
            return []
        vector = self._embedder.vectors([_plain(text)])[0]
        return [round(score, 6) for score in (self._matrix(tuple(others)) @ vector).tolist()]

    def _matrix(self, texts: tuple[str, ...]) -> Vectors:
        """The vectors of an offer's phrases: the same few hundred, decision after decision."""
        kept = self._matrices.get(texts)
        if kept is None:
            kept = self._embedder.vectors([_plain(text) for text in texts])
            self._matrices[texts] = kept
            if len(self._matrices) > _MOST_KEPT:
                self._matrices.popitem(last=False)
        return kept

    def sort(self, text: str, offers: Sequence[Offer]) -> Heard:
        """Take the small talk out of ``text``, unless there is nothing else in it."""
        parts = sentences(text)[-_MOST_SENTENCES:] or [text]
        talk = [self._small_talk(part, offers) for part in parts]
        request = [strip_opening(part) for part, kind in zip(parts, talk, strict=True) if not kind]
        if request:
            whole = " ".join(request)
            wishes = [part for part in request if not _VALUE_ONLY.search(part)] or request
            return Heard(whole, tuple(dict.fromkeys([" ".join(wishes), *wishes])), None)
        whole_kind, _ = self._nearest_class(text)
        kinds = [kind for kind in talk if kind]
        return Heard("", (), whole_kind if whole_kind in kinds else kinds[-1])

    def _small_talk(self, sentence: str, offers: Sequence[Offer]) -> SmallTalk | None:
        kind, score = self._nearest_class(sentence)
        if score < SMALL_TALK and not is_courtesy(sentence):
            return None
        own = [offer for offer in offers if offer.deed is not Deed.HANDOFF]
        rival = max((self._nearest(sentence, self._phrases(offer)) for offer in own), default=0.0)
        return kind if score >= rival - 0.02 else None

    def _nearest_class(self, text: str) -> tuple[SmallTalk, float]:
        scores = [max(self.similarity(text, kind.examples)) for kind in CLASSES]
        best = int(np.argmax(scores))
        return CLASSES[best], scores[best]

    def answer_of(self, kind: SmallTalk, offers: Sequence[Offer]) -> Offer | None:
        """The desk's own fixed answer for this kind of small talk."""
        for offer in offers:
            if offer.deed is Deed.ANSWER and any(
                (found := self._nearest_class(example))[0] is kind and found[1] >= 0.75
                for example in offer.examples
            ):
                return offer
        return None

    def rank(self, request: Sequence[str], offers: Sequence[Offer]) -> list[Ranked]:
        """Offers by fit, best first; the order of ``offers`` breaks ties."""
        shared = _in_common(request[0], offers)
        scored = [
            Ranked(offer, max(self._score(text, offer) for text in request) + words)
            for offer, words in zip(offers, shared, strict=True)
        ]
        return sorted(scored, key=lambda ranked: -ranked.score)

    def _score(self, text: str, offer: Offer) -> float:
        best = max(
            self._nearest(text, offer.examples),
            self._nearest(text, offer.descriptions) + DESCRIPTION_BONUS,
            self._nearest(text, offer.far) - FAR_COST,
        )
        return best if offer.deed is Deed.HANDOFF else best + OWN_BONUS

    def _nearest(self, text: str, phrases: Sequence[str]) -> float:
        return max(self.similarity(text, phrases), default=-1.0)

    def _phrases(self, offer: Offer) -> tuple[str, ...]:
        return (*offer.examples, *offer.descriptions)


def _in_common(text: str, offers: Sequence[Offer]) -> list[float]:
    """What the words that ``text`` shares with each offer are worth.

    Words weigh by how few offers have them (inverse document frequency): vectors of a small
    model blur "cancel" and "return", and this is what tells them apart.
    """
    said = {stem(token.word) for token in tokens(text) if token.word not in STOP_WORDS}
    own = [_vocabulary(offer) for offer in offers]
    names = [_name_words(offer) for offer in offers]
    weights = {
        word: math.log(1 + len(own) / max(1, sum(word in words for words in own))) for word in said
    }
    total = sum(weights.values()) or 1.0
    telling = {word for word in said if sum(word in words for words in own) == 1}
    return [
        SHARED_WORDS * sum(weights[word] for word in said & words) / total
        + NAMED * bool(telling & name)
        for words, name in zip(own, names, strict=True)
    ]


def _name_words(offer: Offer) -> frozenset[str]:
    words = split_name(offer.name) if offer.deed is Deed.TOOL else []
    return frozenset(stem(word) for word in words if word not in STOP_WORDS)


def _vocabulary(offer: Offer) -> frozenset[str]:
    said = [choice.label for parameter in offer.parameters for choice in parameter.choices]
    said += [word for parameter in offer.parameters for word in parameter.words]
    return _stems(" ".join((*offer.examples, *offer.descriptions, *said)))


@lru_cache(maxsize=1024)
def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(token.word) for token in tokens(text))


def _plain(text: str) -> str:
    """Without codes, which say nothing of what is wanted."""
    return _CODE.sub(" ", text).strip() or text
