"""What fails in a turn is that turn's trouble: it is said aloud where that can be, and the call
goes on."""

import asyncio
import contextlib

from agents.testing import ModelStep, assistant_message, function_call
from openai.types.responses import ResponseTextDeltaEvent

from frontdesk.voice.base import SpeechError

SORRY = "Sorry, something went wrong on my side. Could you say that again?"
SLOW = "I'm still on it, thank you for waiting."
UNHEARD = "Sorry, I didn't catch that."


def words(response):
    return "".join(part["transcript"] for item in response["output"] for part in item["content"])


async def goes_on(house, phone):
    """The call is as good as new."""
    house.script([assistant_message("Yes.")])
    await phone.clock.advance(60)
    await phone.ask("still there?")
    assert words(phone.done[-1]) == "Yes."


async def test_a_model_that_fails_at_once_is_apologised_for(house, phone):
    house.script(RuntimeError("no GPU left"))
    await phone.ask("hello")
    assert words(phone.done[0]) == SORRY
    await goes_on(house, phone)
    assert (await phone.traces())[0]["end_reason"] == "failed"


async def test_a_model_that_fails_amid_its_words_is_apologised_for(house, phone):
    async def breaks_off(call):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta="I think. ",
            **{"item_id": "m", "output_index": 0, "content_index": 0},
            **{"logprobs": [], "sequence_number": 0},
        )
        raise RuntimeError("the connection broke")

    house.script(ModelStep.stream(breaks_off))
    await phone.ask("hello")
    assert words(phone.done[0]) == f"I think. {SORRY}"
    await goes_on(house, phone)


async def test_a_model_that_says_nothing_is_apologised_for(house, phone):
    house.script([])
    await phone.ask("hello")
    assert words(phone.done[0]) == SORRY
    assert (await phone.traces())[0]["errors"] >= 0
    await goes_on(house, phone)


async def test_a_waiting_line_is_not_an_answer(house, phone):
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "it"}, call_id="c1")], [])
    await phone.write("what is it")
    await phone.send("response.create")
    await house.stage.tool_started.wait()
    await phone.clock.asleep()
    await phone.clock.advance(1)
    await phone.until("response.output_audio.delta")
    house.stage.tool_may_end.set()
    await phone.until("response.done")
    assert words(phone.done[0]) == f"Let me see. {SORRY}"


async def test_speech_without_words_is_asked_for_again(house, phone):
    await phone.say("")
    await phone.until("response.done")
    assert words(phone.done[0]) == UNHEARD
    assert house.model.calls == ()
    await goes_on(house, phone)


async def test_a_question_stands_when_noise_cuts_its_answer_before_it_was_heard(house, phone):
    house.script([assistant_message("On Monday.")], [assistant_message("On Monday.")])
    await phone.say("when does it come")
    await phone.until("response.done")
    await phone.say("")
    await phone.until("response.done")
    assert words(phone.done[-1]) == "On Monday."
    assert house.history() == [{"role": "user", "content": "when does it come"}]


async def test_a_transcriber_that_fails_is_told_and_asked_for_again(house, phone):
    await phone.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    item = await phone.say(SpeechError("no quota left"))
    failed = (await phone.until("conversation.item.input_audio_transcription.failed"))[-1]
    assert failed["item_id"] == item
    await phone.until("response.done")
    assert words(phone.done[0]) == UNHEARD
    spans = {span["stage"]: span for span in await phone.spans()}
    assert "no quota left" in str(spans["speech_to_text"]["error"])
    await goes_on(house, phone)


async def test_a_transcriber_with_a_defect_does_not_leave_the_caller_waiting(house, phone):
    house.defects_expected = True
    await phone.say(ZeroDivisionError("their bug"))
    await phone.until("response.done")
    assert words(phone.done[0]) == UNHEARD
    await goes_on(house, phone)


async def test_a_transcriber_that_never_answers_is_given_up(house, phone):
    house.stage.words_may_come.clear()
    await phone.say("hello")
    await phone.until("response.created")
    await phone.clock.advance(60)
    await phone.until("response.done")
    house.stage.words_may_come.set()
    assert words(phone.done[0]) == f"{SLOW} {UNHEARD}"
    await goes_on(house, phone)


