"""Short-lived keys that carry a session: ``POST /realtime/client_secrets`` (section 5.1)."""

import time
from typing import Any

from frontdesk.conformance.http import rest
from frontdesk.conformance.reply import must
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Failed, Skipped, inner

area = Area("keys", "client secrets")

PATH = "/realtime/client_secrets"


async def minted(bench: Bench, **body: Any) -> dict[str, Any]:
    async with rest(bench.target) as client:
        return (await client.request("POST", PATH, json=body)).json()


@area.scenario()
async def a_secret_is_made(bench: Bench) -> None:
    """value ek_…, expires_at in ten minutes, and the session it opens, whole (5.1)."""
    session = {"type": "realtime", "instructions": "Speak like a pirate."}
    told = await minted(bench, session=session)
    must(str(told.get("value")).startswith("ek_"), "a value ek_…", str(told)[:200])
    lasts = told["expires_at"] - time.time()
    must(480 < lasts < 720, "expires_at in 600 s", f"in {lasts:.0f} s")
    carried = told["session"]
    must(carried.get("instructions") == session["instructions"], "its instructions", str(carried))
    must(carried.get("type") == "realtime", "its type", str(carried)[:300])
    must(bool(inner(carried, "audio", "output")), "the full config", str(carried)[:300])


@area.scenario()
async def its_session_begins_as_configured(bench: Bench) -> None:
    """session.created carries the config; no session.updated is sent for it (2.1)."""
    given = {"type": "realtime", "instructions": "Be brief.", "output_modalities": ["text"]}
    secret = await minted(bench, session=given)
    async with bench.connection(key=secret["value"]) as session:
        event = await session.next("session.created")
        told = event["session"]
        for field, value in given.items():
            must(told.get(field) == value, f"session.{field} {value!r}", event)
        reply = await session.ask("Say exactly: Hi.")
        updated = [e for e in reply.events if e["type"] == "session.updated"]
        must(not updated, "no session.updated", updated[0] if updated else None)
        must(bool(reply.of("response.output_text.delta")), "an answer in text", reply.done_event)


@area.scenario()
async def a_transcription_session_may_be_carried(bench: Bench) -> None:
    """session of type transcription makes such a session (5.1)."""
    secret = await minted(bench, session={"type": "transcription"})
    async with bench.connection(key=secret["value"], intent="transcription") as session:
        told = (await session.next("session.created"))["session"]
        must(told.get("type") == "transcription", "session.type transcription", told)


@area.scenario()
async def its_life_is_chosen(bench: Bench) -> None:
    """expires_after.seconds, from 10 to 7200; else an error that says so (5.1)."""
    after = {"anchor": "created_at", "seconds": 60}
    told = await minted(bench, expires_after=after, session={"type": "realtime"})
    lasts = told["expires_at"] - time.time()
    must(30 < lasts < 90, "expires_at in 60 s", f"in {lasts:.0f} s")
    async with rest(bench.target) as client:
        for seconds in (1, 100_000):
            body = {"expires_after": {"anchor": "created_at", "seconds": seconds}}
            error = await client.refused("POST", PATH, json=body)
            named = "expires_after" in str(error.get("param"))
            must(named, "param expires_after…", str(error))


@area.scenario()
async def a_bad_session_is_refused_by_name(bench: Bench) -> None:
    """A session that session.update would refuse is refused here, with its param (5.1)."""
    await minted(bench, session={"type": "realtime"})
    body = {"session": {"type": "realtime", "output_modalities": ["smell"]}}
    async with rest(bench.target) as client:
        error = await client.refused("POST", PATH, json=body)
        must("output_modalities" in str(error.get("param")), "param …output_modalities", str(error))


@area.scenario()
async def a_made_up_secret_opens_nothing(bench: Bench) -> None:
    """An ek_ that was never given out is turned away (5.1)."""
    if bench.target.key is None:
        raise Skipped("no key was given, so the server asks for none")
    await minted(bench, session={"type": "realtime"})
    try:
        async with bench.connection(key="ek_0000000000000000000000000000") as session:
            event = await session.next("an error")
    except Failed as failed:
        refused = str(failed.seen).startswith(("HTTP 401", "HTTP 403"))
        must(refused, "HTTP 401", str(failed.seen))
    else:
        must(event["type"] == "error", "HTTP 401 or an error", event)
