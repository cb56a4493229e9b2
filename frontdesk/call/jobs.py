"""A response's view of the call's background work: what the team's tools may ask of it."""

import asyncio
from collections.abc import Callable
from typing import Any

from frontdesk.call.delegations import Delegations
from frontdesk.call.events import CallEvent, CancelWanted, Delegated
from frontdesk.team.events import Job, JobDone


class ResponseJobs:
    """The team's :class:`~frontdesk.team.events.Jobs`. Reads the work, but has all changes made by
    the call's writer."""

    def __init__(
        self, response_id: str, delegations: Delegations, post: Callable[[CallEvent], None]
    ) -> None:
        self._response_id = response_id
        self._delegations = delegations
        self._post = post

    @property
    def known(self) -> bool:
        return self._delegations.known

    async def begin(self, job: Job) -> JobDone:
        answer = asyncio.get_running_loop().create_future()
        self._post(Delegated(job, self._response_id, answer))
        return await answer

    def listed(self) -> dict[str, Any]:
        return {"work": [known.told_to_models() for known in self._delegations.all()]}

    async def cancel(self, which: str) -> dict[str, Any]:
        answer = asyncio.get_running_loop().create_future()
        self._post(CancelWanted(which, by_caller=True, answer=answer))
        return await answer
