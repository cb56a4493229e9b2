import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.tracing.reading import Part, gist, pretty, read_span


def read(**attributes: Any) -> Any:
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return read_span({"attributes": named, "error": None})


def test_messages_are_read_from_json_in_a_string() -> None:
    messages = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    reading = read(gen_ai__input__messages=json.dumps(messages))
    assert reading.input[0].role == "user"
    assert reading.input[0].parts == (Part("text", "hi"),)


def test_tool_calls_and_results_keep_their_names_and_lay_out_json() -> None:
    parts = [
        {"type": "tool_call", "name": "find_order", "arguments": '{"number": 1}'},
        {"type": "tool_call_response", "id": "c", "response": {"ok": True}},
    ]
    message = read(gen_ai__output__messages=[{"role": "assistant", "parts": parts}]).output[0]
    assert message.parts[0] == Part("call", '{\n  "number": 1\n}', name="find_order")
    assert message.parts[1].text == '{\n  "ok": true\n}'


def test_only_our_own_audio_can_be_played() -> None:
    ours = {"type": "uri", "modality": "audio", "uri": "/api/audio/ab.flac"}
    theirs = {"type": "uri", "modality": "audio", "uri": "https://evil.example/a.wav"}
    parts = read(gen_ai__input__messages=[{"role": "user", "parts": [ours, theirs]}]).input[0].parts
    assert parts[0].uri == "/api/audio/ab.flac"
    assert (parts[1].kind, parts[1].uri) == ("other", "")


def test_attributes_that_have_their_own_place_are_not_repeated() -> None:
    reading = read(gen_ai__tool__call__arguments="{}", voice__eou__probability=0.9)
    assert reading.rest == (("voice.eou.probability", "0.9"),)


def test_json_that_does_not_parse_is_shown_as_it_came() -> None:
    assert pretty('{"cut off') == '{"cut off'


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, JSON, st.dictionaries(st.text(), JSON))
def test_reading_never_fails_on_what_a_span_carries(
    messages: Any, error: Any, attributes: dict[str, Any]
) -> None:
    for value in (messages, json.dumps(messages)):
        span = {
            "error": error,
            "attributes": {
                **attributes,
                "gen_ai.input.messages": value,
                "gen_ai.output.messages": [value],
                "gen_ai.system_instructions": value,
                "gen_ai.tool.call.result": value,
            },
        }
        read_span(span)


def said(role: str, *parts: dict[str, Any]) -> str:
    return json.dumps([{"role": role, "parts": list(parts)}])


def test_a_row_tells_what_was_spoken_heard_or_decided() -> None:
    words = {"type": "text", "content": "One moment, "}
    call = {"type": "tool_call", "name": "find_order", "arguments": {}}
    place = "gen_ai.output.messages"
    spoken = {"gen_ai.input.messages": said("assistant", words)}
    assert gist({"stage": "text_to_speech", "attributes": spoken}) == "One moment,"
    heard = {place: said("user", words)}
    assert gist({"stage": "speech_to_text", "attributes": heard}) == "One moment,"
    decided = {place: said("assistant", words, call, call)}
    assert gist({"stage": "model", "attributes": decided}) == "→ find_order, find_order"


def test_a_row_without_content_tells_nothing() -> None:
    assert gist({"stage": "model", "attributes": {}}) == ""
    assert gist({"stage": "tools", "attributes": {"gen_ai.output.messages": "x"}}) == ""
    assert gist({"stage": None, "attributes": None}) == ""


def test_numbers_lose_only_the_digits_of_floating_point() -> None:
    assert pretty(0.46695375442504883) == "0.467"
    assert pretty(48271) == "48271"
