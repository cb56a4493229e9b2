"""How well each offer fits what was said: cosine to the nearest of its phrases."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from frontdesk.team.embedded.embedder import Embedder
from frontdesk.team.embedded.offers import Deed, Offer
from frontdesk.team.embedded.smalltalk import CLASSES, SmallTalk
from frontdesk.team.embedded.words import sentences, strip_opening

DESCRIPTION_BONUS = 0.05
"""Descriptions read less like speech than examples do, so their cosines run lower."""
FAR_COST = 0.06
"""What lies behind a handoff counts a little less than what its target does itself."""
OWN_BONUS = 0.04
"""What an agent can do itself goes before handing over for it."""
SMALL_TALK = 0.62
"""Least cosine at which a sentence is small talk."""
_MOST_SENTENCES = 4
_CODE = re.compile(r"\b\d[\d ,-]{2,}\d\b")


@dataclass(frozen=True)
class Ranked:
    """An offer and its score, about -0.1 to 1.1."""

    offer: Offer
    score: float


@dataclass(frozen=True)
class Heard:
    """An utterance sorted: the request in it, and the small talk if there is nothing else."""

    request: tuple[str, ...]
    small_talk: SmallTalk | None


class Ranker:
    """Scores offers against utterances with one embedder. Same input, same result."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def similarity(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of ``text`` with each of ``others``."""
        if not others:
            return []
        vector = self._embedder.vectors([_plain(text)])[0]
        rows = self._embedder.vectors([_plain(other) for other in others])
        return [round(float(score), 6) for score in rows @ vector]

    def sort(self, text: str, offers: Sequence[Offer]) -> Heard:
        """Take the small talk out of ``text``, unless there is nothing else in it."""
        parts = sentences(text)[-_MOST_SENTENCES:] or [text]
        talk = [self._small_talk(part, offers) for part in parts]
        request = [strip_opening(part) for part, kind in zip(parts, talk, strict=True) if not kind]
        if request:
            whole = " ".join(request)
            return Heard(tuple(dict.fromkeys([whole, *request])), None)
        whole_kind, _ = self._nearest_class(text)
        kinds = [kind for kind in talk if kind]
        return Heard((), whole_kind if whole_kind in kinds else kinds[-1])

    def _small_talk(self, sentence: str, offers: Sequence[Offer]) -> SmallTalk | None:
        kind, score = self._nearest_class(sentence)
        if score < SMALL_TALK:
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
        scored = [
            Ranked(offer, max(self._score(text, offer) for text in request)) for offer in offers
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


def _plain(text: str) -> str:
    """Without codes, which say nothing of what is wanted."""
    return _CODE.sub(" ", text).strip() or text
