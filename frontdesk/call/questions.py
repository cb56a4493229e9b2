"""What stands open in a call: tool calls that somebody has to approve, and questions of servers.

Kept in the call's log, so that any worker carries them on. The writer's side is here; how a turn
answers them is in :mod:`frontdesk.call.answering`.
"""

import secrets
from collections.abc import Callable, Collection, Iterator
from typing import Any, Protocol

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock, Timer
from frontdesk.call.events import CallEvent, ConsentGiven, QuestionDue, QuestionNews
from frontdesk.call.fields import elicited
from frontdesk.protocol.engine import ApprovalClosed, ApprovalWanted, EngineEvent
from frontdesk.state.entries import CallState
from frontdesk.team.events import (
    NOT_DONE,
    AnswerNeeded,
    ApprovalNeeded,
    ConsentNeeded,
    Decided,
)
from frontdesk.team.held import HeldCalls

Question = dict[str, Any]

ELICITATION_SECONDS = 60.0
"""Time to answer a server's question."""
CONSENT_SECONDS = 60.0
"""Time to say whether one wants to be remembered."""
A_MOMENT = 1.0
"""Seconds that a question stays open longer while the caller is just speaking."""

INTERRUPTED = (
    "The call was interrupted before the tool answered: it is not known whether it took effect."
)
_REFUSALS = {
    "spoken": "the caller said no",
    "client": "the caller refused it",
    "unclear": "the caller did not clearly say yes",
    "timeout": "nobody decided in time",
    "replaced": "the caller wanted something else instead",
}


class Board(Protocol):
    """Where questions for a screen are shown, to everybody who may decide."""

    def show(self, call_id: str, question: Question) -> None: ...

    def close(self, question: Question) -> None: ...


