"""From the caller's audio to items: turns, push-to-talk, silence, and what comes in between."""

import asyncio

import numpy as np
from agents.testing import assistant_message

UNHEARD = "Sorry, I didn't catch that."


def words(response):
    return "".join(part["transcript"] for item in response["output"] for part in item["content"])


async def push_to_talk(phone):
    await phone.configure(audio={"input": {"turn_detection": None}})


async def test_push_to_talk_is_answered_when_asked_and_not_before(house, phone):
    await push_to_talk(phone)
    await phone.begin_to_speak("hello there")
    await phone.fall_silent()
    await phone.send("input_audio_buffer.commit")
    await phone.until("conversation.item.done")
    await phone.settled()
    assert "response.created" not in phone.types
    house.script([assistant_message("Good day.")])
    await phone.respond()
    assert house.history() == [{"role": "user", "content": "hello there"}]


async def test_two_commits_before_one_response_are_both_in_its_history_and_trace(house, phone):
    await push_to_talk(phone)
    for line in ("first", "second"):
        await phone.begin_to_speak(line)
        await phone.send("input_audio_buffer.commit")
        await phone.until("conversation.item.done")
    house.script([assistant_message("Good day.")])
    await phone.respond()
    assert [item["content"] for item in house.history()] == ["first", "second"]
    await phone.clock.advance(60)
    [turn] = await phone.traces()
    assert turn["caller"] == "first second"
    stages = [span["stage"] for span in await phone.spans()]
    assert stages.count("user_speech") == 2


async def test_a_response_waits_for_words_still_to_come(house, phone):
    await push_to_talk(phone)
    house.stage.words_may_come.clear()
    await phone.begin_to_speak("hello there")
    await phone.send("input_audio_buffer.commit")
    await phone.send("response.create")
    await phone.until("response.created")
    await house.stage.words_wanted.wait()
    assert house.model.calls == ()
    house.script([assistant_message("Good day.")])
    house.stage.words_may_come.set()
    await phone.until("response.done")
    assert house.history() == [{"role": "user", "content": "hello there"}]


async def test_a_response_on_given_input_does_not_wait_for_words(house, phone):
    await push_to_talk(phone)
    house.stage.words_may_come.clear()
    await phone.begin_to_speak("hello there")
    await phone.send("input_audio_buffer.commit")
    content = [{"type": "input_text", "text": "Say yes."}]
    given = {"type": "message", "role": "user", "content": content}
    house.script([assistant_message("Yes.")])
    done = await phone.respond(conversation="none", input=[given], output_modalities=["text"])
    assert done[-1]["response"]["output"][0]["content"][0]["text"] == "Yes."
    assert house.history() == [{"role": "user", "content": "Say yes."}]
    house.stage.words_may_come.set()


async def test_input_that_refers_to_speech_has_the_words_that_came_meanwhile(house, phone):
    await push_to_talk(phone)
    house.stage.words_may_come.clear()
    await phone.begin_to_speak("hello there")
    await phone.send("input_audio_buffer.commit")
    item = (await phone.until("conversation.item.done"))[-1]["item"]["id"]
    house.script([assistant_message("Yes.")])
    reference = {"type": "item_reference", "id": item}
    await phone.send("response.create", response={"conversation": "none", "input": [reference]})
    await phone.until("response.created")
    house.stage.words_may_come.set()
    await phone.until("response.done")
    assert house.history() == [{"role": "user", "content": "hello there"}]


async def test_a_commit_right_behind_the_end_of_a_turn_does_not_take_it_apart(house, phone):
    detection = {"type": "server_vad", "create_response": False}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    house.stt.lines.extend(["hello there", ""])
    silence = np.zeros(24_000, np.float32)
    from_tone = (0.3 * np.sin(np.arange(12_000) * 2 * np.pi * 220 / 24_000)).astype(np.float32)
    # All three frames wait in the inbox together: the turn ends in the first one.
    async with asyncio.TaskGroup() as frames:
        frames.create_task(phone.append(np.concatenate([from_tone, silence])))
        frames.create_task(phone.send("input_audio_buffer.commit"))
        frames.create_task(phone.append(silence))
    await phone.settled()
    committed = [frame["item_id"] for frame in phone.of("input_audio_buffer.committed")]
    assert committed
    await phone.settled()
    heard = (await phone.talk())[0]
    assert heard == ("user", "hello there")


async def test_an_early_commit_takes_what_was_said_so_far(house, phone):
    detection = {"type": "server_vad", "create_response": False}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    await phone.begin_to_speak("hello", milliseconds=800)
    await phone.until("input_audio_buffer.speech_started")
    await phone.send("input_audio_buffer.commit")
    await phone.until("conversation.item.done")
    await phone.fall_silent(2000)
    await phone.settled()
    assert await phone.talk() == [("user", "hello")]


async def test_a_clear_in_speech_leaves_nothing(house, phone):
    await phone.begin_to_speak("hello", milliseconds=800)
    await phone.until("input_audio_buffer.speech_started")
    await phone.send("input_audio_buffer.clear")
    await phone.until("input_audio_buffer.cleared")
    await phone.fall_silent(2000)
    await phone.settled()
    assert await phone.talk() == []
    assert "response.created" not in phone.types


async def test_turning_detection_off_in_speech_keeps_the_audio_for_a_commit(house, phone):
    await phone.begin_to_speak("hello", milliseconds=800)
    await phone.until("input_audio_buffer.speech_started")
    await push_to_talk(phone)
    await phone.send("input_audio_buffer.commit")
    await phone.until("conversation.item.done")
    await phone.settled()
    assert await phone.talk() == [("user", "hello")]


