"""What a response says it used, however it ends."""

import base64

import numpy as np
import pytest
from agents.testing import ModelStep, assistant_message, function_call
from openai.types.responses.response_usage import (
    InputTokensDetails,
    OutputTokensDetails,
)

from agents import Usage
from frontdesk.call.session import sees_images


def counted(*items, input_tokens=100, cached=40, output_tokens=7):
    """A model step that says what it cost."""
    usage = Usage(
        requests=1,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=input_tokens + output_tokens,
        input_tokens_details=InputTokensDetails(cached_tokens=cached, cache_write_tokens=0),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
    )
    return ModelStep(output=items, usage=usage)


def audio_tokens(usage):
    return (
        usage["input_token_details"]["audio_tokens"],
        usage["output_token_details"]["audio_tokens"],
    )


async def test_text_is_counted_by_the_model_and_audio_by_its_length(house, phone):
    house.script(counted(assistant_message("Good day.")))
    await phone.say("hello there")
    await phone.until("response.done")
    usage = phone.done[0]["usage"]
    [spoken] = phone.call.state.audio
    assert audio_tokens(usage) == (-(-int(spoken["seconds"] * 1000) // 100), 9)  # 450 ms said
    assert usage["input_token_details"]["text_tokens"] == 100
    assert usage["input_token_details"]["cached_tokens"] == 40
    assert usage["output_token_details"]["text_tokens"] == 7
    assert usage["input_tokens"] == 100 + audio_tokens(usage)[0]
    assert usage["total_tokens"] == usage["input_tokens"] + 16


async def test_speech_is_counted_in_the_first_answer_to_it_only(house, phone):
    house.script(counted(assistant_message("Good day.")), counted(assistant_message("Yes.")))
    await phone.say("hello there")
    await phone.until("response.done")
    await phone.clock.advance(9)
    await phone.ask("and now?")
    assert audio_tokens(phone.done[0]["usage"])[0] > 0
    assert audio_tokens(phone.done[1]["usage"])[0] == 0


async def test_a_cancelled_response_tells_what_it_had_used(house, phone):
    house.script(counted(assistant_message("Good day to you, dear caller.")))
    house.stage.speech_may_come.clear()
    await phone.write("hello")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    await phone.settled()
    await phone.send("response.cancel")
    await phone.until("response.done")
    usage = phone.done[0]["usage"]
    assert phone.done[0]["status"] == "cancelled"
    assert (usage["input_tokens"], usage["output_tokens"]) == (100, 7)


async def test_the_steps_before_a_cancelled_one_are_counted(house, phone):
    house.stage.tool_may_end.clear()
    house.script(counted(function_call("look_up", {"what": "x"}, call_id="c1")))
    await phone.write("hello")
    await phone.send("response.create", response={"output_modalities": ["text"]})
    await house.stage.tool_started.wait()
    await phone.settled()
    await phone.send("response.cancel")
    await phone.until("response.done")
    house.stage.tool_may_end.set()
    assert phone.done[0]["usage"]["total_tokens"] == 107


async def test_all_steps_of_a_response_are_counted_beside_the_conversation_too(house, phone):
    house.script(
        counted(function_call("look_up", {"what": "x"}, call_id="c1")),
        counted(assistant_message("Found.")),
    )
    await phone.write("hello")
    await phone.respond(conversation="none", output_modalities=["text"])
    usage = phone.done[0]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (200, 14)
    assert usage["input_token_details"]["cached_tokens"] == 80


async def test_images_are_a_part_of_what_the_model_read(build_house):
    house = await build_house(models={"main": {"vision": True}})
    phone = await house.place(sees_images=sees_images(house.live_team))
    data = base64.b64encode(b"\x89PNG").decode()
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{data}", "detail": "low"}
    item = {"type": "message", "role": "user", "content": [image]}
    await phone.send("conversation.item.create", item=item)
    house.script(counted(assistant_message("A lamp.")))
    await phone.respond()
    details = phone.done[0]["usage"]["input_token_details"]
    assert (details["image_tokens"], details["text_tokens"]) == (85, 15)
    assert phone.done[0]["usage"]["input_tokens"] == 100


# Sound in items that the client makes


def speech(milliseconds: int) -> str:
    wave = 0.3 * np.sin(np.arange(24 * milliseconds) / 17) * 32767
    return base64.b64encode(wave.astype("<i2").tobytes()).decode()


def spoken(milliseconds: int, **fields) -> dict:
    part = {"type": "input_audio", "audio": speech(milliseconds), **fields}
    return {"type": "message", "role": "user", "content": [part]}


async def test_sound_in_an_item_is_understood_and_counted(house, phone):
    house.stt.lines.append("where is my lamp")
    house.script(counted(assistant_message("Here.")))
    await phone.send("conversation.item.create", item=spoken(730))
    await phone.respond()
    assert house.history() == [{"role": "user", "content": "where is my lamp"}]
    assert audio_tokens(phone.done[0]["usage"])[0] == 8
    assert await phone.talk() == [("user", "where is my lamp"), ("assistant", "Here.")]
    assert "audio" not in str((await phone.stored()).items[0].item["content"][0].get("audio", ""))


async def test_sound_that_comes_with_its_words_is_not_transcribed_again(house, phone):
    house.script(counted(assistant_message("Here.")))
    await phone.send("conversation.item.create", item=spoken(500, transcript="so I said"))
    await phone.respond()
    assert house.history() == [{"role": "user", "content": "so I said"}]


async def test_sound_given_with_a_response_is_understood(house, phone):
    house.stt.lines.append("which lamp is it")
    house.script(counted(assistant_message("The red one.")))
    await phone.respond(conversation="none", input=[spoken(500)], output_modalities=["text"])
    assert house.history() == [{"role": "user", "content": "which lamp is it"}]
    assert audio_tokens(phone.done[0]["usage"])[0] == 5
    assert await phone.talk() == []


@pytest.mark.parametrize("kind", ["conversation.item.create", "response.create"])
async def test_sound_that_cannot_be_understood_is_answered_all_the_same(house, phone, kind):
    house.stt.lines.append(ValueError("a defect"))
    house.defects_expected = True
    house.script(counted(assistant_message("Pardon?")))
    if kind == "response.create":
        await phone.respond(input=[spoken(500)])
    else:
        await phone.send(kind, item=spoken(500))
        await phone.respond()
    assert phone.done[0]["status"] == "completed"


async def test_sound_longer_than_a_turn_is_understood_in_pieces(house, phone):
    house.stt.lines.extend(["first two minutes", "and the rest"])
    house.script(counted(assistant_message("Yes.")))
    await phone.configure(audio={"input": {"format": {"type": "audio/pcmu"}}})
    sound = base64.b64encode(b"\x80" * 8 * 130_000).decode()
    part = {"type": "input_audio", "audio": sound}
    item = {"type": "message", "role": "user", "content": [part]}
    await phone.send("conversation.item.create", item=item)
    await phone.respond()
    assert house.history() == [{"role": "user", "content": "first two minutes and the rest"}]
    assert audio_tokens(phone.done[0]["usage"])[0] == 1300
