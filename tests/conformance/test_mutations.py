"""The suite sees what is wrong: each way to break the protocol, and the check that says so."""

from collections.abc import Iterator
from typing import Any

import pytest

from frontdesk.conformance.areas import AREAS
from frontdesk.conformance.suite import Area, Report, run
from frontdesk.conformance.target import Target

Event = dict[str, Any]

TEXT = "text: a response in text opens and closes in order"
SPOKEN = "audio: a response in audio opens and closes in order"
TURN = "turns: a spoken turn comes in order"
WORDS = "turns: words follow the item they belong to"
READ = "conversation: an item is read again"
ADDED = "conversation: an item is added and done"
CUT = "interruption: a spoken response is cancelled"
TWICE = "errors: an id cannot be used twice"


def drop(kind: str):
    def mutate(event: Event, sent: list[Event]) -> Iterator[Event]:
        if event["type"] != kind:
            yield event

    return mutate


def twice(kind: str):
    """Again, as an event of its own."""

    def mutate(event: Event, sent: list[Event]) -> Iterator[Event]:
        yield event
        if event["type"] == kind:
            yield {**event, "event_id": f"{event['event_id']}_again"}

    return mutate


def change(kind: str, edit: Any):
    def mutate(event: Event, sent: list[Event]) -> Iterator[Event]:
        if event["type"] == kind:
            edit(event)
        yield event

    return mutate


def before(first: str, second: str):
    """Holds ``first`` back until ``second`` went by."""
    held: list[Event] = []

    def mutate(event: Event, sent: list[Event]) -> Iterator[Event]:
        if event["type"] == first:
            held.append(event)
            return
        yield event
        if event["type"] == second:
            yield from held
            held.clear()

    return mutate


def instead(kind: str, make: Any):
    def mutate(event: Event, sent: list[Event]) -> Iterator[Event]:
        yield make(event, sent) if event["type"] == kind else event

    return mutate


def also(kind: str, make: Any, *, ahead: bool = False):
    """Another event beside ``kind``."""

    def mutate(event: Event, sent: list[Event]) -> Iterator[Event]:
        if event["type"] != kind:
            yield event
            return
        yield from (make(event), event) if ahead else (event, make(event))

    return mutate


def first_delta_only():
    """Every delta but the first is lost."""
    seen: list[str] = []

    def mutate(event: Event, sent: list[Event]) -> Iterator[Event]:
        if event["type"] == "response.output_text.delta":
            seen.append("")
            if len(seen) > 1:
                return
        yield event

    return mutate


def late_delta(event: Event) -> Event:
    item = {"id": "item_late"}
    return {
        "type": "response.output_audio_transcript.delta",
        "event_id": "event_late",
        "response_id": event["response"]["id"],
        "item_id": (event["response"]["output"] or [item])[0]["id"],
        "output_index": 0,
        "content_index": 0,
        "delta": "still talking",
    }


def unknown_item(event: Event, sent: list[Event]) -> Event:
    error = {
        "type": "invalid_request_error",
        "code": "item_retrieve_invalid_item_id",
        "message": "No.",
        "param": "item_id",
        "event_id": sent[-1]["event_id"],
    }
    return {"type": "error", "event_id": event["event_id"], "error": error}


def another_response(event: Event) -> Event:
    other = {**event["response"], "id": "resp_other"}
    return {**event, "event_id": "event_other", "response": other}


def told(kind: str, **fields: Any):
    return lambda event: {"type": kind, "event_id": f"{event['event_id']}_more", **fields}


def at(*path: Any, value: Any):
    def edit(event: Event) -> None:
        for key in path[:-1]:
            event = event[key]
        event[path[-1]] = value

    return edit


def without(*path: Any):
    def edit(event: Event) -> None:
        for key in path[:-1]:
            event = event[key]
        del event[path[-1]]

    return edit


TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"

