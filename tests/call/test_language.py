"""The caller's language: how it becomes known, and what is said in it."""

import pytest
from agents.testing import assistant_message, function_call

from frontdesk.desk.schema import Lines
from frontdesk.desk.translations import LINES

KOREAN = "주문을 확인하고 싶어요"


@pytest.fixture
async def shop(build_house):
    return await build_house(
        languages={"en": {}, "ko": {"voice": "yuna", "style": "calm"}},
        agents={"frontdesk": {"tools": ["refund"], "voice": "ash"}},
        tools={"refund": {"call": "tools.stage:look_up", "approve": "spoken"}},
    )


def heard(phone):
    return phone.call.state.language


async def says(phone, words, answer="Hm."):
    phone.house.script([assistant_message(answer)])
    await phone.say(words)
    await phone.until("response.done")
    await phone.clock.advance(5)


async def test_one_odd_word_does_not_make_another_language(shop):
    phone = await shop.place()
    await says(phone, "Hello, I have a question.")
    assert heard(phone) == "en"
    await says(phone, "네")
    assert heard(phone) == "en"
    await says(phone, "Sorry, what did you say?")
    await says(phone, "네")
    assert heard(phone) == "en"  # not two in a row
    await says(phone, "네")
    assert heard(phone) == "ko"
    await says(phone, "Can we speak English, please?")
    assert heard(phone) == "en"


async def test_the_model_and_the_voice_follow_the_caller(shop):
    phone = await shop.place()
    await says(phone, KOREAN, "네.")
    call = shop.models["frontdesk"].calls[-1]
    assert "The caller speaks Korean. Answer in Korean." in call.system_instructions
    assert shop.tts.said[-1] == ("네.", "yuna")
    assert shop.tts.styles[-1] == "calm"
    await says(phone, "Hello, do you speak English?", "Yes.")
    assert "Answer in English." in shop.models["frontdesk"].calls[-1].system_instructions
    assert shop.tts.said[-1] == ("Yes.", "ash")


async def test_a_question_and_its_yes_are_in_the_callers_language(shop):
    phone = await shop.place()
    shop.script([function_call("refund", {"what": "35000원"}, call_id="r1")])
    await phone.say(KOREAN)
    await phone.until("response.done")
    await phone.clock.advance(30)
    asked = " ".join(text for text, _ in shop.tts.said)
    assert asked.startswith("확인하겠습니다. refund, what 삼만오천 원. 진행할까요?")
    assert asked.endswith("네 또는 아니요로 말씀해 주세요.")
    assert not shop.stage.tool_started.is_set()
    shop.script([assistant_message("환불했습니다.")])
    await phone.say("네")
    await phone.until("response.done")
    assert shop.stage.tool_started.is_set()


async def test_lines_are_in_the_callers_language(shop):
    phone = await shop.place()
    await phone.say("")
    await phone.until("response.done")
    assert shop.tts.said[-1][0] == Lines().unheard
    await phone.clock.advance(5)
    await says(phone, KOREAN)
    await phone.say("")
    await phone.until("response.done")
    assert shop.tts.said[-1][0] == LINES["ko"]["unheard"]


async def test_the_language_survives_a_take_over(shop):
    phone = await shop.place()
    await says(phone, KOREAN)
    await shop.kill(phone)
    again = await shop.place(phone.call.state.call_id)
    assert heard(again) == "ko"
    await again.say("")
    await again.until("response.done")
    assert shop.tts.said[-1] == (LINES["ko"]["unheard"], "yuna")


async def test_what_the_client_says_is_spoken_is_believed(shop):
    phone = await shop.place()
    await phone.configure(audio={"input": {"transcription": {"language": "ko-KR"}}})
    await phone.say("")
    await phone.until("response.done")
    assert shop.tts.said[-1] == (LINES["ko"]["unheard"], "yuna")
    assert shop.stt.asked[-1][0] == "ko"


async def test_a_transcriber_is_left_to_find_out_among_several_languages(shop):
    phone = await shop.place()
    await says(phone, KOREAN)
    await says(phone, KOREAN)
    assert [language for language, _ in shop.stt.asked] == [None, None]


async def test_who_does_not_hear_or_speak_it_makes_way_for_who_does(build_house):
    house = await build_house(
        languages=["en", "ko"],
        voice={
            "stt": {"fallback": {"provider": "embedded"}},
            "tts": {"fallback": {"provider": "embedded"}},
        },
    )
    house.stt.languages = house.tts.languages = ("en",)
    phone = await house.place()
    await says(phone, KOREAN, "네.")
    assert house.stand_in.said == [("네.", None)]
    house.second_ear.lines.append(KOREAN)
    house.script([assistant_message("네.")])
    await phone.begin_to_speak("never asked for")
    await phone.fall_silent()
    await phone.until("response.done")
    assert house.second_ear.asked == [("ko", None)]


async def test_a_team_of_one_language_is_not_talked_out_of_it(build_house):
    house = await build_house(languages=["ko"])
    phone = await house.place()
    await says(phone, "Hello, I have a question.")
    assert heard(phone) is None
    await phone.say("")
    await phone.until("response.done")
    assert house.tts.said[-1][0] == LINES["ko"]["unheard"]
    assert [language for language, _ in house.stt.asked] == ["ko", "ko"]
    told = house.models["frontdesk"].calls[-1].system_instructions
    assert "The caller speaks" not in told
