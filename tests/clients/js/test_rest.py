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