MUTATIONS = {
    "no response.done": (drop("response.done"), TEXT, "invariants: 3"),
    "two of response.done": (twice("response.done"), TEXT, "invariants: 3"),
    "nothing says that the item is done": (drop("conversation.item.done"), TEXT, "invariants: 5"),
    "an item done twice": (twice("conversation.item.done"), ADDED, "invariants: 5"),
    "an item never added": (drop("conversation.item.added"), TEXT, "invariants: 5"),
    "a part that is not closed": (drop("response.content_part.done"), TEXT, "invariants: 5"),
    "one event id for all": (
        change("response.output_text.delta", at("event_id", value="event_1")),
        TEXT,
        "invariants: 10",
    ),
    "an event before the first": (
        also("session.created", told("conversation.created", conversation={}), ahead=True),
        ADDED,
        "invariants: 1",
    ),
    "an update answered twice": (twice("session.updated"), ADDED, "invariants: 2"),
    "an update not answered": (drop("session.updated"), "connect: sessions do not mix", None),
    "two responses at once": (
        also("response.created", another_response),
        TEXT,
        "invariants: 4",
    ),
    "deltas are lost": (first_delta_only(), TEXT, "invariants: 6"),
    "the text at the end is another": (
        change("response.output_text.done", at("text", value="Something else.")),
        TEXT,
        "invariants: 6",
    ),
    "each item is the first": (
        change("conversation.item.added", at("previous_item_id", value=None)),
        TEXT,
        "invariants: 7",
    ),
    "the item committed is not the one announced": (
        change(STARTED, at("item_id", value="item_other")),
        TURN,
        "invariants: 8",
    ),
    "speech that ends before it starts": (
        change(STOPPED, at("audio_end_ms", value=0)),
        TURN,
        "invariants: 9",
    ),
    "speech in the future": (
        change(STARTED, at("audio_start_ms", value=10_000_000)),
        TURN,
        "invariants: 9",
    ),
    "an error told twice": (twice("error"), TWICE, "invariants: 11"),
    "an error of nobody's": (
        change("error", at("error", "event_id", value=None)),
        TWICE,
        TWICE,
    ),
    "a cancelled response goes on": (also("response.done", late_delta), CUT, "invariants: 12"),
    "no transcript": (drop(TRANSCRIBED), WORDS, "invariants: 13"),
    "a transcript without usage": (
        change(TRANSCRIBED, without("usage")),
        WORDS,
        "invariants: 13",
    ),
    "an item that cannot be read": (
        instead("conversation.item.retrieved", unknown_item),
        READ,
        "invariants: 14",
    ),
    "events out of order": (
        before("response.content_part.added", "response.output_text.delta"),
        TEXT,
        TEXT,
    ),
    "audio closed after its item": (
        before("response.output_audio.done", "response.output_item.done"),
        SPOKEN,
        SPOKEN,
    ),
    "an event of the vendor's own": (
        also("session.created", told("vendor.hello", text="hi")),
        ADDED,
        "types: unknown events",
    ),
    "a number that is a word": (
        change("response.output_text.delta", at("output_index", value="first")),
        TEXT,
        "types: response.output_text.delta",
    ),
    "an object where a voice has its name": (
        change("response.created", at("response", "audio", "output", "voice", value={"id": "v"})),
        TEXT,
        "javascript: b",
    ),
    "a status that is null": (
        change("conversation.item.added", at("item", "status", value=None)),
        TEXT,
        "javascript: c",
    ),
    "audio without its transcript": (
        change("conversation.item.added", without("item", "content", 0, "transcript")),
        WORDS,
        "javascript: a",
    ),
    "transcription with keys that nobody set": (
        change(
            "session.updated", at("session", "audio", "input", "transcription", "delay", value=None)
        ),
        WORDS,
        "pipecat: transcription",
    ),
}


def only(sentence: str) -> Area:
    """An area of one scenario."""
    area, name = sentence.split(": ")
    scenarios = [scenario for scenario in AREAS[area].scenarios if scenario.name == name]
    assert scenarios, sentence
    return Area(area, "", scenarios)


def failed(report: Report) -> set[str]:
    return {f"{check.area}: {check.name}" for check in report.checks if check.status == "failed"}


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_broken_server_is_found_out(name: str, broken) -> None:
    mutation, scenario, expected = MUTATIONS[name]
    report = await run(Target(await broken(mutation, hangs_up=True)), [only(scenario)])
    found = failed(report)
    assert (expected or scenario) in found
    assert not report.passed
    for check in report.checks:
        if check.status == "failed":
            assert check.reason
            assert check.event


@pytest.mark.parametrize("scenario", sorted({scenario for _, scenario, _ in MUTATIONS.values()}))
async def test_without_a_mutation_nothing_is_found(scenario: str, broken) -> None:
    def nothing(event: Event, sent: list[Event]) -> Iterator[Event]:
        yield event

    report = await run(Target(await broken(nothing)), [only(scenario)])
    assert failed(report) == set()


async def test_a_server_that_calls_no_private_addresses_breaks_nothing(broken) -> None:
    def guard(event: Event, sent: list[Event]) -> Iterator[Event]:
        if event["type"].startswith("mcp_list_tools."):
            error = {"type": "invalid_request_error", "param": "session.tools[0].server_url"}
            event = {"type": "error", "event_id": event["event_id"], "error": error}
        yield event

    listing = [
        only("mcp: tools are listed in order"),
        only("mcp: a listing is read while it is made"),
    ]
    report = await run(Target(await broken(guard)), listing)
    told = {check.reason for check in report.checks if check.area == "mcp"}
    assert told == {"the server does not call private addresses: allow them, or give --mcp-url"}
