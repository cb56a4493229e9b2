"""What is kept of a caller, for whoever has to answer for it: shown, handed out, erased."""

import asyncio
import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict

from frontdesk.api.errors import ApiError
from frontdesk.call.erasing import NotErased
from frontdesk.call.shelf import rules_of
from frontdesk.call.worker import Worker
from frontdesk.state.callers import Consent, caller_of, problem_of
from frontdesk.state.entries import CallState
from frontdesk.state.erasures import Erasure
from frontdesk.state.errors import StateError
from frontdesk.tracing import otlp
from frontdesk.tracing.stores import StoreError

EXPORTED = (
    "Spans were sent by OTLP to OTEL_EXPORTER_OTLP_ENDPOINT: what is kept there has to be erased "
    "there."
)
NOT_OURS = (
    "Your Redis was asked to write its append-only file anew (BGREWRITEAOF); its snapshots and "
    "backups may still have it."
)


class Wish(BaseModel):
    """Whether a caller wants a team to remember them."""

    model_config = ConfigDict(extra="forbid")

    given: bool
    team: str | None = None


def router(worker: Worker) -> APIRouter:
    """``GET`` and ``DELETE /api/callers/{id}``, ``GET …/export``, ``PUT …/consent``."""
    routes = APIRouter()
    report = _Report(worker)

    @routes.get("/api/callers/{user}")
    async def held(user: str) -> dict[str, Any]:
        """What is kept of a caller: calls, what is remembered of them, what they said of that, and
        how far their erasure is. Traces are those of this worker's data folder."""
        return await report.held(_checked(user))

    @routes.get("/api/callers/{user}/export")
    async def export(user: str) -> dict[str, Any]:
        """All of it, with the conversations and the traces; sound by its address."""
        held = await report.held(_checked(user))
        held["calls"] = [await report.whole(call) for call in held["calls"]]
        return held

    @routes.delete("/api/callers/{user}")
    async def erase(user: str, response: Response) -> dict[str, Any]:
        """Erase all that is kept of a caller. Calls of theirs that run are ended. 202 while data
        folders of other workers have not done it: they do within seconds, or when they start."""
        caller, problem = caller_of(_checked(user)), None
        try:
            erasure = await worker.erasing.erase(caller)
        except NotErased as error:
            problem, erasure = str(error), await worker.erasing.erasures.of(caller)
        told = await report.erasure(erasure)
        if told is None or not told["complete"]:
            response.status_code = 202
        answer = {"id": user, "erasure": told, "notes": report.notes()}
        return answer if problem is None else {**answer, "problem": problem}

    @routes.put("/api/callers/{user}/consent")
    async def consent(user: str, wish: Wish) -> dict[str, Any]:
        """Put on record whether they want to be remembered. A no has what is remembered
        forgotten."""
        team = worker.teams.get(wish.team) if wish.team else worker.team(None)
        if team is None:
            raise ApiError(404, "not_found", f"There is no team {wish.team!r}.", "team")
        name, rules = team.loaded.team.name, rules_of(team)
        if rules is None:
            raise ApiError(409, "invalid_value", f"The team {name!r} remembers nobody.", "team")
        said = Consent(wish.given, time.time(), "api")
        forgotten = await worker.shelf.say(_checked(user), name, said, rules)
        return {"id": user, "team": name, "given": wish.given, "forgotten_calls": forgotten}

    return routes


class _Report:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def held(self, user: str) -> dict[str, Any]:
        """Raises ``HTTPException`` when it cannot be known."""
        caller, worker = caller_of(user), self._worker
        known = await worker.callers.known(caller)
        try:
            traced = await asyncio.to_thread(worker.tracing.store.calls_of, caller)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        calls: dict[str, dict[str, Any]] = {call["call_id"]: call for call in traced}
        calls |= {call_id: {"call_id": call_id} | calls.get(call_id, {}) for call_id in known.calls}
        return {
            "id": user,
            "caller": caller,
            "calls": [
                {"opened": None, "turns": 0, "pieces": 0, "live": call_id in worker.calls} | call
                for call_id, call in calls.items()
            ],
            "remembered": [asdict(told) for told in known.told],
            "consent": {team: asdict(said) for team, said in (known.consents or {}).items()},
            "folder": worker.erasing.folder,
            "erasure": await self.erasure(await worker.erasing.erasures.of(caller)),
        }

    async def whole(self, call: dict[str, Any]) -> dict[str, Any]:
        """A call with everything in it."""
        worker, call_id = self._worker, call["call_id"]
        try:
            state = await worker.store.load(call_id)
            found = await asyncio.to_thread(worker.tracing.store.call, call_id)
            turns = (
                [
                    await asyncio.to_thread(worker.tracing.store.trace, turn["trace_id"])
                    for turn in [*found["turns"], *found["delegations"]]
                ]
                if found
                else []
            )
        except (StateError, StoreError) as error:
            raise HTTPException(503, f"Call {call_id} cannot be read now: {error}") from error
        sound = f"/api/calls/{call_id}/audio" if found and found["audio"] else None
        kept = state if state and state.team else None
        return {**call, "log": kept and _log(kept), "trace": found, "turns": turns, "sound": sound}

    async def erasure(self, erasure: Erasure | None) -> dict[str, Any] | None:
        """How far an erasure is; None when none was asked for."""
        if erasure is None:
            return None
        pending = await self._worker.erasing.pending(erasure)
        return {
            "asked_at": erasure.asked_at / 1e6,
            "complete": erasure.store and not pending,
            "calls": len(erasure.calls),
            "store": "erased" if erasure.store else "pending",
            "folders": sorted(erasure.done),
            "pending": [{"folder": name, **told} for name, told in sorted(pending.items())],
        }

    def notes(self) -> list[str]:
        """What is out of our reach."""
        notes = [EXPORTED] if otlp.configured("TRACES") else []
        return notes + ([NOT_OURS] if self._worker.settings.redis_url else [])


def _log(state: CallState) -> dict[str, Any]:
    names = ("team", "agent", "opened_at", "ended", "user", "consent", "memory", "session")
    told = {name: getattr(state, name) for name in names}
    items = [
        {"item": stored.item, "hidden": stored.hidden, "heard": stored.heard}
        for stored in state.items
    ]
    more = {"questions": state.questions, "delegations": [*state.delegations.values()]}
    return {**told, "items": items, "audio": state.audio, **more}


def _checked(user: str) -> str:
    if problem := problem_of(user):
        raise ApiError(400, "invalid_value", f"Invalid value for 'id': {problem}", "id")
    return user
