"""What the tools of a run need of its response, where the run is begun before there is one."""

from typing import Any

from frontdesk.team.events import Job, JobDone, Jobs, ToolCall, ToolRecord


class LateJobs:
    """The :class:`~frontdesk.team.events.Jobs` of a response to come; ``jobs`` are those of none,
    which only know what there is."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def bind(self, jobs: Jobs | None) -> None:
        """The response has come."""
        self._jobs = jobs or self._jobs

    @property
    def known(self) -> bool:
        return self._jobs.known

    async def begin(self, job: Job) -> JobDone:
        return await self._jobs.begin(job)

    def listed(self) -> dict[str, Any]:
        return self._jobs.listed()

    async def cancel(self, which: str) -> dict[str, Any]:
        return await self._jobs.cancel(which)


class LateRecord:
    """The :class:`~frontdesk.team.events.ToolRecord` of a response to come."""

    def __init__(self) -> None:
        self._record: ToolRecord | None = None

    def bind(self, record: ToolRecord | None) -> None:
        """The response has come."""
        self._record = record

    async def begin(self, call: ToolCall) -> str | None:
        return None if self._record is None else await self._record.begin(call)
