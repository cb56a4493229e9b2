"""What the clients of a call were told last: a capped stream of numbered events.

An event that goes to all connections of a call has a number: the epoch of the lease under which it
was told, and how many were told before it in that epoch. Numbers rise over take-overs without
asking the store, and a worker that died takes none with it that another could give again. The
``event_id`` of the event is made of its number.

The stream ``frontdesk:{<call_id>}:events`` has an entry for each write of the log, appended in the
same script, so an event is there as soon as the entries that it tells of are; its id is the number
of the last event in it. Sound is left out: ``response.output_audio.delta`` is nine tenths of all
bytes and of no use later: what was spoken stands in the transcript's deltas, and how long it was in
the ``audio`` entries of the log. Deltas of one text that come together are one event there, which
remembers where each of them ended.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple, cast

import orjson
from redis.asyncio import Redis

from frontdesk.region import is_elsewhere, refusal, region_of
from frontdesk.state.codec import Codec
from frontdesk.state.errors import InOtherRegion, Unreadable

logger = logging.getLogger(__name__)

EVENT_BYTES: Final = 4 * 1024
"""Bytes of events that are kept of a call, as they are stored: packed, that is some three spoken
turns. A stream takes 10 KiB for it: what is deleted stays until all around it is."""

Number = tuple[int, int]
START: Final[Number] = (0, 0)

DELTAS: Final = frozenset(
    {
        "conversation.item.input_audio_transcription.delta",
        "response.function_call_arguments.delta",
        "response.output_audio_transcript.delta",
        "response.output_text.delta",
    }
)
SOUND: Final = "response.output_audio.delta"
ENDED: Final = "frontdesk.call.ended"
"""Type of the last event of a call, for observers: ``{type, event_id, reason}``. No client gets
it."""

_ID = re.compile(r"event_(\d{1,15})_(\d{1,15})(?:_[0-9a-f]{24})?")
_IN_FRAME = re.compile(rb'"event_id":"event_(\d+)_(\d+)"')
_MERGED, _TOOLS = b"m", b"t"


class Event(NamedTuple):
    """One event as it was sent. ``tools``: only for those who asked to see the team's tools."""

    number: Number
    frame: bytes
    tools: bool = False


class Line(NamedTuple):
    """An event on its way to the stream; ``n`` counts from 1 in the epoch."""

    n: int
    kind: str
    frame: bytes
    tools: bool = False


class Batch(NamedTuple):
    """One entry of the stream."""

    last: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of what was told in a call. ``gone``: the newest event that is no longer there."""

    entries: list[bytes]
    gone: Number

    def after(self, number: Number) -> list[Event] | None:
        """Everything since the event with this number, without the sound; None when some of it is
        gone."""
        if number < self.gone:
            return None
        return [event for packed in self.entries for event in unpack(packed, number)]


def event_id(epoch: int, n: int) -> str:
    return f"event_{epoch}_{n}"


def number_of(event_id: str) -> Number | None:
    """The number that an id was made of; None for one that is not ours. One of more parts is of an
    event for one client alone, behind the one with the number."""
    found = _ID.fullmatch(event_id)
    return (int(found[1]), int(found[2])) if found else None


def pack(lines: Sequence[Line]) -> Batch:
    """Some events, at least one, in the order of their numbers."""
    packed = b"\n".join(
        line
        for kind, group in groupby(lines, key=lambda line: line.kind)
        for line in (_merged(group) if kind in DELTAS else map(_plain, group))
    )
    return Batch(lines[-1].n, packed)


def _plain(line: Line) -> bytes:
    return _TOOLS + line.frame if line.tools else line.frame


def _merged(group: Iterable[Line]) -> Iterator[bytes]:
    lines = list(group)
    if len(lines) == 1:
        yield lines[0].frame
        return
    events = [(line.n, cast("dict[str, Any]", orjson.loads(line.frame))) for line in lines]
    for _, same in groupby(events, key=lambda event: _text_of(event[1])):
        run = list(same)
        parts = [[n, len(event["delta"])] for n, event in run]
        whole = {**run[-1][1], "delta": "".join(event["delta"] for _, event in run)}
        if any("logprobs" in event for _, event in run):
            whole["logprobs"] = [p for _, event in run for p in event.get("logprobs") or ()]
        yield _MERGED + orjson.dumps([parts, whole]) if len(run) > 1 else orjson.dumps(whole)


def _text_of(event: dict[str, Any]) -> tuple[Any, ...]:
    """What a delta is a part of."""
    return event.get("response_id"), event["item_id"], event.get("content_index")


def unpack(packed: bytes, after: Number) -> Iterator[Event]:
    """The events of an entry that come after ``after``."""
    for line in packed.split(b"\n"):
        if line.startswith(_MERGED):
            parts, whole = orjson.loads(line[1:])
            yield from _rest(parts, whole, after)
            continue
        tools = line.startswith(_TOOLS)
        frame = line[1:] if tools else line
        number = _number_in(frame)
        if number > after:
            yield Event(number, frame, tools)


def _rest(parts: list[list[int]], whole: dict[str, Any], after: Number) -> Iterator[Event]:
    """What of a merged delta comes after a number that may lie within it."""
    epoch, last = number_of(whole["event_id"]) or START
    if (epoch, last) <= after:
        return
    seen = sum(length for n, length in parts if (epoch, n) <= after)
    yield Event((epoch, last), orjson.dumps({**whole, "delta": whole["delta"][seen:]}))


def _number_in(frame: bytes) -> Number:
    found = _IN_FRAME.search(frame)
    if found is None:
        raise ValueError("an event without a number")
    return int(found[1]), int(found[2])


def stream_of(call_id: str) -> str:
    return f"frontdesk:{{{call_id}}}:events"


class EventStream:
    """Reads what clients were told; written by :class:`~frontdesk.state.writer.LogWriter`. Raises
    ``RedisError`` when the store does not answer, ``InOtherRegion`` for a call that is kept
    elsewhere. What no key opens counts as gone."""

    def __init__(
        self, redis: Redis, codec: Codec | None = None, *, region: str | None = None
    ) -> None:
        self._redis = redis
        self._codec = codec or Codec()
        self._region = region

    async def tail(self, call_id: str, after: Number = START) -> Tail:
        """What is there, at least behind the event with the number ``after``."""
        if is_elsewhere(call_id, self._region):
            raise InOtherRegion(refusal(f"Call {call_id}", region_of(call_id) or "", self._region))
        pipeline: Any = self._redis.pipeline(transaction=True)
        pipeline.xrange(stream_of(call_id), f"({after[0]}-{after[1]}", "+")
        pipeline.hget(f"frontdesk:{{{call_id}}}:meta", "gone")
        entries, gone = cast(
            "tuple[list[tuple[bytes, dict[bytes, bytes]]], bytes | None]", await pipeline.execute()
        )
        told: list[bytes] = []
        for entry_id, fields in entries:
            try:
                told.append(self.decode(call_id, fields))
            except Unreadable as error:  # the client is told all there is instead
                logger.warning("%s", error)
                told, gone = [], entry_id
        return Tail(told, stored_number(gone or b"0-0"))

    def decode(self, call_id: str, fields: Mapping[bytes, bytes]) -> bytes:
        """The events of an entry, as :func:`pack` packed them."""
        return self._codec.decode(fields[b"e"], f"what clients of call {call_id} were told")


def stored_number(entry_id: bytes) -> Number:
    """The number in the id of an entry."""
    epoch, _, n = entry_id.partition(b"-")
    return int(epoch), int(n)
