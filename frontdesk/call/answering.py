"""How a turn answers what stands open, and asks what is to be asked: the reply's side of it.

Whatever a response begins with, an open question comes first. Only the caller's own words, said
after they heard the question, decide it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from frontdesk.call.consent import is_aside, normal, read_consent
from frontdesk.call.events import CallEvent, QuestionNews, Remembered
from frontdesk.call.fields import field_question, next_field, read_value
from frontdesk.call.history import message_text
from frontdesk.call.questions import (
    INTERRUPTED,
    Question,
    Questions,
    as_decided,
    is_spoken,
    refusal,
    resumed_id,
)
from frontdesk.call.remembering import Remembering
from frontdesk.call.tongue import Tongue
from frontdesk.call.turn import Turn
from frontdesk.team.events import AnswerNeeded, ApprovalNeeded, Decided
from frontdesk.team.history import call_item, output_item

TRIES = 2
"""How often something is asked, all in all."""
WAITING = (
    "Not run yet: it has to be approved on a screen. You will be told what they decide; "
    "do not call the tool again for this."
)
ASIDE = (
    "You have just asked the caller for a yes or no: {question} Answer only what they say now. "
    "Nothing has been decided or done; the question is put to them again after your answer."
)


@dataclass(frozen=True, slots=True)
class Step:
    """What a response begins with. ``say``: these words are all of it. ``decided``: the team's run,
    by ``agent``, goes on with these calls. ``note`` is for the model."""

    say: str | None = None
    decided: tuple[Decided, ...] = ()
    agent: str | None = None
    note: str | None = None


class Answering:
    """Used by the replies of one call. It changes nothing itself: the writer is told, and waited
    for."""

    def __init__(
        self,
        questions: Questions,
        tongue: Tongue,
        post: Callable[[CallEvent], None],
        recorded: Callable[[], Awaitable[object]],
        remembering: Remembering,
    ) -> None:
        """``recorded`` waits until what was said to the writer is safely stored."""
        self._remembering = remembering
        self.questions = questions
        self._tongue = tongue
        self._post = post
        self._recorded = recorded

    def again(self) -> str | None:
        """The words that put the open question to the caller once more."""
        question = self.questions.for_caller()
        return None if question is None else _words(question)

    async def begin(self, response_id: str, turn: Turn) -> Step:
        """What a response in the conversation begins with."""
        await self._tell_of_interrupted(response_id)
        question = self.questions.for_caller()
        if question is not None:
            said = _said_since(self.questions, question)
            if said is None:
                return Step(note=ASIDE.format(question=_words(question)))
            step = await self._answered(question, said, turn)
            if step is not None:
                return step
            if (following := self.again()) is not None:
                return Step(say=following)
        return await self._go_on(turn)

    async def _answered(self, question: Question, said: "_Said", turn: Turn) -> Step | None:
        """Read the caller's words. A step if the question stays open."""
        if question["kind"] != "elicitation":
            reading = read_consent(said.words, question["text"])
            if reading == "yes" and not said.after_hearing:
                reading = "unheard"
            fields: dict[str, Any] = {"reading": reading}
        else:
            fields = read_value(question, said.words)
            reading = fields["reading"]
        tries = 1 + sum(a["reading"] in ("unclear", "unheard") for a in _tries(question))
        news = {"question_id": question["id"], "words": said.words, **fields}
        await self._tell("answered", news)
        turn.answered_question(question, said.words, reading)
        if question["kind"] == "consent":
            return await self._consented(question, reading, turn)
        if reading in ("unclear", "unheard") and tries < TRIES:
            if question["kind"] == "approval" and is_aside(said.words):
                return Step(note=ASIDE.format(question=_words(question)))
            return Step(say=self._once_more(question))
        if (decision := _decision(question, reading)) is None:  # a server asks for more
            return Step(say=_words(question))
        values = _values(question) if decision == "accepted" else None
        how = "unclear" if reading in ("unclear", "unheard") else "spoken"
        decided = {"question_id": question["id"], "decision": decision, "who": "caller"}
        await self._tell("decided", {**decided, "how": how, "values": values})
        return None

    async def _consented(self, question: Question, reading: str, turn: Turn) -> Step | None:
        """Whether the caller wants to be remembered: nothing but a plain yes or no counts, and
        nobody is pressed for one. What they said in its place is answered like anything else."""
        plain = reading in ("yes", "no")
        decision, how = "approved" if reading == "yes" else "denied", "spoken"
        decided = {"question_id": question["id"], "decision": decision, "who": "caller"}
        await self._tell("decided", {**decided, "how": how if plain else "unclear"})
        if question["decided"]:
            turn.decided_question(question)
        return Step(say=self._remembering.line(decision)) if plain else None

    def _once_more(self, question: Question) -> str:
        lines = self._tongue.lines
        sorry = lines.unclear if question["kind"] == "approval" else lines.unclear_value
        return f"{sorry} {_words(question)}"

    async def _go_on(self, turn: Turn) -> Step:
        """Give on what is decided."""
        ready = self.questions.ready()
        if not ready:
            return Step()
        await self._tell("resumed", {"question_ids": [question["id"] for question in ready]})
        await self._recorded()  # a tool that may not run twice runs when that cannot happen
        for question in ready:
            turn.decided_question(question)
        return Step(decided=tuple(map(as_decided, ready)), agent=ready[0]["agent"])

    async def ask(
        self,
        response_id: str,
        needed: Sequence[ApprovalNeeded | AnswerNeeded],
        turn: Turn,
        *,
        answered: bool,
    ) -> str | None:
        """Put on record what came up in a response; returns what to say at its end. ``answered``:
        it has said what there was to say."""
        if answered and not needed and self.questions.for_caller() is None:
            return await self._ask_for_consent(turn)
        for one in needed:
            await self._tell("asked", {"needed": one})
        known = {question["call_id"]: question for question in self.questions.open()}
        asked = [known[one.call_id] for one in needed if one.call_id in known]
        for question in asked:
            turn.asked_question(question)
        return self._put(response_id, asked)

    def asked_before(self, response_id: str) -> str | None:
        """Of a response that was lost and is made anew: the words that put once more what it had
        asked, None if nothing of that stands open. A model would only make the same calls again,
        and each would be asked for by itself."""
        state = self.questions.state
        turns = [n for n, stored in enumerate(state.items) if stored.item.get("role") == "user"]
        since = turns[-1] if turns else 0
        asked = [
            question
            for question in self.questions.open()
            if question["kind"] == "approval" and (state.index(question["after"]) or 0) >= since
        ]
        return self._put(response_id, asked) if asked else None

    def _put(self, response_id: str, asked: Sequence[Question]) -> str | None:
        """What to say of these questions, and of the one that the caller is asked now."""
        words: list[str] = []
        told_of = {stored.item.get("call_id") for stored in self.questions.state.items}
        for question in asked:
            if not is_spoken(question):
                lines = self._tongue.lines
                at_screen = question["by"] == "screen"
                words = [lines.asking_a_colleague if at_screen else lines.asking_in_client]
                if question["call_id"] not in told_of:
                    self._remember(response_id, question["call_id"], question, WAITING)
        if (question := self.again()) is not None:
            words.append(question)
        return " ".join(words) or None

    async def _ask_for_consent(self, turn: Turn) -> str | None:
        if (needed := self._remembering.to_ask()) is None:
            return None
        await self._tell("asked", {"needed": needed})
        if (question := self.questions.for_caller()) is not None:
            turn.asked_question(question)
        return self.again()

    async def _tell_of_interrupted(self, response_id: str) -> None:
        """A call that was given on, and whose end nobody saw, goes into the history as that."""
        state = self.questions.state
        if not state.questions:
            return
        told_of = {stored.item.get("call_id") for stored in state.items}
        told_of |= {resumed_id(q) for q in state.questions if not q["resumed"]}  # it goes on
        for question in state.questions:
            if question["kind"] == "consent":
                continue
            if question["resumed"] and resumed_id(question) not in told_of:
                told_of.add(resumed_id(question))
                told = refusal(question) or INTERRUPTED
                self._remember(response_id, resumed_id(question), question, told)
                await self._tell("seen", {})

    def _remember(self, response_id: str, call_id: str, question: Question, output: str) -> None:
        item = call_item(call_id, question["tool"], question["arguments"])
        self._post(Remembered(response_id, item))
        self._post(Remembered(response_id, output_item(call_id, output)))

    async def _tell(self, kind: Any, fields: dict[str, Any]) -> None:
        done = asyncio.Event()
        self._post(QuestionNews(kind, fields, done))
        await done.wait()


