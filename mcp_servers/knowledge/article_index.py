"""Full-text search over Markdown articles, made for questions as people speak them.

An article is ``# Title`` and, under each ``## Question``, one passage that answers it and can be
read aloud. An HTML comment ``<!-- also: … -->`` under a passage holds words that people use for it
and that do not stand in it.
"""

import math
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

# Words that say nothing about the subject of a question. "Not" and "no" are kept.
_STOP_WORDS = """
    a about again all also am an and any anything are as at be been but by can could did do
    does doing done for from get give go going good got had has have having hello help hey
    hi how i if in into is it its just know let like ll long looking many may me mean might
    more much must my need of ok okay on one or our out please question re really right s
    say see shall she should so some something t tell than thank thanks that the their them
    then there these they thing things this those to too understand up us use ve very want
    was way we well were what when where which while who why will with would yes yet you
    your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
# Title, question, answer, other words: a hit in the question says most.
WEIGHTS = (2.0, 4.0, 1.0, 3.0)
# Share of a question's weight in words that a passage must hold to count as an answer to it.
ENOUGH = 0.3


@dataclass(frozen=True, slots=True)
class Passage:
    """One question of an article with its answer."""

    article: str
    title: str
    question: str
    text: str


class ArticleIndex:
    """The articles of a folder, indexed in memory. Raises ``ValueError`` when there are none."""

    def __init__(self, folder: Path) -> None:
        self.articles = {file.stem: file for file in sorted(folder.glob("*.md"))}
        self.passages: list[Passage] = []
        self._db = sqlite3.connect(":memory:")
        self._db.execute(
            "CREATE VIRTUAL TABLE passage USING fts5 "
            "(title, question, text, also, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        for name, file in self.articles.items():
            self._add(name, file.read_text(encoding="utf-8"))
        if not self.passages:
            raise ValueError(f"no articles in {folder}: expected .md files with ## questions")

    def search(self, query: str, limit: int = 3) -> list[Passage]:
        """The passages that answer ``query``, best first; none when nothing is near enough."""
        spoken = set(_words(query))
        words = sorted(spoken - STOP_WORDS)
        rarity = {word: self._rarity(word) for word in words}
        total = sum(rarity[word][0] for word in words)
        ranked: list[tuple[float, int]] = []
        for row, score in self._matches(words):
            cover = sum(weight for weight, rows in rarity.values() if row in rows) / total
            if cover >= ENOUGH:
                alike = _dice(spoken, set(_words(self.passages[row - 1].question)))
                ranked.append((score * cover * (1 + alike), row))
        best = sorted(ranked)[:limit]  # bm25() is the smaller the better
        return [self.passages[row - 1] for _, row in best]

    def read(self, name: str) -> str | None:
        """The Markdown of an article, or None when there is no such one."""
        file = self.articles.get(name)
        if file is None:
            return None
        return re.sub(r"<!--.*?-->\n*", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)

    def _add(self, name: str, markdown: str) -> None:
        heading, *sections = re.split(r"^## ", markdown, flags=re.MULTILINE)
        title = heading.strip().removeprefix("# ").splitlines()[0]
        for section in sections:
            question, _, body = section.partition("\n")
            also = " ".join(re.findall(r"<!--\s*also:(.*?)-->", body, flags=re.DOTALL))
            text = " ".join(re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL).split())
            passage = Passage(name, title, question.strip(), text)
            self.passages.append(passage)
            self._db.execute(
                "INSERT INTO passage (rowid, title, question, text, also) VALUES (?, ?, ?, ?, ?)",
                (len(self.passages), title, passage.question, text, also),
            )

    def _matches(self, words: list[str]) -> list[tuple[int, float]]:
        if not words:
            return []
        query = " OR ".join(f'"{word}"' for word in words)
        weights = ", ".join(str(weight) for weight in WEIGHTS)
        return self._db.execute(
            f"SELECT rowid, bm25(passage, {weights}) FROM passage WHERE passage MATCH ?", (query,)
        ).fetchall()

    def _rarity(self, word: str) -> tuple[float, set[int]]:
        """Inverse document frequency of ``word``, and the rows that hold it."""
        rows = {row for row, _ in self._matches([word])}
        return math.log(1 + (len(self.passages) + 1) / (len(rows) + 1)), rows


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _dice(one: set[str], other: set[str]) -> float:
    """How alike two sets are, 0 to 1. With stop words: they tell "where" from "when"."""
    return 2 * len(one & other) / (len(one) + len(other))
