"""How a worker comes to have a call: begun here, or carried on."""

import asyncio
from collections.abc import Mapping
from functools import partial
from weakref import WeakValueDictionary

from redis.exceptions import RedisError

from frontdesk.call.call import Call
from frontdesk.call.close_codes import TAKEN_OVER
from frontdesk.call.comeback import Missed
from frontdesk.call.connections import Connection
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.refusals import CallRefused, check_caller, check_consent, no_store, not_known
from frontdesk.call.resume_token import ResumeToken
from frontdesk.call.teams import Teams
from frontdesk.region import new_call_id, refusal
from frontdesk.state.claims import Claims
from frontdesk.state.entries import CallState
from frontdesk.state.errors import Held, InOtherRegion, StateError
from frontdesk.state.events import EventStream
from frontdesk.state.log import CallStore, Lease
from frontdesk.state.patience import FOR_A_CALL, answered


class Admission:
    """Of one worker. What it raises is for :func:`~frontdesk.call.refusals.in_words`."""

    def __init__(
        self,
        *,
        worker: str,
        region: str | None,
        calls: Mapping[str, Call],
        teams: Teams,
        opening: list[LiveTeam],
        store: CallStore,
        events: EventStream,
        claims: Claims,
    ) -> None:
        """``calls``: those that run here. ``opening`` is told of the teams of calls that are being
        carried on, as long as they are of none that runs."""
        self._worker = worker
        self._region = region
        self._calls = calls
        self._teams = teams
        self._opening = opening
        self._store = store
        self._events = events
        self._claims = claims
        self._doors: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def door(self, call_id: str) -> asyncio.Lock:
        """Held by whoever takes up the call until it runs here, or writes for it while nobody is on
        it. So one does at a time: whoever comes meanwhile takes it over from the first."""
        return self._doors.setdefault(call_id, asyncio.Lock())

    async def begin(
        self, model: str | None, connection: Connection
    ) -> tuple[Lease, None, LiveTeam]:
        """A call of its own, of the team called ``model``."""
        team = self._teams.named(model)
        self._check_region(team)
        check_consent(team, connection.identity)
        return await self._claim(new_call_id(self._region)), None, team

    def _check_region(self, team: LiveTeam) -> None:
        """Calls of a team may have to stay in a region. Raises ``InOtherRegion``."""
        known, here = team.loaded.team, self._region
        if known.region not in (None, here):
            raise InOtherRegion(refusal(f"Every call of team {known.name}", known.region, here))

    async def attach(self, running: Call, connection: Connection) -> bool:
        """Attach a connection to a call that runs here; False for one that has just ended."""
        check_caller(running.state, connection.identity)
        check_consent(running.team, connection.identity)
        token = connection.shown
        connection.caller = token is not None
        if token is not None and not running.knows(token):
            raise not_known()
        if not running.remembers(connection.missed):
            try:
                await self.look_up(running.state.call_id, connection)
            except (RedisError, StateError) as error:
                raise no_store(error) from error
        if not running.join(connection):
            await running.over.wait()
            connection.caller = True
            return False
        if (agreed := connection.identity.consent) is not None:
            running.consents(agreed)
        return True

    async def carry_on(
        self, call_id: str, connection: Connection, *, force: bool
    ) -> tuple[Lease, CallState | None, LiveTeam]:
        """To be called behind the call's :meth:`door`. By ``force`` the call is taken from
        whichever worker has it."""
        # Its team first: to bring a version up again may take longer than a lease runs.
        team = await self._teams.of(await self._expect(call_id, connection))
        self._check_region(team)
        check_consent(team, connection.identity)
        self._opening.append(team)
        try:
            lease = await self._claim(call_id, force=force)
            await self.look_up(call_id, connection)
            stored = await answered(partial(self._store.load, call_id), FOR_A_CALL)
            return lease, stored, team
        finally:
            self._opening.remove(team)

    async def _claim(self, call_id: str, *, force: bool = False) -> Lease:
        """The right to write the call. Without ``force``, a worker that has it and is alive keeps
        it; the lease of a dead one is not waited for."""
        open_it = partial(self._store.open, call_id, self._worker)
        try:
            return await answered(partial(open_it, force=force))
        except Held as held:
            if await self._claims.alive(call_id):
                message = (
                    f"The call is live at worker {held.owner}: connect there, follow it from here "
                    f"with GET /api/calls/{call_id}/events, or take it over with &resume=true."
                )
                raise CallRefused(message, "call_in_use") from held
            return await answered(partial(open_it, force=True))

    async def resumes(self, token: str) -> bool:
        """Whether it is a resume token of a call."""
        shown = ResumeToken.read(token)
        if shown is None:
            return False
        if running := self._calls.get(shown.call_id):
            return running.knows(shown)
        try:
            stored = await self._store.load(shown.call_id)
        except StateError:  # whoever wants to be let in by it, is not
            return False
        return stored is not None and shown.opens(stored)

    async def look_up(self, call_id: str, connection: Connection) -> None:
        """Find out what a client missed."""
        comeback = connection.missed.comeback
        tail = await answered(partial(self._events.tail, call_id), FOR_A_CALL)
        connection.missed = Missed(comeback, tail)

    async def _expect(self, call_id: str, connection: Connection) -> CallState:
        """There must be such a call, and nobody on it: a client that comes back may be quicker
        than the news that its old connection broke, so the newest connection wins."""
        token = connection.shown
        try:
            stored = await answered(partial(self._store.load, call_id), FOR_A_CALL)
        except ValueError as error:
            raise CallRefused(f"This is no call id: {error}.", "invalid_call_id") from error
        if token is not None and not (stored and token.opens(stored)):
            unknown = stored is None or not stored.resume_key
            if unknown and await self._claims.alive(call_id):
                raise no_store(StateError(f"call {call_id} is not on record yet"))
            raise not_known()
        if stored is None or not stored.team:
            raise CallRefused(f"There is no call {call_id!r} to carry on.", "call_not_found")
        check_caller(stored, connection.identity)
        if older := self._calls.get(call_id):
            older.hand_over("the call goes on at another connection", TAKEN_OVER)
            await older.over.wait()
        return stored


def called(connection: Connection, call_id: str | None) -> str:
    """The call that a resume token is for. Raises :class:`CallRefused`."""
    token = connection.shown
    if token is None or call_id not in (None, token.call_id):
        raise not_known()
    return token.call_id
