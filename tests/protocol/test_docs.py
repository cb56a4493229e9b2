"""docs/realtime.md names each event of the API, and says truly which are spoken."""

import re
from pathlib import Path
from typing import get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([a-z_.]+)` \| (.+) \|$", re.MULTILINE)


def table(heading: str) -> dict[str, str]:
    text = (ROOT / "docs/realtime.md").read_text("utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return dict(ROW.findall(section))


def names(union: object) -> set[str]:
    members = get_args(get_args(union)[0])
    return {get_args(member.model_fields["type"].annotation)[0] for member in members}


def test_every_client_event_is_listed_and_understood(talk: object) -> None:
    listed = table("Client events")
    assert set(listed) == names(RealtimeClientEvent)
    for event in listed:
        error = talk.send(event)  # type: ignore[attr-defined]
        assert all(said.get("error", {}).get("param") != "type" for said in error)


def test_every_server_event_is_listed_and_those_said_to_be_sent_are_in_the_code() -> None:
    listed = table("Server events")
    assert set(listed) == names(RealtimeServerEvent)
    code = "".join(path.read_text("utf-8") for path in (ROOT / "frontdesk/protocol").glob("*.py"))
    # Three families of names are put together from a stem.
    stems = {"response.output_audio_transcript", "response.output_text", "conversation.item.input"}
    for event, status in listed.items():
        built = any(event.startswith(stem) for stem in stems)
        if not built:
            assert (f'"{event}"' in code) == status.startswith("yes"), event
