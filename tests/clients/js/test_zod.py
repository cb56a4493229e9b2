"""All that the server sends in the tests of the wire, held to the schemas of the JavaScript SDK.

On an event that does not fit, that SDK does nothing and says nothing: what should have happened
silently does not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.frames import KEPT_IN

pytestmark = pytest.mark.timeout(300)  # it runs whole suites

ROOT = Path(__file__).parents[3]
SUITES = ["tests/protocol", "tests/properties", "tests/call"]


@pytest.fixture(scope="module")
def judged(node: Any, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What ``zod.mjs`` says of all frames that the suites see."""
    kept = tmp_path_factory.mktemp("frames") / "frames.jsonl"
    suites = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITES]
    environ = {**os.environ, KEPT_IN: str(kept)}
    subprocess.run(suites, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, check=False)
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


def test_every_event_that_the_documentation_lists_as_sent_was_judged(judged):
    text = (ROOT / "docs/realtime.md").read_text("utf-8")
    rows = text.split("## Server events\n")[1].split("\n## ")[0].splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows if row.startswith("| `")]
    sent = {event.strip("`") for event, status, *_ in cells if status == "works"}
    assert len(sent) > 25
    (counts,) = [line["counts"] for line in judged if "counts" in line]
    assert not sent - set(counts)


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