async def test_a_voice_that_fails_before_the_first_word_is_apologised_for(house, phone):
    house.tts.fails_at = {"Hello."}
    house.script([assistant_message("Hello.")])
    await phone.ask("hello")
    assert words(phone.done[0]) == SORRY
    assert phone.done[0]["status"] == "completed"
    [turn] = await phone.traces()
    assert turn["end_reason"] is None or turn["end_reason"] == "failed"
    await goes_on(house, phone)


async def test_a_voice_that_fails_mid_way_is_apologised_for(house, phone):
    house.tts.fails_at = {"And here is the second one of them."}
    house.script(
        [assistant_message("This is the first sentence. And here is the second one of them.")]
    )
    await phone.ask("hello")
    assert words(phone.done[0]) == f"This is the first sentence. {SORRY}"
    await goes_on(house, phone)


async def test_a_voice_that_is_gone_fails_the_response_and_not_the_call(house, phone):
    house.tts.fails_at = {"Hello.", "Sorry, something went wrong on my side."}
    house.script([assistant_message("Hello.")])
    await phone.ask("hello")
    assert phone.done[0]["status"] == "failed"
    assert phone.done[0]["status_details"]["error"]["code"] == "speech_error"
    await goes_on(house, phone)


async def test_a_voice_that_fails_stops_the_model_at_once(house, phone):
    thinking = asyncio.Event()

    async def never(call):
        thinking.set()
        await asyncio.Event().wait()

    house.tts.fails_at = {"One moment."}
    house.script(
        [assistant_message("One moment."), function_call("look_up", {"what": "it"}, call_id="c1")],
        ModelStep.respond(never),
    )
    await phone.ask("hello")
    assert words(phone.done[0]) == SORRY


async def test_a_voice_with_a_defect_is_like_one_that_fails(house, phone):
    house.defects_expected = True
    house.tts.fails_at, house.tts.error = {"Hello."}, ZeroDivisionError("their bug")
    house.script([assistant_message("Hello.")])
    await phone.ask("hello")
    assert words(phone.done[0]) == SORRY
    await goes_on(house, phone)


async def test_half_a_character_from_a_model_does_not_break_the_wire(house, phone):
    house.script([assistant_message("Well \ud83d done.")])
    await phone.ask("hello")
    assert words(phone.done[0]) == "Well ? done."
    await goes_on(house, phone)


async def test_a_mistake_of_the_client_gets_an_error_and_nothing_else(phone):
    await phone.offer("no JSON at all")
    error = (await phone.until("error"))[-1]["error"]
    assert error["code"] == "invalid_event"
    await phone.offer(b"\xff\xfe")
    assert (await phone.until("error"))[-1]["error"]["code"] == "invalid_event"


async def test_a_defect_in_one_command_does_not_swallow_the_frames_behind_it(
    house, phone, monkeypatch
):
    house.defects_expected = True
    record = phone.call._parts.book.record

    def broken(kind, **fields):
        if kind == "item.added":
            raise ZeroDivisionError("our bug")
        record(kind, **fields)

    monkeypatch.setattr(phone.call._parts.book, "record", broken)
    await phone.write("hello")
    assert phone.of("error")[0]["error"]["type"] == "server_error"
    assert phone.types[-1] == "conversation.item.done"
    monkeypatch.undo()
    await goes_on(house, phone)


async def test_a_response_that_cannot_begin_is_failed(house, phone, monkeypatch):
    house.defects_expected = True

    def broken(**options):
        raise ZeroDivisionError("our bug")

    monkeypatch.setattr(house.tracing, "turn", broken)
    await phone.write("hello")
    await phone.send("response.create")
    await phone.until("response.done")
    assert phone.done[0]["status"] == "failed"
    monkeypatch.undo()
    await goes_on(house, phone)


async def test_an_entry_that_cannot_be_written_is_not_part_of_the_state_either(house, phone):
    book = phone.call._parts.book
    before = book.state.seq
    with contextlib.suppress(ValueError):
        book.record("agent.changed", agent=object(), previous="x")
    assert book.state.seq == before
    assert book.state.agent == "frontdesk"


async def test_a_line_that_was_said_often_is_said_though_the_voice_is_gone(house, phone):
    for _ in range(2):
        await phone.say("")
        await phone.until("response.done")
        await phone.clock.advance(60)
    house.tts.fails_at = {UNHEARD}
    await phone.say("")
    await phone.until("response.done")
    assert words(phone.done[-1]) == UNHEARD
    assert [text for text, _ in house.tts.said].count(UNHEARD) == 2
