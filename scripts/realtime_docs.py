"""Write the tables of docs/realtime.md from what a run of the conformance suite showed.

Without arguments it starts a server with instant models and runs the suite; given the file that
``frontdesk conformance URL --json FILE`` wrote, it uses that. tests/conformance holds the page to
a run of its own, so the tables cannot drift.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent

from frontdesk.cli.server import started
from frontdesk.conformance import report
from frontdesk.conformance.areas import AREAS
from frontdesk.conformance.areas.fields import HIDDEN, REFUSED, STAYS, TAKEN
from frontdesk.conformance.suite import run
from frontdesk.conformance.target import Target
from frontdesk.protocol import RealtimeProtocol
from frontdesk.protocol.commands import AudioCommitted, Send
from frontdesk.protocol.engine import TranscriptFailed
from frontdesk.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "realtime.md"
DESK = ROOT / "tests" / "conformance" / "desk"
BEGIN = "<!-- tables: written by scripts/realtime_docs.py -->"
END = "<!-- end of tables -->"

ONLY_WEBRTC = "for WebRTC and phone calls, where the server plays the audio"
NOT_SENT = {
    "conversation.created": "optional, no client reads it",
    "conversation.item.created": "the beta's name of `conversation.item.added`",
    "conversation.item.input_audio_transcription.segment": "speakers are not told apart",
    "input_audio_buffer.dtmf_event_received": "for phone calls",
    "output_audio_buffer.started": ONLY_WEBRTC,
    "output_audio_buffer.stopped": ONLY_WEBRTC,
    "output_audio_buffer.cleared": ONLY_WEBRTC,
    "rate_limits.updated": "optional, nothing is limited",
}
"""Why an event is not sent."""

MEANINGS = {
    STAYS: "stays as it is; the session shows what is in force",
    HIDDEN: "works; never shown, as it is a secret",
    TAKEN: "works",
}


def names(union: Any) -> list[str]:
    """The types of the events of a union, in its order."""
    members = get_args(get_args(union)[0])
    return [get_args(member.model_fields["type"].annotation)[0] for member in members]


def tables(document: dict[str, Any]) -> str:
    """All four tables. Raises :class:`ValueError` when the run does not say enough."""
    failed = [check["name"] for check in document["checks"] if check["status"] == "failed"]
    if failed:
        raise ValueError(f"the suite must pass first: {', '.join(failed)}")
    parts = [
        "## Client events\n",
        _table("event", _client_events(document)),
        "## Server events\n",
        _table("event", _server_events(document)),
        "## Fields of the session\n",
        _table("field", _fields(document, "session.")),
        "## Options of a response\n",
        _table("option", _fields(document, "response.")),
    ]
    return "\n".join(parts)


def _table(noun: str, rows: Iterator[tuple[str, str, str]]) -> str:
    head = [f"| {noun} | status | shown by |", "|---|---|---|"]
    return "\n".join([*head, *(f"| `{a}` | {b} | {c} |" for a, b, c in rows), ""])


def _client_events(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in names(RealtimeClientEvent):
        code = document["events"]["sent"].get(name)
        if code is None:
            raise ValueError(f"no scenario sends {name}")
        yield name, f"refused with `{code}`" if code else "works", _shown_by(document, name)


def _server_events(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    seen = {*document["events"]["seen"]}
    for name in names(RealtimeServerEvent):
        if (name in seen) == (name in NOT_SENT):
            raise ValueError(f"{name}: either it is seen in the run or there is a reason why not")
        if name in seen:
            yield name, "works", "types"
        else:
            yield name, f"not sent: {NOT_SENT[name]}", ""


def _fields(document: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, outcome in document["fields"].items():
        if name.startswith(prefix):
            shown = _shown_by(document, name)
            if outcome == TAKEN and not shown:
                raise ValueError(f"{name} is taken, and no scenario shows that it does anything")
            if outcome.startswith(REFUSED):
                code = outcome.removeprefix(REFUSED)
                status = f"refused with `{code}`, which names it"
            else:
                status = MEANINGS.get(outcome, outcome)
            yield name, status, ", ".join(filter(None, [shown, "fields"]))


def _shown_by(document: dict[str, Any], name: str) -> str:
    """The areas with a scenario that passed and covers this."""
    areas = [
        check["area"]
        for check in document["checks"]
        if check["status"] == "passed" and name in check["covers"]
    ]
    return ", ".join(dict.fromkeys(areas))


def failed_transcript() -> list[str]:
    """The events of a session whose transcriber fails, without a server."""
    numbers = iter(range(1_000))
    audio = {"input": {"transcription": {"model": "m"}, "turn_detection": None}}
    core = RealtimeProtocol(
        "sess_1", "m", ids=lambda prefix: f"{prefix}_{next(numbers)}", defaults={"audio": audio}
    )
    core.open(0.0)
    core.receive(json.dumps({"type": "input_audio_buffer.append", "audio": "AAAA" * 2_000}), 0.0)
    commands = core.receive(json.dumps({"type": "input_audio_buffer.commit"}), 0.0)
    [item_id] = [command.item_id for command in commands if isinstance(command, AudioCommitted)]
    commands = core.feed(TranscriptFailed(item_id, "no"), 0.0)
    return [command.type for command in commands if isinstance(command, Send)]


def with_events_of_failures(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with what only a failing engine brings about."""
    seen = {*document["events"]["seen"], *failed_transcript()}
    return {**document, "events": {**document["events"], "seen": sorted(seen)}}


def page(document: dict[str, Any]) -> str:
    """docs/realtime.md with its tables anew."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = tables(with_events_of_failures(document))
    return f"{before}{BEGIN}\n\n{made}\n{END}{after}"


async def conducted() -> dict[str, Any]:
    """A run against a server with instant models of its own."""
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(desk=DESK, data=Path(data), models="instant")
        async with started(settings) as server:
            found = await run(Target(server.url), AREAS.values())
    for line in report.failures(found):
        print(line, file=sys.stderr)
    return report.document(found, server.url)


def main(arguments: list[str]) -> None:
    if arguments:
        document = json.loads(Path(arguments[0]).read_text("utf-8"))
    else:
        document = asyncio.run(conducted())
    PAGE.write_text(page(document), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
