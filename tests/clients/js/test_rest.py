"""The npm package ``openai``: the endpoints beside the socket, with nothing changed but the URL."""

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def play(scenario: Any, secure_server: Any) -> Callable[[str], Any]:
    """Plays a scenario of rest.mjs."""

    def play(name: str) -> Any:
        return scenario(
            "rest.mjs", name, f"{secure_server.url}/v1", environ=secure_server.client_environ
        )

    return play


def test_text_is_spoken_as_a_file_and_as_a_stream(play):
    report = play("say")
    (file,), (stream,) = report.told("pcm"), report.told("sse")
    assert file["bytes"] > 24_000
    events = [json.loads(line[6:]) for line in stream["text"].splitlines() if line[:6] == "data: "]
    assert [event["type"] for event in events][-1] == "speech.audio.done"
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    (refused,) = report.told("refused")
    assert (refused["kind"], refused["param"]) == ("BadRequestError", "speed")


def test_a_recording_is_transcribed_at_once_and_as_a_stream(play):
    report = play("transcribe")
    text = "two seconds of speech"
    (told,), (verbose,) = report.told("json"), report.told("verbose")
    assert told["text"] == verbose["text"] == text
    assert verbose["duration"] == pytest.approx(2.16, abs=0.3)
    assert report.told("stream")[-1] == {
        "name": "stream",
        "type": "transcript.text.done",
        "text": text,
    }
    (refused,) = report.told("refused")
    assert (refused["kind"], refused["param"]) == ("BadRequestError", "file")


def test_the_teams_are_the_models(play):
    report = play("models")
    (listed,) = report.told("listed")
    assert sorted(listed["names"]) == ["patient", "support"]
    (known,), (unknown,) = report.told("known"), report.told("unknown")
    assert (known["id"], known["object"]) == ("patient", "model")
    assert (unknown["kind"], unknown["code"]) == ("NotFoundError", "model_not_found")
    (unlocked,) = report.told("unlocked")
    assert unlocked["kind"] == "AuthenticationError"


def test_a_client_secret_opens_a_session_with_its_config_and_nothing_else(play):
    report = play("clientSecret")
    (secret,) = report.told("secret")
    assert secret["value"].startswith("ek_")
    assert secret["session"]["instructions"] == "Be brief."
    (created,) = report.of("session.created")
    assert created["session"]["instructions"] == "Be brief."
    assert created["session"]["output_modalities"] == ["text"]
    assert not report.of("session.updated")
    assert [response["status"] for response in report.responses] == ["completed"]
    (beyond,) = report.told("beyond")
    assert beyond["kind"] in {"AuthenticationError", "PermissionDeniedError"}
    assert not report.told("error")
