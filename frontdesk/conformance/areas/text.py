"""Responses in text: section 2.3 and the response part of 1.3a."""

from typing import Any

from frontdesk.conformance.reply import must
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Skipped, inner

area = Area("text", "responses in text, their options and their end")

LONG = "Count from one to two hundred in words, with no other text."


@area.scenario("response.create", "session.output_modalities")
async def a_response_in_text_opens_and_closes_in_order(bench: Bench) -> None:
    """The events of section 2.3, in that order."""
    async with bench.session(output_modalities=["text"]) as session:
        reply = await session.ask("Say exactly: The desk is open.")
        reply.in_order(
            [
                "response.created",
                "response.output_item.added",
                "conversation.item.added",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "conversation.item.done",
                "response.output_item.done",
                "response.done",
            ]
        )
        reply.must_be("completed")
        heard = [e for e in reply.own if "audio" in e["type"]]
        must(not heard, "no audio in a text response", heard[0] if heard else None)


@area.scenario()
async def parts_and_content_have_their_own_names(bench: Bench) -> None:
    """The part is of type text, the content of the finished item output_text (1.3a)."""
    async with bench.session(output_modalities=["text"]) as session:
        reply = await session.ask("Say exactly: Yes.")
        for event in reply.of("response.content_part.added"):
            must(event["part"] == {"type": "text", "text": ""}, "part {text, ''}", event)
        content = reply.item("message")["content"]
        must(
            content[0].get("type") == "output_text", "content of type output_text", reply.done_event
        )
        must(
            content[0].get("text") == reply.joined("response.output_text.delta"),
            "the text of the deltas",
            reply.done_event,
        )


@area.scenario("response.conversation")
async def the_answer_is_part_of_the_conversation(bench: Bench) -> None:
    """conversation_id is told, and the item can be retrieved when it is done (2.3)."""
    async with bench.session(output_modalities=["text"]) as session:
        reply = await session.ask("Say exactly: Kept.")
        must(bool(reply.done.get("conversation_id")), "a conversation_id", reply.done_event)
        item = reply.item("message")
        await session.send("conversation.item.retrieve", item_id=item["id"])
        event = await session.expect("conversation.item.retrieved")
        must(event["item"]["content"] == item["content"], "the content of the answer", event)


@area.scenario("response.metadata")
async def metadata_comes_back_at_both_ends(bench: Bench) -> None:
    """metadata is echoed in response.created and response.done (1.3a; livekit needs it, 3.4)."""
    async with bench.session(output_modalities=["text"]) as session:
        given = {"client_event_id": "generate_1", "topic": "hours"}
        reply = await session.ask("Say exactly: Hi.", metadata=given, instructions=None)
        must(reply.created.get("metadata") == given, f"metadata {given}", reply.events[0])
        must(reply.done.get("metadata") == given, f"metadata {given}", reply.done_event)


@area.scenario("response.output_modalities")
async def one_response_may_be_in_text(bench: Bench) -> None:
    """output_modalities of response.create holds for that response alone (1.3a)."""
    async with bench.session() as session:
        reply = await session.ask("Say exactly: Hi.", output_modalities=["text"])
        must(reply.done.get("output_modalities") == ["text"], "['text']", reply.done_event)
        must(bool(reply.of("response.output_text.delta")), "output_text deltas", reply.done_event)
        spoken = await session.ask("Say exactly: Ho.")
        must(bool(spoken.audio), "audio in the next response", spoken.done_event)


@area.scenario("response.max_output_tokens")
async def a_response_ends_at_its_token_limit(bench: Bench) -> None:
    """status incomplete, reason max_output_tokens, at the limit of the request (1.3a)."""
    await _limited(bench, {}, {"max_output_tokens": 5})


@area.scenario("session.max_output_tokens")
async def a_session_may_limit_all_its_responses(bench: Bench) -> None:
    """max_output_tokens of the session is that of each response (1.3a)."""
    await _limited(bench, {"max_output_tokens": 5}, {})


async def _limited(bench: Bench, config: dict[str, Any], options: dict[str, Any]) -> None:
    async with bench.session(output_modalities=["text"], **config) as session:
        reply = await session.ask(LONG, **options)
        must(reply.created.get("max_output_tokens") == 5, "max_output_tokens 5", reply.events[0])
        usage = inner(reply.done, "usage")
        if reply.done.get("status") == "completed" and usage.get("output_tokens", 6) <= 5:
            raise Skipped("the model had no more to say")
        reply.must_be("incomplete", "max_output_tokens")


@area.scenario("response.cancel")
async def a_cancelled_response_is_closed(bench: Bench) -> None:
    """response.cancel: closers, then response.done cancelled, client_cancelled (2.7 b)."""
    async with bench.session(output_modalities=["text"]) as session:
        reply = await session.cancelled_reply(LONG)
        for event in reply.of("conversation.item.done"):
            must(event["item"]["status"] == "incomplete", "item.status incomplete", event)


@area.scenario("response.cancel")
async def a_new_response_follows_a_cancelled_one(bench: Bench) -> None:
    """After a cancel the session goes on (2.7)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.write(LONG)
        await session.send("response.create")
        created = await session.expect("response.created")
        await session.send("response.cancel", response_id=created["response"]["id"])
        await session.until("response.done", "error")
        (await session.ask("Say exactly: Again.")).must_be("completed")


@area.scenario()
async def a_second_response_at_once_is_refused(bench: Bench) -> None:
    """One active response a conversation: conversation_already_has_active_response (1.3a)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.write(LONG)
        await session.send("response.create")
        second = await session.send("response.create")
        events = await session.until("response.done", "error")
        error = events[-1].get("error")
        if error is None:
            raise Skipped("the response was complete before the second was asked for")
        must(error.get("event_id") == second, f"error.event_id {second}", events[-1])
        code = "conversation_already_has_active_response"
        must(error.get("code") == code, f"code {code}", events[-1])
        (await session.reply(events)).must_be("completed")


@area.scenario("session.instructions", "response.instructions")
async def instructions_of_one_response_are_taken(bench: Bench) -> None:
    """response.instructions holds for the response, and null is as good as nothing (1.3a)."""
    async with bench.session(output_modalities=["text"], instructions="Be brief.") as session:
        (await session.ask("Hi.", instructions="Answer in one word.")).must_be("completed")
        (await session.ask("Hi.", instructions=None)).must_be("completed")
