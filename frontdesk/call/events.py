"""What arrives in a call's inbox beside protocol engine events: all from our own tasks."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Literal

from agents import TResponseInputItem
from frontdesk.call.connections import Connection
from frontdesk.call.older import OlderSummedUp
from frontdesk.desk.handoffs import History
from frontdesk.protocol.engine import EngineEvent
from frontdesk.team.events import Job, JobDone, ToolCall
from frontdesk.voice.base import Samples, Transcript
from frontdesk.voice.segment import Segment, TurnLikely, TurnWentOn


@dataclass(frozen=True, slots=True)
class Frame:
    """A text or binary frame from a client."""

    data: str | bytes
    connection: Connection


@dataclass(frozen=True, slots=True)
class Joined:
    """Another client was attached to the call."""

    connection: Connection


@dataclass(frozen=True, slots=True)
class Left:
    """A client is gone. ``vanished``: it did not say so, and may come back."""

    connection: Connection
    reason: str
    vanished: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    """No caller came back in time from this ``absence``, counted from 1."""

    reason: str
    absence: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The call must end: the client left, the server stops, the lease was lost. With ``moves`` it
    goes on at another worker, so that its clients are let go only when this one is done with it.
    When the last caller ``vanished``, what it is owed is answered once it is back."""

    reason: str
    code: int = 1000
    moves: bool = False
    vanished: bool = False


@dataclass(frozen=True, slots=True)
class Failing:
    """The call can't go on, for a reason of ours: ``message`` and ``code`` are what the client is
    told."""

    message: str
    code: str


@dataclass(frozen=True, slots=True)
class TurnBegun:
    """The caller began to speak, at this millisecond of received audio; ``spoken_ms`` is the first
    that sounded like a voice."""

    start_ms: int
    spoken_ms: int


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The caller's turn is over."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class Tick:
    """The protocol core wanted to be called at this time."""


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The words of a committed user item, or why there are none."""

    item_id: str
    transcript: Transcript | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """A reply speaks: words first, then their audio in ``Sound`` events. ``goes_on``: it is not
    known where in the sound of the words before these begin."""

    response_id: str
    text: str
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Sound:
    """24 kHz samples of the words last announced; ``last``: no more of these words follow.
    ``sent`` is set once they are on their way to the client; ``source`` is the item of a realtime
    model that they are of, and from which of its milliseconds on."""

    response_id: str
    samples: Samples
    last: bool = False
    sent: asyncio.Event | None = None
    source: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class FloorTaken:
    """A handoff: from now on ``agent`` answers. ``items`` are the call that did it and its output,
    ``history`` what the agent is shown of the time before ``since``, the item asked first."""

    response_id: str
    agent: str
    previous: str
    history: History = "full"
    items: tuple[TResponseInputItem, ...] = ()
    since: str | None = None


@dataclass(frozen=True, slots=True)
class SummaryMade:
    """What the agent that took over is told of the time before."""

    response_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """A tool call of the team, or its output: part of the history, never on the wire."""

    response_id: str
    item: TResponseInputItem


@dataclass(frozen=True, slots=True)
class Withheld:
    """A guardrail blocked what the caller said in these items: no model is to see it again."""

    response_id: str
    item_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """The play head should have reached the end of this item."""

    item_id: str


@dataclass(frozen=True, slots=True)
class RestDue:
    """An answer that was stopped has waited long enough to go on."""

    number: int


@dataclass(frozen=True, slots=True)
class QuestionNews:
    """Something about a question that stands open in the call: an entry of the log, of this kind
    and with these fields. ``done`` is set once it counts; ``seen`` is no entry, and only asks for
    that of what was posted before."""

    kind: Literal["asked", "answered", "decided", "resumed", "seen"]
    fields: dict[str, Any]
    done: asyncio.Event | None = None


@dataclass(frozen=True, slots=True)
class QuestionDue:
    """The time to answer a question is up."""

    question_id: str


@dataclass(frozen=True, slots=True)
class ToolBegins:
    """A tool of the team is about to run, in a response or in background work (``within``, its
    id). ``noted`` is set once that is in the log, though perhaps not acknowledged yet."""

    call: ToolCall
    within: str
    noted: asyncio.Event

    def entry(self) -> dict[str, Any]:
        return {**asdict(self.call), "within": self.within}


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """The caller said whether they want to be remembered. ``done`` gets how many calls were
    forgotten, once the store knows."""

    given: bool
    how: str
    done: asyncio.Future[int] | None = None

    def tell(self, written: asyncio.Task[int]) -> None:
        """What came of it."""
        if self.done is None or self.done.done():
            return
        if written.cancelled():
            self.done.cancel()
        elif error := written.exception():
            self.done.set_exception(error)
        else:
            self.done.set_result(written.result())


class WorkEvent:
    """Concerns background work."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Delegated(WorkEvent):
    """A tool of a response works in the background. ``answer`` gets what the model reads."""

    job: Job
    response_id: str
    answer: asyncio.Future[JobDone]


@dataclass(frozen=True, slots=True)
class Reported(WorkEvent):
    """Words of progress from background work."""

    delegation_id: str
    words: str


@dataclass(frozen=True, slots=True)
class Finished(WorkEvent):
    """Background work has come to its own end."""

    delegation_id: str
    done: JobDone


@dataclass(frozen=True, slots=True)
class Due(WorkEvent):
    """Time to answer the model that asked for background work, to tell the caller that it still
    goes on, or to stop it."""

    delegation_id: str
    what: Literal["answer", "acknowledge", "deadline"]


@dataclass(frozen=True, slots=True)
class CancelWanted(WorkEvent):
    """Background work is not wanted any more, by the caller's words or somebody else's id. The
    ``answer`` is what was cancelled and what still runs, by name."""

    which: str
    by_caller: bool
    answer: asyncio.Future[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class GapSought(WorkEvent):
    """There is something to tell the caller, as soon as nobody speaks."""


Happening = (
    Frame
    | Joined
    | Left
    | Expired
    | TurnBegun
    | TurnLikely
    | TurnWentOn
    | TurnOver
    | Tick
    | Transcribed
    | Words
    | Sound
    | FloorTaken
    | SummaryMade
    | OlderSummedUp
    | Remembered
    | Withheld
    | Played
    | RestDue
    | QuestionNews
    | QuestionDue
    | ToolBegins
    | Failing
    | ConsentGiven
    | WorkEvent
    | EngineEvent
)
"""What a call acts on."""

CallEvent = Happening | Gone
