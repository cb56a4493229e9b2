"""Background work being done: a task of its own, and its trace."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from frontdesk.call.delegation import Delegation
from frontdesk.call.events import Finished, Reported, ToolBegins
from frontdesk.call.journal import Journal
from frontdesk.call.resuming import Hold
from frontdesk.call.turn import record_guardrail
from frontdesk.team.events import Job, JobDone
from frontdesk.team.runner import TeamRunner
from frontdesk.tracing import names
from frontdesk.tracing.turn import TurnTrace

logger = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds that cancelled work may take to tidy up before it is left to do so alone."""


class Errand:
    """Outlives turns, and by its policy the call. ``tell`` takes what happens: whoever owns the
    errand changes it."""

    def __init__(
        self,
        delegation: Delegation,
        job: Job,
        trace: TurnTrace,
        *,
        runner: TeamRunner,
        call_id: str,
        tell: Callable[[Reported | Finished | ToolBegins], None],
        recorded: Callable[[], Awaitable[bool]],
    ) -> None:
        """``recorded`` waits until what was told is on record, and says whether it is."""
        self.delegation = delegation
        self.policy = job.policy
        self.tell = tell
        self.done: JobDone | None = None
        self._journal = Journal(Hold(delegation.id), lambda event: self.tell(event), recorded)
        self._trace = trace
        self._task = asyncio.create_task(self._do(runner, job, call_id))

    async def _do(self, runner: TeamRunner, job: Job, call_id: str) -> None:
        key = self.delegation.id

        def report(words: str) -> None:
            self.tell(Reported(key, words))

        with self._trace.use():
            try:
                self.done = await runner.work(
                    job,
                    call_id=call_id,
                    trace_id=self._trace.trace_id,
                    report=report,
                    guarded=lambda outcome: record_guardrail(self._trace, outcome, time.time()),
                    record=self._journal,
                )
            except Exception as error:
                logger.exception("call %s: background work %s failed", call_id, job.tool)
                self.done = JobDone(f"Error: {type(error).__name__} in the work.", failed=True)
        self.tell(Finished(key, self.done))

    async def stop(self) -> None:
        """Cancel it, and wait a moment for it to tidy up."""
        self._task.cancel()
        await asyncio.wait([self._task], timeout=PATIENCE)

    def cancel(self) -> None:
        self._task.cancel()

    def close(self) -> None:
        """It is over, as its delegation says: close the trace."""
        known = self.delegation
        self._trace.set(
            **{
                names.GEN_AI_TOOL_CALL_RESULT: known.output,
                names.VOICE_DELEGATION_STATUS: known.status,
                names.VOICE_DELEGATION_PROGRESS: known.progress or None,
            }
        )
        self._trace.close(error=None if known.status == "done" else known.output or known.status)
