"""The npm package ``openai``: ``OpenAIRealtimeWS``, with nothing changed but the URL."""

from collections.abc import Callable
from typing import Any

import pytest

from frontdesk.team.instant import REPLY


@pytest.fixture
def talk(scenario: Any, secure_server: Any) -> Callable[..., Any]:
    """Plays a scenario of openai.mjs."""

    def play(name: str, team: str = "support") -> Any:
        url, environ = f"{secure_server.url}/v1", secure_server.client_environ
        return scenario("openai.mjs", name, url, team, environ=environ)

    return play


def test_a_text_turn(talk, words_of):
    report = talk("text")
    (response,) = report.responses
    assert response["status"] == "completed"
    written = "".join(frame["delta"] for frame in report.of("response.output_text.delta"))
    assert written == words_of(response["output"][0]) == REPLY
    assert not report.events


def test_a_spoken_turn_ended_by_the_server(talk, words_of):
    report = talk("audio")
    (response,) = report.responses
    assert words_of(response["output"][0]) == REPLY
    (heard,) = report.of("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == "one second of speech"
    order = [frame["type"] for frame in report.frames]
    places = [
        order.index(kind)
        for kind in [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "response.created",
            "response.output_audio.delta",
            "response.done",
        ]
    ]
    assert places == sorted(places)
    assert not report.events


def test_a_function_of_the_client_is_called_and_its_result_is_used(talk, words_of):
    report = talk("functionTool")
    call, answer = report.responses
    assert [item["name"] for item in call["output"]] == ["get_weather"]
    added = [frame["item"] for frame in report.of("conversation.item.added")]
    (output,) = [item for item in added if item["type"] == "function_call_output"]
    assert output["output"] == "It rains in example."
    assert words_of(answer["output"][0]) == REPLY
    assert not report.events


def test_speaking_over_an_answer_cancels_it_and_what_was_not_heard_is_cut(talk, words_of):
    report = talk("bargeIn", team="patient")
    first, second = report.responses
    assert first["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert second["status"] == "completed"
    (kept,) = [frame["item"] for frame in report.of("conversation.item.retrieved")]
    assert kept["id"] == first["output"][0]["id"]
    heard, said = words_of(kept), words_of(first["output"][0])
    assert said.startswith(heard) and 0 < len(heard) < len(said)
    assert not report.events


def test_an_error_leaves_the_call_alive(talk):
    report = talk("error")
    (told,) = report.events
    assert told["error"]["event_id"] == "mine"
    assert told["error"]["code"] == "item_delete_invalid_item_id"
    (response,) = report.responses
    assert response["status"] == "completed"


def test_a_broken_connection_is_made_again_where_it_was(talk, words_of):
    report = talk("comeBack")
    created = report.of("session.created")
    assert len({frame["session"]["id"] for frame in created}) == 1
    assert [frame["resume"].get("replay") for frame in created] == [None, "events"]
    (response,) = report.responses
    written = "".join(frame["delta"] for frame in report.of("response.output_text.delta"))
    assert written == words_of(response["output"][0]) == REPLY
