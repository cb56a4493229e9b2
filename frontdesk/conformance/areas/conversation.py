"""Items that the client adds, reads and takes away: sections 1.3a, 2.2 and 2.10 rule 14."""

from typing import Any

from frontdesk.conformance import audio
from frontdesk.conformance.reply import in_order, must
from frontdesk.conformance.session import user
from frontdesk.conformance.suite import Area, Bench

area = Area("conversation", "create, place, retrieve, delete")

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAE"
    "hQGAhKmMIQAAAABJRU5ErkJggg=="
)


@area.scenario("conversation.item.create")
async def an_item_is_added_and_done(bench: Bench) -> None:
    """conversation.item.create has added and done, status completed, the client's id kept (2.2)."""
    async with bench.session() as session:
        await session.send("conversation.item.create", item=user("Hello.", id="item_mine"))
        events = await session.until("conversation.item.done")
        in_order(events, ["conversation.item.added", "conversation.item.done"])
        for event in events[-2:]:
            item = event["item"]
            must(item.get("id") == "item_mine", "the client's id, item_mine", event)
            must(item.get("status") == "completed", "status completed", event)
            must(item.get("object") == "realtime.item", "object realtime.item", event)


@area.scenario()
async def an_item_without_id_is_given_one(bench: Bench) -> None:
    """Else the server makes an id (1.3a)."""
    async with bench.session() as session:
        one, two = await session.write("One."), await session.write("Two.")
        must(bool(one.get("id")) and one["id"] != two["id"], "an id of its own each", two)


@area.scenario("conversation.item.create")
async def items_of_every_kind_are_taken(bench: Bench) -> None:
    """Messages of all roles, a call and its output, each with its content (1.3a)."""
    given: list[dict[str, Any]] = [
        {
            "type": "message",
            "role": "system",
            "content": [{"type": "input_text", "text": "Be kind."}],
        },
        user("Hello."),
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "42"},
    ]
    async with bench.session() as session:
        for item in given:
            told = await session.add(item)
            for key, value in item.items():
                must(told.get(key) == value, f"item.{key} {value!r}", told)


@area.scenario("conversation.item.create")
async def audio_is_taken_beside_text(bench: Bench) -> None:
    """User messages carry input_audio beside input_text (1.3a)."""
    sound = "".join(audio.frames(audio.speech(), milliseconds=60_000))
    content: list[dict[str, Any]] = [
        {"type": "input_text", "text": "What do you make of these?"},
        {"type": "input_audio", "audio": sound, "transcript": "What are your opening hours?"},
    ]
    async with bench.session() as session:
        told = await session.add({"type": "message", "role": "user", "content": content})
        kinds = [part.get("type") for part in told.get("content", [])]
        must(kinds == [part["type"] for part in content], "both parts", told)


@area.scenario("conversation.item.create")
async def an_image_is_taken_or_refused_by_name(bench: Bench) -> None:
    """input_image is kept with its item; for a model that cannot see, an error names it (1.3a)."""
    content = [{"type": "input_image", "image_url": PIXEL}]
    item = {"type": "message", "role": "user", "content": content}
    async with bench.session() as session:
        await session.send("conversation.item.create", item=item)
        event = (await session.until("conversation.item.done", "error"))[-1]
        if event["type"] == "error":
            param = str(event["error"].get("param"))
            must(param.startswith("item.content[0]"), "param item.content[0]…", event)
        else:
            kind = event["item"]["content"][0].get("type")
            must(kind == "input_image", "content of type input_image", event)


@area.scenario("conversation.item.create")
async def items_are_placed_where_they_are_asked_to_be(bench: Bench) -> None:
    """previous_item_id: left out appends, root puts first, an id puts behind it (1.3a)."""
    async with bench.session() as session:
        await session.write("b", id="item_b")
        await session.add(user("a", id="item_a"), previous_item_id="root")
        await session.add(user("c", id="item_c"), previous_item_id="item_a")
        expected = {"item_b": None, "item_a": None, "item_c": "item_a"}
        for way, event in session.stream.frames:
            if way == "seen" and event["type"] == "conversation.item.added":
                place = expected[event["item"]["id"]]
                right = event.get("previous_item_id") == place
                must(right, f"previous_item_id {place}", event)


@area.scenario("conversation.item.retrieve")
async def an_item_is_read_again(bench: Bench) -> None:
    """conversation.item.retrieve gives the item as it is (2.10 rule 14)."""
    async with bench.session() as session:
        item = await session.write("Remember this.")
        await session.send("conversation.item.retrieve", item_id=item["id"])
        event = await session.expect("conversation.item.retrieved")
        must(event["item"].get("content") == item["content"], "the same content", event)


@area.scenario("conversation.item.retrieve")
async def an_item_is_read_while_it_is_written(bench: Bench) -> None:
    """Retrieval of an item in progress works (2.10 rule 14)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.write("Count from one to ten, in words.")
        await session.send("response.create")
        added = await session.expect("response.output_item.added")
        item_id = added["item"]["id"]
        await session.send("conversation.item.retrieve", item_id=item_id)
        event = await session.expect("conversation.item.retrieved")
        must(event["item"].get("id") == item_id, f"item {item_id}", event)


@area.scenario("conversation.item.delete")
async def a_deleted_item_is_gone(bench: Bench) -> None:
    """conversation.item.deleted, and then the id is unknown (1.3a)."""
    async with bench.session() as session:
        await session.write("Forget this.", id="item_gone")
        await session.send("conversation.item.delete", item_id="item_gone")
        event = await session.expect("conversation.item.deleted")
        must(event["item_id"] == "item_gone", "item_id item_gone", event)
        error = await session.refused("conversation.item.retrieve", item_id="item_gone")
        code = error.get("code")
        expected = "code item_retrieve_invalid_item_id"
        must(code == "item_retrieve_invalid_item_id", expected, str(code))


@area.scenario("conversation.item.delete")
async def the_chain_closes_over_a_deleted_item(bench: Bench) -> None:
    """An item added after a delete follows the one before it (2.10 rule 7)."""
    async with bench.session() as session:
        await session.write("one", id="item_one")
        await session.write("two", id="item_two")
        await session.send("conversation.item.delete", item_id="item_two")
        await session.expect("conversation.item.deleted")
        await session.send("conversation.item.create", item=user("three"))
        event = await session.expect("conversation.item.added")
        must(event.get("previous_item_id") == "item_one", "previous_item_id item_one", event)
