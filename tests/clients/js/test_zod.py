"""All that the server sends in the tests of the wire, held to the schemas of the JavaScript SDK.

On an event that does not fit, that SDK does nothing and says nothing: what should have happened
silently does not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from openai.types.realtime import RealtimeServerEvent

from tests.frames import KEPT_IN, SUITES

pytestmark = pytest.mark.timeout(300)  # it runs whole suites

ROOT = Path(__file__).parents[3]
NOT_SENT = {
    "conversation.created": "optional, and no client reads it",
    "conversation.item.created": "the beta's name of conversation.item.added",
    "conversation.item.input_audio_transcription.segment": "speakers are not told apart",
    "input_audio_buffer.dtmf_event_received": "of phone calls",
    "output_audio_buffer.cleared": "of calls whose sound the server plays",
    "output_audio_buffer.started": "of calls whose sound the server plays",
    "output_audio_buffer.stopped": "of calls whose sound the server plays",
    "rate_limits.updated": "optional, and there are no limits to tell",
}
KEPT_BEFORE = "FRONTDESK_TEST_FRAMES_BEFORE"
"""The environment variable that names what a run of all tests has kept, so that they need not run
again."""


def run_suites(kept: Path) -> None:
    suites = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITES]
    suites += ["-n", "2", "--dist", "loadfile"]
    ours = {name: value for name, value in os.environ.items() if "PYTEST_" not in name}
    environ = {**ours, KEPT_IN: str(kept)}
    subprocess.run(suites, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, check=False)


@pytest.fixture(scope="module")
def judged(node: Any, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What ``zod.mjs`` says of all frames that the suites see."""
    if before := os.environ.get(KEPT_BEFORE):
        kept = Path(before)
    else:
        kept = tmp_path_factory.mktemp("frames") / "frames.jsonl"
        run_suites(kept)
    with kept.open() as frames:
        done = node("zod.mjs", stdin=frames)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_event_the_server_can_send_is_accepted_by_the_javascript_sdk(judged, excused):
    refused = [line["refused"] for line in judged if "refused" in line]
    wrong = [
        f"{line['test']}: {line['frame']['type']}: {line['why']}"
        for line in refused
        if not excused(line["frame"])
    ]
    assert not wrong


def test_every_kind_of_event_that_there_is_was_judged_or_is_never_sent(judged):
    members = get_args(get_args(RealtimeServerEvent)[0])
    kinds = {get_args(member.model_fields["type"].annotation)[0] for member in members}
    (counts,) = [line["counts"] for line in judged if "counts" in line]
    assert set(counts) == kinds - set(NOT_SENT)


def test_an_event_that_the_sdk_would_pass_over_is_found(node):
    """The judge itself: what real servers have got wrong."""
    part = {"type": "input_audio"}
    item = {"id": "i", "type": "message", "role": "user", "status": "completed", "content": [part]}
    response = {"id": "r", "audio": {"output": {"voice": {"id": "v"}}}}
    frames = [
        {"type": "response.created", "event_id": "e", "response": response},
        {"type": "conversation.item.added", "event_id": "e", "item": item},
        {"type": "vendor.event", "event_id": "e"},
    ]
    lines = "\n".join(json.dumps({"test": "", "frame": frame}) for frame in frames)
    done = node("zod.mjs", input=lines)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["refused"]["frame"]["type"] for line in told if "refused" in line] == [
        frame["type"] for frame in frames
    ]
