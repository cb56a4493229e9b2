"""``@openai/agents-realtime`` in Node, over WebSocket, with nothing changed but the URL."""

from collections.abc import Callable
from typing import Any

import pytest

from frontdesk.team.instant import REPLY


@pytest.fixture
def talk(scenario: Any) -> Callable[..., Any]:
    """Plays a scenario of agents.mjs with a server."""

    def play(server: Any, name: str, *words: str, team: str = "support") -> Any:
        url = f"{server.ws}/v1/realtime?model={team}"
        environ = getattr(server, "client_environ", {})
        return scenario("agents.mjs", name, url, *words, environ=environ)

    return play


def test_a_text_message_is_answered_in_writing(talk, server, words_of):
    report = talk(server, "text")
    assert [event["output"] for event in report.told("agent_end")] == [REPLY]
    assert [(item["role"], words_of(item)) for item in report.history] == [
        ("user", "Where is my order?"),
        ("assistant", REPLY),
    ]
    assert not report.told("audio") and not report.told("error")


@pytest.mark.parametrize("turns", ["default", "vad", "button"])
def test_a_spoken_turn_is_answered_aloud(talk, server, words_of, turns):
    report = talk(server, "audio", turns)
    assert [event["output"] for event in report.told("agent_end")] == [REPLY]
    sound = sum(event["bytes"] for event in report.told("audio"))
    assert sound > 48_000, "less than a second"
    assert len(report.told("audio_start")) == len(report.told("audio_stopped")) == 1
    user, assistant = report.history
    assert (user["role"], words_of(user)) == ("user", "one second of speech")
    assert (assistant["role"], words_of(assistant)) == ("assistant", REPLY)
    assert not report.told("error")


def test_a_function_tool_is_run_and_its_result_answered(talk, server, words_of):
    report = talk(server, "functionTool")
    (ended,) = report.told("agent_tool_end")
    assert (ended["tool"], ended["result"]) == ("get_weather", "It rains in example.")
    user, call, answer = report.history
    assert user["role"] == "user"
    assert (call["name"], call["output"]) == ("get_weather", "It rains in example.")
    assert words_of(answer) == REPLY
    assert [response["status"] for response in report.responses] == ["completed"] * 2


def test_speaking_over_an_answer_under_way_cancels_it(talk, secure_server, words_of):
    report = talk(secure_server, "bargeIn", team="patient")
    assert report.told("audio_interrupted")
    first, second = report.responses
    assert first["status"] == "cancelled"
    assert first["status_details"]["reason"] == "turn_detected"
    assert second["status"] == "completed"
    assert not report.told("error"), "the SDK cancelled what the server had"
    shown(report, first["output"][0]["id"], words_of)


def test_speaking_over_an_answer_that_was_sent_whole_cuts_it_at_what_was_played(
    talk, server, words_of
):
    report = talk(server, "bargeIn")
    assert report.told("audio_interrupted")
    first, second = report.responses
    assert (first["status"], second["status"]) == ("completed", "completed")
    item = first["output"][0]
    assert words_of(item) == REPLY
    heard = shown(report, item["id"], words_of)
    assert REPLY.startswith(heard) and 0 < len(heard) < len(REPLY)
    assert not report.told("error")


def shown(report: Any, item_id: str, words_of: Any) -> str:
    """What the history shows of an answer that was cut off: what the server says was heard."""
    (cut,) = report.of("conversation.item.truncated")
    assert cut["item_id"] == item_id
    assert cut["audio_end_ms"] > 0
    items = [frame["item"] for frame in report.of("conversation.item.retrieved")]
    kept = next(item for item in items if item["id"] == item_id)
    (in_history,) = [item for item in report.history if item["itemId"] == item_id]
    assert words_of(in_history) == words_of(kept)
    return words_of(kept)


def test_the_application_can_interrupt_an_answer_under_way(talk, secure_server, words_of):
    report = talk(secure_server, "interrupt", team="patient")
    first, second = report.responses
    assert first["status"] == "cancelled"
    assert first["status_details"]["reason"] == "client_cancelled"
    assert second["status"] == "completed"
    assert not report.told("error")


def test_an_error_leaves_the_session_alive(talk, server):
    report = talk(server, "error")
    (told,) = report.told("error")
    assert told["error"]["error"]["event_id"] == "mine"
    assert told["error"]["error"]["param"] == "item_id"
    assert "nothing" in told["error"]["error"]["message"]
    assert [event["output"] for event in report.told("agent_end")] == [REPLY]


def test_agents_of_the_client_can_hand_over(talk, server, words_of):
    report = talk(server, "handoff")
    (handed,) = report.told("agent_handoff")
    assert (handed["from"], handed["to"]) == ("Stock", "Billing")
    session = report.of("session.updated")[-1]["session"]
    assert session["instructions"] == "Talk about bills."
    assert [tool["name"] for tool in session["tools"]] == ["get_weather"]
    last = report.told("agent_end")[-1]
    assert (last["agent"], last["output"]) == ("Billing", REPLY)
    assert not report.told("error")


def test_the_application_can_correct_the_history(talk, server, words_of):
    report = talk(server, "history")
    assert [words_of(item) for item in report.history] == [
        "My number is thirteen.",
        REPLY,
        "And now?",
        REPLY,
    ]
    first, answer = report.history[:2]
    (deleted,) = report.of("conversation.item.deleted")
    corrected = report.of("conversation.item.added")[2]
    assert deleted["item_id"] == corrected["item"]["id"] == first["itemId"]
    assert corrected["previous_item_id"] is None, "it took another place"
    assert answer["role"] == "assistant"
    assert not report.told("error")


def test_a_session_with_the_url_of_a_call_goes_on_with_it(talk, server, words_of):
    report = talk(server, "comeBack")
    created = report.of("session.created")
    assert len({frame["session"]["id"] for frame in created}) == 1
    assert created[1]["resume"]["replay"] == "items"
    assert [(item["role"], words_of(item)) for item in report.history] == [
        ("user", "Where is my order?"),
        ("assistant", REPLY),
        ("user", "Still there?"),
        ("assistant", REPLY),
    ]
    assert not report.told("error")
