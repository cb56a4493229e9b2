"""Large and many: what a server has to bear (sections 1.3a and 3)."""

import base64

from frontdesk.conformance.reply import must
from frontdesk.conformance.session import Session, user
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Failed

area = Area("limits", "long ids, large frames, many items")

MIB = 1024 * 1024


@area.scenario("input_audio_buffer.append")
async def a_large_append_is_taken(bench: Bench) -> None:
    """An append holds up to 15 MiB (1.3a); here 4, which is 87 s of speech."""
    async with bench.session() as session:
        sound = base64.b64encode(bytes(4 * MIB)).decode()
        await session.send("input_audio_buffer.append", audio=sound)
        await session.settled()


@area.scenario("input_audio_buffer.append")
async def too_large_an_append_is_refused(bench: Bench) -> None:
    """More than 15 MiB in one append is an error, or ends the socket with code 1009 (1.3a)."""
    async with bench.connection() as session:
        await session.expect("session.created")
        await session.send("input_audio_buffer.append", audio="A" * (22 * MIB))
        event_or_end = await _error_or_end(session)
        must(event_or_end in ("error", "1009"), "an error, or close code 1009", event_or_end)


async def _error_or_end(session: Session) -> str:
    try:
        return (await session.until("error"))[-1]["type"]
    except Failed:
        return str(await session.closed(1))


@area.scenario()
async def a_long_event_id_comes_back_whole(bench: Bench) -> None:
    """event_id has up to 512 characters (section 1)."""
    long = "e" * 512
    async with bench.session() as session:
        await session.send("no.such.event", event_id=long)
        event = (await session.until("error"))[-1]
        must(event["error"].get("event_id") == long, "the event_id of 512 characters", event)


@area.scenario("conversation.item.create")
async def two_hundred_items_are_kept(bench: Bench) -> None:
    """A client that replays a long history has each item acknowledged, in order (3.4)."""
    async with bench.session() as session:
        for number in range(200):
            item = user(f"Number {number}.", id=f"item_{number}")
            await session.send("conversation.item.create", item=item)
        for number in range(200):
            event = await session.expect("conversation.item.done")
            must(event["item"]["id"] == f"item_{number}", f"item_{number}", event)


@area.scenario("response.metadata")
async def metadata_has_sixteen_pairs_at_most(bench: Bench) -> None:
    """Up to 16 pairs are echoed; more are refused by name (1.3a)."""
    pairs = {f"key_{number}": "v" for number in range(16)}
    async with bench.session(output_modalities=["text"]) as session:
        reply = await session.ask("Say exactly: Hi.", metadata=pairs)
        must(reply.done.get("metadata") == pairs, "all 16 pairs", reply.done_event)
        more = {"metadata": {**pairs, "one_more": "v"}}
        await session.refused("response.create", "response.metadata", response=more)
