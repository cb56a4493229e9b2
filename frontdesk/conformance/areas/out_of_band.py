"""Responses beside the conversation: section 2.9."""

from frontdesk.conformance.areas.text import LONG
from frontdesk.conformance.areas.turns import none
from frontdesk.conformance.reply import must
from frontdesk.conformance.session import user
from frontdesk.conformance.suite import Area, Bench

area = Area("out-of-band", "responses of conversation none, with their own input")


@area.scenario("response.conversation", "response.metadata")
async def it_leaves_no_trace_in_the_conversation(bench: Bench) -> None:
    """The usual response events, no conversation.item.*, conversation_id null (2.9)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.write("Hello.")
        given = {"topic": "classification"}
        reply = await session.ask(conversation="none", metadata=given)
        reply.must_be("completed")
        none(reply.events, "conversation.item.added", "conversation.item.done")
        for told, event in ((reply.created, reply.events[0]), (reply.done, reply.done_event)):
            must(told.get("conversation_id") is None, "conversation_id null", event)
            must(told.get("metadata") == given, f"metadata {given}", event)
        item_id = reply.item("message")["id"]
        await session.refused("conversation.item.retrieve", item_id=item_id)


@area.scenario("response.conversation")
async def it_runs_beside_the_main_one(bench: Bench) -> None:
    """An out-of-band response may run while another is active, told apart by metadata (2.9)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.write(LONG)
        await session.send("response.create", response={"metadata": {"which": "main"}})
        beside = {"conversation": "none", "metadata": {"which": "beside"}}
        await session.send("response.create", response=beside)
        ended: set[str] = set()
        while len(ended) < 2:
            response = (await session.expect("response.done"))["response"]
            ended.add(response["metadata"]["which"])
            must(response["status"] == "completed", "both completed", response)


@area.scenario("response.input")
async def it_reads_the_input_it_is_given(bench: Bench) -> None:
    """input takes new items and references to items of the conversation (1.3a)."""
    async with bench.session(output_modalities=["text"]) as session:
        item = await session.write("The code is 4711.")
        given = [{"type": "item_reference", "id": item["id"]}, user("Say exactly: Done.")]
        reply = await session.ask(conversation="none", input=given)
        reply.must_be("completed")
        none(reply.events, "conversation.item.added")


@area.scenario("response.input")
async def an_empty_input_is_an_empty_context(bench: Bench) -> None:
    """input [] is allowed: the response knows its instructions only (1.3a)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.write("Hello.")
        told = "Say exactly: Nothing was said."
        reply = await session.ask(conversation="none", input=[], instructions=told)
        reply.must_be("completed")


@area.scenario("response.cancel")
async def it_is_cancelled_by_its_id(bench: Bench) -> None:
    """response.cancel with response_id ends that response (1.3a)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.write(LONG)
        await session.send("response.create", response={"conversation": "none"})
        response_id = (await session.expect("response.created"))["response"]["id"]
        await session.send("response.cancel", response_id=response_id)
        events = await session.until("response.done", "error")
        done = next(event for event in events if event["type"] == "response.done")
        told = done["response"]
        must(told["id"] == response_id, f"response.done of {response_id}", done)
        must(told["status"] in ("cancelled", "completed"), "cancelled, unless it was over", done)