async def test_without_detection_speech_cuts_nothing_short(house, phone):
    await push_to_talk(phone)
    house.script([assistant_message("A long answer, for sure.")])
    await phone.ask("go on")
    await phone.clock.advance(0.5)
    await phone.begin_to_speak("hm")
    await phone.settled()
    await phone.clock.advance(60)
    assert (await phone.talk())[1] == ("assistant", "A long answer, for sure.")


async def test_transcripts_are_told_when_they_were_asked_for(house, phone):
    await phone.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    house.script([assistant_message("Good day.")])
    item = await phone.say("hello there")
    told = await phone.until("conversation.item.input_audio_transcription.completed")
    assert (told[-1]["item_id"], told[-1]["transcript"]) == (item, "hello there")


async def test_the_language_and_prompt_of_the_session_reach_the_transcriber(house, phone):
    wanted = {"model": "whisper-1", "language": "ko", "prompt": "order numbers"}
    await phone.configure(audio={"input": {"transcription": wanted}})
    house.script([assistant_message("네.")])
    await phone.say("안녕하세요")
    assert house.stt.asked == [("ko", "order numbers")]
    await phone.until("response.done")
    house.script([assistant_message("Yes.")])
    await phone.configure(audio={"input": {"transcription": None}})
    await phone.say("hello")
    assert house.stt.asked[-1] == (None, None)
    await phone.until("response.done")


async def test_the_language_of_the_session_decides_how_figures_are_read(house, phone):
    house.script([assistant_message("Number 48271.")], [assistant_message("Number 48271.")])
    await phone.ask("which?")
    assert house.tts.said[-1][0] == "Number four eight two seven one."
    wanted = {"model": "whisper-1", "language": "de"}
    await phone.configure(audio={"input": {"transcription": wanted}})
    await phone.ask("which?")
    assert house.tts.said[-1][0] == "Number 48271."


async def test_silence_after_an_answer_is_asked_about_without_a_transcript(house, phone):
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    await phone.fall_silent(5500)
    await phone.settled()
    await phone.clock.advance(4)
    await phone.settled()
    assert "input_audio_buffer.timeout_triggered" not in phone.types
    await phone.clock.advance(2)
    await phone.until("input_audio_buffer.timeout_triggered")
    await phone.until("response.done")
    assert words(phone.done[-1]) == "Are you still there?"
    assert house.stt.asked == []
    await phone.clock.advance(7)
    await phone.until("input_audio_buffer.timeout_triggered")
    await phone.until("response.done")


async def test_a_timer_that_rings_early_rings_again(house, phone):
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    await phone.configure(audio={"input": {"turn_detection": detection}})
    house.script([assistant_message("Good day.")])
    await phone.ask("hello")
    ringing = phone.clock._due
    deadline = phone.call._parts.protocol.deadline
    at = max(range(len(ringing)), key=lambda i: ringing[i][0])
    ringing[at] = (deadline - 0.001, *ringing[at][1:])
    ringing.sort()
    await phone.clock.advance(10)
    await phone.until("input_audio_buffer.timeout_triggered")
    await phone.until("response.done")


async def test_turn_detection_that_no_listener_can_do_is_refused_by_name(phone):
    for field, value in (("silence_duration_ms", 20), ("prefix_padding_ms", 50_000)):
        detection = {"type": "server_vad", field: value}
        session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
        await phone.send("session.update", session=session)
        error = (await phone.until("error"))[-1]["error"]
        assert error["param"] == f"session.audio.input.turn_detection.{field}"
    assert (await phone.stored()).session == {}


async def test_a_session_that_expires_ends_its_response_and_the_call(house):
    phone = await house.place(expires_at=None)
    await phone.hang_up()
    phone = await house.place(expires_at=int(phone.clock.now()) + 3)
    house.stage.speech_may_come.clear()
    house.script([assistant_message("Good day.")])
    await phone.write("hello")
    await phone.send("response.create")
    await house.stage.speech_wanted.wait()
    await phone.clock.advance(3.5)
    await asyncio.wait_for(phone.running, 30)
    assert phone.done[0]["status"] == "cancelled"
    assert phone.of("error")[-1]["error"]["code"] == "session_expired"
    assert phone.closed == (1001, "session expired")


async def test_what_was_said_just_before_hanging_up_reaches_the_log(house, phone):
    house.stage.words_may_come.clear()
    await phone.say("cancel my order")
    await house.stage.words_wanted.wait()
    phone.call.end("the client left")
    phone.unanswered = {frame["response"]["id"] for frame in phone.of("response.created")}
    asyncio.get_running_loop().call_soon(house.stage.words_may_come.set)
    await asyncio.wait_for(phone.running, 30)
    state = await house.store.load(phone.call.state.call_id)
    assert state.items[0].item["content"][0]["transcript"] == "cancel my order"
    assert state.ended == "the client left"


async def test_all_turn_detection_that_the_protocol_takes_is_done(phone):
    for fields in (
        {"silence_duration_ms": 100, "prefix_padding_ms": 0, "threshold": 0.0},
        {"silence_duration_ms": 5000, "prefix_padding_ms": 2000, "threshold": 1.0},
    ):
        detection = {"type": "server_vad", **fields}
        session = await phone.configure(audio={"input": {"turn_detection": detection}})
        assert fields.items() <= session["audio"]["input"]["turn_detection"].items()
    await phone.settled()
    assert (await phone.stored()).session == session
