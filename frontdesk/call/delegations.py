"""The background work of a call, from the tool call that begins it to what comes of it.

Work belongs to the call and not to a turn: barge-in does not touch it. All of it is in the call's
log, so that nothing vanishes with the worker.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from frontdesk.call.answers import Answers
from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock, Timer
from frontdesk.call.delegation import Delegation, Status
from frontdesk.call.errand import Errand
from frontdesk.call.events import CallEvent, CancelWanted, Delegated, Due, Finished, Reported
from frontdesk.call.journal import SECONDS
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.telling import Telling
from frontdesk.call.tongue import Tongue
from frontdesk.desk.background import Background
from frontdesk.team.events import Job, JobDone
from frontdesk.tracing.calls import Tracing

IN_DOUBT = (
    "was cut off by a fault of mine. It had begun to act, and it is not known what of it took "
    "effect; it is not done again by itself."
)
MOST = 16
"""Pieces of work that may be under way or wait in one call."""


@dataclass(slots=True)
class _Asked:
    """A tool call that still waits for its answer."""

    response_id: str
    job: Job
    answer: asyncio.Future[JobDone]


class Delegations:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        *,
        live_team: LiveTeam,
        book: CallBook,
        answers: Answers,
        telling: Telling,
        tongue: Tongue,
        tracing: Tracing,
        clock: Clock,
        post: Callable[[CallEvent], None],
    ) -> None:
        self._team = live_team
        self._book = book
        self._answers = answers
        self._telling = telling
        self._tongue = tongue
        self._tracing = tracing
        self._clock = clock
        self._post = post
        self._known = {
            key: Delegation.stored(fields) for key, fields in book.state.delegations.items()
        }
        self._errands: dict[str, Errand] = {}
        self._jobs: dict[str, Job] = {}
        self._asked: dict[str, _Asked] = {}
        self._answered: dict[str, tuple[str, str]] = {}
        """By tool call: the work whose result a response was given, and that response."""
        self._timers: dict[tuple[str, str], Timer] = {}
        self._stopping: list[Errand] = []
        self._begun_before: list[Delegation] = []
        """Work that a lost response had begun, for as long as the one in its place is made."""
        self._said: dict[str, str] = {}
        """By work: the progress that was told."""

    @property
    def known(self) -> bool:
        """Whether there was any in this call."""
        return bool(self._known)

    def all(self) -> list[Delegation]:
        """In the order in which they were asked for."""
        return [*self._known.values()]

    @property
    def under_way(self) -> bool:
        """Whether any is to be waited for."""
        return bool(self._unfinished())

    @property
    def tied(self) -> bool:
        """Whether work runs that would be lost if the call moved to another worker: elsewhere it
        may not be begun anew."""
        return any(not self._jobs_policy(known).restart for known in self._unfinished())

    def _unfinished(self) -> list[Delegation]:
        return [known for known in self._known.values() if not known.over]

    # Beginning

    def recover(self, errands: dict[str, Errand], lost_since: float | None = None) -> None:
        """The call was taken up again: go on with the ``errands`` that were kept going, begin
        anew what may be, and tell the caller of what was lost or never told. What a response that
        was lost had begun (``lost_since``) is not begun once more by the one in its place."""
        if lost_since is not None:
            self._begun_before = [
                known for known in self.all() if known.told is None and known.asked >= lost_since
            ]
        for known in self.all():
            tool = self._team.runner.background(known.owner, known.tool)
            if errand := errands.get(known.id):
                self._adopt(known, errand)
            elif known.told is not None or known.status == "cancelled":
                continue
            elif known.over and self._telling.told_before(known):
                pass
            elif known.over and known.status != "lost":
                self._telling.result(known)
            elif self._in_doubt(known):
                self._over(known, "lost", f"Error: {known.called} {IN_DOUBT}")
                self._telling.result(known)
            elif tool is not None and tool.policy.restart:
                known.restarts += 1
                known.ended = known.output = None
                self._jobs[known.id] = Job(
                    known.tool, known.arguments, known.owner, known.id, tool.policy
                )
                self._set(known, "queued")
            else:
                lost = f"Error: {known.called} was cut off by a fault of mine; its result is lost."
                self._over(known, "lost", lost)
                self._telling.result(known)
        self._start_waiting()

    def _in_doubt(self, known: Delegation) -> bool:
        """Whether a tool began in this work that must not run twice."""
        tools = self._book.state.tools
        return any(tool["within"] == known.id and not tool["again"] for tool in tools)

    def _adopt(self, known: Delegation, errand: Errand) -> None:
        self._errands[known.id] = errand
        earlier, errand.delegation, errand.tell = errand.delegation, known, self._post
        known.progress = earlier.progress
        if earlier.over:  # nobody was on the call
            self._over(known, earlier.status, earlier.output)
            if known.status != "cancelled":
                self._telling.result(known)
            return
        self._later(known, "deadline", (known.deadline or 0) - self._clock.now())
        self._later(known, "acknowledge", errand.policy.acknowledge_after)

    def begin(self, event: Delegated) -> None:
        """A tool of a response works in the background."""
        job, policy = event.job, event.job.policy
        for known in self._begun_before:
            if known.same_as(job):
                self._begun_before.remove(known)
                return self._give_begun(known, event)
        same = [known for known in self._unfinished() if known.same_as(job)]
        if same and policy.duplicates == "join":
            return _give(event.answer, JobDone(same[0].receipt(joined=True)))
        if same and policy.duplicates == "refuse":
            refusal = f"Error: {same[0].called} is under way already and was not begun again."
            return _give(event.answer, JobDone(refusal, failed=True))
        if len(self._unfinished()) >= MOST:
            refusal = "Error: too much is under way already. Wait for some of it to come back."
            return _give(event.answer, JobDone(refusal, failed=True))
        known = Delegation.of(job, self._clock.now())
        self._known[known.id] = known
        self._jobs[known.id] = job
        self._asked[known.id] = _Asked(event.response_id, job, event.answer)
        self._later(known, "answer", policy.grace)
        self._later(known, "acknowledge", policy.acknowledge_after)
        self._record(known)
        self._start_waiting()

    def _give_begun(self, known: Delegation, event: Delegated) -> None:
        """What a lost response had begun is asked for by the one in its place, and told by it."""
        if not known.over:
            return _give(event.answer, JobDone(known.receipt(joined=True)))
        known.output = known.output or f"Error: {known.called} was stopped as the call broke off."
        self._answered[event.job.tool_call_id] = (known.id, event.response_id)
        _give(event.answer, JobDone(known.output, failed=known.status != "done"))

    def _start_waiting(self) -> None:
        for known in self._unfinished():
            if known.status == "queued" and self._may_run(known):
                self._start(known)

    def _may_run(self, known: Delegation) -> bool:
        job = self._jobs[known.id]
        running = [other for other in self._unfinished() if other.status == "running"]
        if any(other.same_as(job) for other in running):
            return False
        return sum(other.tool == known.tool for other in running) < job.policy.at_once

    def _start(self, known: Delegation) -> None:
        job, asked = self._jobs[known.id], self._asked.get(known.id)
        turn = self._answers.turn_of(asked.response_id) if asked else None
        trace = self._tracing.delegation(
            call_id=self._book.state.call_id,
            delegation_id=known.id,
            tool=known.tool,
            arguments=known.arguments,
            team=self._book.state.team,
            agent=known.owner,
            asked_in=turn.trace if turn else None,
        )
        known.trace = trace.ref
        known.started = self._clock.now()
        known.deadline = known.started + job.policy.deadline
        self._later(known, "deadline", job.policy.deadline)
        self._errands[known.id] = Errand(
            known,
            job,
            trace,
            runner=self._team.runner,
            call_id=self._book.state.call_id,
            tell=self._post,
            recorded=partial(self._book.surely_recorded, SECONDS),
        )
        self._set(known, "running")

    # On the way

    def reported(self, event: Reported) -> None:
        """Words of progress came."""
        known = self._known.get(event.delegation_id)
        if known is not None and not known.over and event.words != known.progress:
            known.progress = " ".join(event.words.split())[:300]
            self._record(known)

    def due(self, event: Due) -> None:
        """A time has come that was set for a piece of work."""
        known = self._known.get(event.delegation_id)
        self._timers.pop((event.delegation_id, event.what), None)
        if known is None or known.over:
            return
        match event.what:
            case "answer":
                if asked := self._asked.pop(known.id, None):
                    _give(asked.answer, JobDone(known.receipt()))
            case "acknowledge":
                self._acknowledge(known)
            case "deadline":
                self._stop(known)
                policy = self._jobs_policy(known)
                late = f"Error: {known.called} took longer than {policy.deadline:g} seconds and "
                self._came(known, "expired", JobDone(f"{late}was stopped.", failed=True))

    def _acknowledge(self, known: Delegation) -> None:
        """Tell the caller that it still goes on, once, and later how far it is."""
        policy = self._jobs_policy(known)
        words: list[str] = []
        if known.id not in self._said:
            own = policy.say if self._tongue.is_default else None
            words.append(own or self._tongue.lines.still)
        if policy.progress and known.progress and self._said.get(known.id) != known.progress:
            words.append(known.progress)
        self._said[known.id] = known.progress if policy.progress else ""
        if words:
            self._telling.line(known, " ".join(words))
        self._later(known, "acknowledge", max(policy.acknowledge_after, 1.0))

    def _jobs_policy(self, known: Delegation) -> Background:
        errand = self._errands.get(known.id)
        return errand.policy if errand else self._jobs[known.id].policy

    # The end

    def finished(self, event: Finished) -> None:
        """Work has come to its own end."""
        known = self._known.get(event.delegation_id)
        if known is not None and not known.over:
            self._came(known, "failed" if event.done.failed else "done", event.done)

    def _came(self, known: Delegation, status: Status, done: JobDone) -> None:
        """Something came of it: the response that waits for it gets it, else the caller is told
        when nobody speaks."""
        asked = self._asked.pop(known.id, None)
        self._over(known, status, done.output)
        if asked and self._answers.being_made(asked.response_id) and not asked.answer.done():
            self._answered[asked.job.tool_call_id] = (known.id, asked.response_id)
            _give(asked.answer, done)
        else:
            self._telling.result(known)
        self._start_waiting()

    def _over(self, known: Delegation, status: Status, output: str | None) -> None:
        known.ended, known.output = self._clock.now(), output
        self._set(known, status)
        self._telling.forget_line(known)
        for what in ("answer", "acknowledge", "deadline"):
            if timer := self._timers.pop((known.id, what), None):
                timer.cancel()
        if errand := self._errands.pop(known.id, None):
            errand.close()

    def remembered(self, item: dict[str, Any]) -> None:
        """An output of a response's tool is in the history."""
        if item.get("type") != "function_call_output":
            return
        key, _ = self._answered.pop(item["call_id"], ("", ""))
        if known := self._known.get(key):
            self._telling.forget(known)
            self.told(known)

    def told(self, known: Delegation) -> None:
        """The turn that asked for it has the result."""
        known.told = "turn"
        self._record(known)

    def response_over(self, response_id: str) -> None:
        """A response is made or given up: what it was given and did not use is told later."""
        self._begun_before.clear()
        for key, response in [*self._answered.values()]:
            if response == response_id:
                self._telling.result(self._known[key])

    def cancel(self, event: CancelWanted) -> None:
        """Cancel what is meant."""
        meant = self._meant(event.which, event.by_caller)
        for known in meant:
            self._stop(known)
            asked = self._asked.pop(known.id, None)
            stopped = f"Error: {known.called} was stopped by a colleague; there is no result."
            self._over(known, "cancelled", None if event.by_caller else stopped)
            if asked:
                _give(asked.answer, JobDone(f"Error: {known.called} was cancelled.", failed=True))
            if event.by_caller or asked:
                self.told(known)
            else:
                self._telling.result(known)
        running = [known.called for known in self._unfinished()]
        if not event.answer.done():
            names = [known.called for known in meant]
            event.answer.set_result({"cancelled": names, "running": running})
        self._start_waiting()

    def _meant(self, which: str, by_caller: bool) -> list[Delegation]:
        unfinished = self._unfinished()
        exact = [known for known in unfinished if known.id == which]
        if exact or not by_caller:
            return exact
        if {*which.lower().split()} & {"all", "both", "everything"}:
            return unfinished
        named = [known for known in unfinished if known.meant_by(which)]
        if len(named) == 1:
            return named
        return unfinished if len(unfinished) == 1 else []

    def leave(self, *, hung_up: bool, keep: bool) -> dict[str, Errand]:
        """The call ends here. Returns the work that goes on without it: by its policy when the
        caller ``hung_up``, all of it with ``keep``. What is cut off otherwise is lost."""
        going_on: dict[str, Errand] = {}
        for timer in self._timers.values():
            timer.cancel()
        for known in self._unfinished():
            errand = self._errands.get(known.id)
            if asked := self._asked.pop(known.id, None):
                asked.answer.cancel()
            if errand and (keep or (hung_up and errand.policy.after_call == "finish")):
                going_on[known.id] = self._errands.pop(known.id)
                continue
            self._stop(known)
            self._over(known, "cancelled" if hung_up else "lost", None)
        return going_on

    def _stop(self, known: Delegation) -> None:
        if errand := self._errands.get(known.id):
            errand.cancel()
            self._stopping.append(errand)

    async def aclose(self) -> None:
        """Wait a moment for what was cancelled."""
        await asyncio.gather(*(errand.stop() for errand in self._stopping))

    # The record

    def _set(self, known: Delegation, status: Status) -> None:
        known.status = status
        self._record(known)

    def _record(self, known: Delegation) -> None:
        self._book.record("delegation", delegation=known.entry())

    def _later(self, known: Delegation, what: Any, seconds: float) -> None:
        due = Due(known.id, what)
        self._timers[known.id, what] = self._clock.later(max(seconds, 0.0), lambda: self._post(due))


def _give(answer: asyncio.Future[JobDone], done: JobDone) -> None:
    if not answer.done():
        answer.set_result(done)