class Questions:
    """Owned by the call; its writer calls every method."""

    def __init__(
        self,
        book: CallBook,
        clock: Clock,
        *,
        post: Callable[[CallEvent], None],
        feed: Callable[[EngineEvent], None],
        board: Board,
        client_approves: Callable[[], bool],
    ) -> None:
        self.held = HeldCalls()
        self._book = book
        self._clock = clock
        self._post = post
        self._feed = feed
        self._board = board
        self._client_approves = client_approves
        self._alarms: dict[str, Timer] = {}

    @property
    def state(self) -> CallState:
        return self._book.state

    def open(self) -> Iterator[Question]:
        """What is not decided yet, oldest first."""
        return (question for question in self.state.questions if question["decided"] is None)

    def for_caller(self) -> Question | None:
        """What the caller is asked now."""
        return next((q for q in self.open() if is_spoken(q)), None)

    def ready(self) -> list[Question]:
        """What is decided and not told yet, of one agent."""
        found = [q for q in self.state.questions if q["decided"] and not q["resumed"]]
        return [question for question in found if question["agent"] == found[0]["agent"]]

    @property
    def has_news(self) -> bool:
        """Whether something is decided that the caller is to hear of, without being asked first."""
        return bool(self.state.questions) and self.for_caller() is None and bool(self.ready())

    def apply(self, news: QuestionNews) -> None:
        """Put on record what became of a question."""
        match news.kind:
            case "asked":
                self._asked(news.fields["needed"])
            case "decided":
                self.decide(**news.fields)
            case "answered":
                self._answered(**news.fields)
            case "resumed":
                self._book.record("question.resumed", **news.fields)
            case "seen":
                pass
        if news.done:
            news.done.set()

    def decide(self, question_id: str, decision: str, who: str, how: str, **fields: Any) -> bool:
        """The first decision counts; returns whether it was this one."""
        question = next((q for q in self.open() if q["id"] == question_id), None)
        if question is None:
            return False
        self._book.record(
            "question.decided",
            question_id=question_id,
            decision=decision,
            who=who,
            how=how,
            **fields,
        )
        if alarm := self._alarms.pop(question_id, None):
            alarm.cancel()
        if question["kind"] == "consent":
            self._book.record("question.resumed", question_ids=[question_id])  # no run waits for it
            if how == "spoken":
                self._post(ConsentGiven(given=decision == "approved", how=how))
        elif question["kind"] == "elicitation":
            self.held.answer(question["call_id"], elicited(decision, fields.get("values")))
        elif question["by"] == "screen":
            self._board.close(question)
        elif question["by"] == "client":
            self._feed(ApprovalClosed(question_id))
        if (following := self.for_caller()) and is_spoken(question):
            self._put(following)  # it could not be answered before
        return True

    def _answered(self, question_id: str, **fields: Any) -> None:
        """Something was said to it: it is put again, and the time for it begins anew."""
        self._book.record("question.answered", question_id=question_id, **fields)
        if question := next((q for q in self.open() if q["id"] == question_id), None):
            self._put(question)

    def _put(self, question: Question) -> None:
        """It is put to the caller next: the time for it begins now."""
        deadline = self._clock.now() + question["seconds"]
        self._book.record("question.put", question_id=question["id"], deadline=deadline)
        self._watch(question)

    def _asked(self, needed: ApprovalNeeded | AnswerNeeded | ConsentNeeded) -> None:
        if isinstance(needed, ConsentNeeded):
            needed_id, name, arguments = f"consent_{secrets.token_hex(4)}", "consent", "{}"
            agent, server = self.state.agent, None
        elif self._joined(needed):
            return
        else:
            needed_id, name, arguments = needed.call_id, needed.name, needed.arguments
            agent, server = needed.agent, needed.server
        now = self._clock.now()
        question: Question = {
            "id": f"q_{self.state.call_id}_{secrets.token_hex(8)}",
            "call_id": needed_id,
            "tool": name,
            "arguments": arguments,
            "agent": agent,
            "server": server,
            "asked_at": now,
            "after": self._last_item(),
        }
        if isinstance(needed, ApprovalNeeded):
            aloud = needed.by == "client" and not self._client_approves()
            by = "spoken" if aloud else needed.by
            question |= {"kind": "approval", "by": by, "text": needed.question}
            question |= {"seconds": needed.seconds, "deadline": now + needed.seconds}
        elif isinstance(needed, ConsentNeeded):
            question |= {"kind": "consent", "by": "spoken", "text": needed.question}
            question |= {"seconds": CONSENT_SECONDS, "deadline": now + CONSENT_SECONDS}
        else:
            question |= {"kind": "elicitation", "by": "spoken", "text": needed.message}
            question |= {"schema": needed.schema, "seconds": ELICITATION_SECONDS}
            question["deadline"] = now + ELICITATION_SECONDS
        self._book.record("question.asked", question=question)
        self._watch(question)

    def _joined(self, needed: ApprovalNeeded | AnswerNeeded) -> bool:
        """Whether the same is being asked already. Another call of the tool takes its place."""
        if isinstance(needed, AnswerNeeded):
            return False
        for question in [*self.open()]:
            same = ("approval", needed.name, needed.agent)
            if (question["kind"], question["tool"], question["agent"]) != same:
                continue
            if question["call_id"] == needed.call_id or question["after"] == self._last_item():
                continue  # made side by side: both are meant
            if question["arguments"] == needed.arguments:
                return True
            self.decide(question["id"], "denied", "caller", "replaced")
            self._book.record("question.resumed", question_ids=[question["id"]])
        return False

    def _last_item(self) -> str | None:
        """The newest thing that the caller said or wrote."""
        items = (s.item for s in reversed(self.state.items) if s.item.get("role") == "user")
        return next((item["id"] for item in items), None)

    def _watch(self, question: Question) -> None:
        if question["by"] == "screen":
            self._board.show(self.state.call_id, question)
        elif question["by"] == "client":
            label = question["server"] or self.state.team
            wanted = (question["id"], label, question["tool"], question["arguments"])
            self._feed(ApprovalWanted(*wanted))
        wait = question["deadline"] - self._clock.now()
        due = QuestionDue(question["id"])
        if earlier := self._alarms.get(question["id"]):
            earlier.cancel()
        self._alarms[question["id"]] = self._clock.later(wait, lambda: self._post(due))

    def due(self, question_id: str, *, speaking: bool) -> None:
        """The time is up. What the caller is just saying is still waited for."""
        if speaking and question_id in self._alarms:
            due = QuestionDue(question_id)
            self._alarms[question_id] = self._clock.later(A_MOMENT, lambda: self._post(due))
            return
        question = next((q for q in self.open() if q["id"] == question_id), None)
        if question is not None:
            decision = "cancelled" if question["kind"] == "elicitation" else "denied"
            self.decide(question_id, decision, "nobody", "timeout")

    def restore(self, lost_since: float | None, begun: Collection[str]) -> None:
        """Carry on what was open. A server's question is lost with the call that it came in.

        What was approved, and given on in the response that was lost (``lost_since``), runs after
        all if it is neither in the history nor among the calls that had ``begun``: each is on
        record before it begins. Not when the caller was away for longer than it was asked for."""
        known = {stored.item.get("call_id") for stored in self.state.items}.union(begun)
        kept = [
            question["id"]
            for question in self.state.questions
            if lost_since is not None
            and question["resumed"]
            and question.get("given", 0.0) >= lost_since
            and question["kind"] == "approval"
            and resumed_id(question) not in known
            and self.state.pause <= question["seconds"]
        ]
        if kept:
            self._book.record("question.kept", question_ids=kept)
        for question in [*self.open()]:
            if question["kind"] == "elicitation":
                self.decide(question["id"], "cancelled", "nobody", "interrupted")
                self._book.record("question.resumed", question_ids=[question["id"]])
            else:
                self._watch(question)

    async def aclose(self) -> None:
        """The call ends here: nobody waits any more, but what is open stays open in the log."""
        for alarm in self._alarms.values():
            alarm.cancel()
        await self.held.aclose()


def is_spoken(question: Question) -> bool:
    """Whether the caller is asked aloud. Of others the talk goes on meanwhile."""
    return question["by"] == "spoken"


def as_decided(question: Question) -> Decided:
    """A decided question as what a run begins with."""
    return Decided(resumed_id(question), question["tool"], question["arguments"], refusal(question))


def resumed_id(question: Question) -> str:
    """The id of the tool call that a decision leads to. Where the talk went on meanwhile the first
    one is taken: its output says that it waits."""
    return question["call_id"] if is_spoken(question) else f"{question['call_id']}_2"


def refusal(question: Question) -> str | None:
    """What the model is told in place of a result, if the call was not approved."""
    decided = question["decided"]
    if question["kind"] != "approval" or decided["decision"] == "approved":
        return None
    why = _REFUSALS.get(decided["how"], f"{decided['who']} refused it")
    reason = f" ({decided['reason']})" if decided.get("reason") else ""
    return f"{NOT_DONE}{why}{reason}. Do not try it again unless the caller asks for it anew."