@dataclass(frozen=True, slots=True)
class _Said:
    """The caller's words since a question was put, and whether they had heard it by then."""

    words: str
    after_hearing: bool


def _said_since(questions: Questions, question: Question) -> _Said | None:
    """What the caller said after the question was last put, if anything. A question may have been
    put in pieces, where somebody coughed."""
    words: list[str] = []
    put: list[str] = []
    for stored in reversed(questions.state.items):
        item = stored.item
        if item["id"] == question["after"]:
            break
        if stored.hidden or item.get("type") != "message":
            continue
        if item["role"] == "assistant":
            heard = message_text(item) if stored.heard is None else stored.heard
            if not words:
                return None
            if heard:  # else they spoke over it: it is what they heard before that they answer
                put.append(heard)
        elif item["role"] == "user" and (text := message_text(item)):
            if put:
                break
            words.append(text)
    if not words:
        return None
    heard = " ".join(reversed(put))
    return _Said(" ".join(reversed(words)), bool(put) and _was_put(_words(question), heard))


def _was_put(question: str, heard: str) -> bool:
    """Whether so much of a question was heard that it can be answered: all but its last sentence,
    or of a single one all but its last two words."""
    sentences = re.split(r"(?<=[.!?。？！])\s+", question.strip())
    wanted = normal(" ".join(sentences[:-1])) if len(sentences) > 1 else normal(question)[:-2]
    got = normal(heard)
    spans = range(len(got) - len(wanted), -1, -1)
    return any(got[at : at + len(wanted)] == wanted for at in spans)


def _words(question: Question) -> str:
    return field_question(question) if question["kind"] == "elicitation" else question["text"]


def _tries(question: Question) -> list[dict[str, Any]]:
    """What was said to a question, or to the field of it that is asked for now."""
    field = next_field(question) if question["kind"] == "elicitation" else None
    return [answer for answer in question["answers"] if answer.get("field") == field]


def _decision(question: Question, reading: str) -> str | None:
    if question["kind"] == "approval":
        return "approved" if reading == "yes" else "denied"
    if reading == "no":
        return "declined"
    if reading == "unclear":
        return "cancelled"
    return "accepted" if next_field(question) is None else None


def _values(question: Question) -> dict[str, Any]:
    """What the caller gave, by field."""
    given = (answer for answer in question["answers"] if answer["reading"] == "value")
    return {answer["field"]: answer["value"] for answer in given if "value" in answer}
