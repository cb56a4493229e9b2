"""What a worker does about callers across calls: find what is remembered, and remember.

A call that is to be remembered is put down as such when it begins, or when its caller agrees, and
summed up when it ends. One whose worker died before that is read from its log when its caller calls
again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from frontdesk.call.context import Limits
from frontdesk.call.conversation import Conversation
from frontdesk.call.history import message_text
from frontdesk.call.live_team import LiveTeam
from frontdesk.desk.memory import Memory
from frontdesk.state.callers import CallerStore, Consent, Known, Told, caller_of
from frontdesk.state.entries import CallState
from frontdesk.state.errors import StateError
from frontdesk.state.fold import dump, restore
from frontdesk.state.log import CallStore
from frontdesk.team.memory_tools import FORGET, RECALL
from frontdesk.team.summary import extract, script

logger = logging.getLogger(__name__)

EXTRACT = "extract"
ROOM = 128_000
"""Tokens; what is longer is cut by letters where it is given to a model."""
MOST_ITEMS = 400
"""Of a call that a model sums up: the newest."""
LONGEST = 4_000
"""Characters of an earlier call that an agent looks up: the last ones."""
STALE = 3600.0
"""Seconds after which a call whose log has no end is over all the same: its worker died."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a call begins with. ``consent`` is what the caller said of being remembered, None if
    they never did; ``notes`` are for the agents, of so many ``calls``."""

    consent: bool | None = None
    notes: str = ""
    calls: int = 0


def rules_of(team: LiveTeam) -> Memory | None:
    """What a team remembers of its callers, if anything."""
    memory = team.loaded.team.memory
    return None if memory is None or memory.consent == "never" else memory


class Shelf:
    """One for a worker. Every method raises ``RedisError`` when the store does not answer."""

    def __init__(self, callers: CallerStore, calls: CallStore) -> None:
        self._callers = callers
        self._calls = calls

    async def opened(
        self, state: CallState, user: str, team: LiveTeam, *, consent: bool | None, now: float
    ) -> Remembered:
        """A call of ``user`` begins, or goes on; ``consent`` is what whoever connects says."""
        caller, name, rules = caller_of(user), team.loaded.team.name, rules_of(team)
        days = rules.days if rules else 0
        known = await self._callers.opened(caller, state.call_id, now, days)
        if rules is None:
            return Remembered()
        agreed = known.consent(name)
        if consent is None:
            consent = agreed
        elif consent != agreed:
            said = Consent(consent, now, "connection", state.call_id)
            await self.say(user, name, said, rules)
        if not consent:
            return Remembered(consent)
        told = [one for one in known.told if one.team == name and one.call_id != state.call_id]
        if state.call_id not in {one.call_id for one in known.told}:
            await self.begin(user, state.call_id, name, rules, now)
        finished = [await self._read(caller, one, rules, now) for one in told[-rules.calls :]]
        return Remembered(consent, *notes(finished, rules.characters))

    async def begin(self, user: str, call_id: str, team: str, rules: Memory, at: float) -> None:
        """A call is to be remembered, whatever becomes of its worker."""
        await self._callers.tell(caller_of(user), Told(call_id, team, at), rules.days, at)

    async def say(self, user: str, team: str, said: Consent, rules: Memory) -> int:
        """What a caller said of being remembered counts from now on. A no has all forgotten; how
        many calls that were."""
        caller = caller_of(user)
        await self._callers.consent(caller, team, said, rules.days)
        return 0 if said.given else await self._callers.forget(caller, team)

    async def ended(self, state: CallState, team: LiveTeam, *, by_model: bool, now: float) -> None:
        """Sum up a call that is over, if its caller still wants it to be remembered."""
        rules, user, name = rules_of(team), state.user, team.loaded.team.name
        if rules is None or user is None or not state.consent:
            return
        caller = caller_of(user)
        text, by = _extract(state), EXTRACT
        if text and by_model and (made := await team.runner.noted(_items(state))):
            text, by = made, rules.summary or EXTRACT
        if not (await self._callers.known(caller)).consent(name):  # withdrawn meanwhile
            return
        told = Told(state.call_id, name, state.opened_at, text, by)
        if text:
            await self._callers.tell(caller, told, rules.days, now)
        else:
            await self._callers.drop(caller, told)

    async def recall(self, user: str, team: str, call_id: str, back: int) -> dict[str, Any]:
        """The ``back``-th last call before this one, for a model to read."""
        known = await self._callers.known(caller_of(user))
        earlier = [one for one in known.told if one.team == team and one.call_id != call_id]
        if back > len(earlier):
            return {"found": False, "earlier_calls": len(earlier)}
        told = earlier[-back]
        found: dict[str, Any] = {"found": True, "date": _day(told.at), "notes": told.text}
        if state := await self._load(told.call_id):
            found["conversation"] = script(_items(state))[-LONGEST:]
            words = (message_text(s.item) for s in state.items if s.item.get("role") == "user")
            found["said"] = [word for word in words if word]
        return found

    async def known(self, user: str) -> Known:
        """Everything that is remembered of somebody."""
        return await self._callers.known(caller_of(user))

    async def _read(self, caller: str, told: Told, rules: Memory, now: float) -> Told:
        """A call with its text, taken from its log if nobody summed it up."""
        if told.text is not None:
            return told
        state = await self._load(told.call_id)
        found = replace(told, text=_extract(state) if state else "", by=EXTRACT)
        if state is not None and (state.ended or told.at < now - STALE):
            await self._callers.tell(caller, found, rules.days, now)
        return found

    async def _load(self, call_id: str) -> CallState | None:
        try:
            return await self._calls.load(call_id)
        except StateError as error:
            logger.warning("an earlier call is not remembered: %s", error)
            return None


def notes(told: Sequence[Told], characters: int) -> tuple[str, int]:
    """What agents are told of earlier calls, oldest first, the newest that there is room for; and
    of how many calls that is."""
    found: list[str] = []
    left = characters
    for one in reversed(told):
        text = f"{_day(one.at)}: {one.text}"
        if not one.text or (found and len(text) > left):
            continue
        found.insert(0, text[:left])
        left -= len(text) + 1
        if left <= 0:
            break
    return "\n".join(found), len(found)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().date().isoformat()


def _items(state: CallState) -> list[Any]:
    """What was said and looked up in a call, but for what was looked up in its caller's others."""
    # Of a copy: a conversation goes with its state, and the call's own has one already.
    items = Conversation(restore(dump(state))).seen(Limits(ROOM), sees=False).items
    ours = {item["call_id"] for item in items if item.get("name") in (RECALL, FORGET)}
    return [item for item in items if item.get("call_id") not in ours][-MOST_ITEMS:]


def _extract(state: CallState) -> str:
    """What the caller said and got; nothing if they never said anything."""
    items = _items(state)
    return extract(items) if any(item.get("role") == "user" for item in items) else ""
