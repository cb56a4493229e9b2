"""The entries of a call's log, and the state that folding them gives.

An entry is ``{"kind": …, "at": unix seconds, …fields}``. Kinds, with their fields:

=====================  ========================================================================
``call.opened``        team, team_version, agent, transport, user (the caller's id, if known)
``consent``            given, how: whether the caller wants to be remembered across calls
``language``           code: what the caller speaks, as ISO-639-1
``memory``             text: what the team is told of the caller's earlier calls; calls: how many
``session``            session (the effective config)
``item.added``         item, after (id or null), hidden (true for the team's own tool calls),
                       asked (of an answer: id of the newest item that it was asked with),
                       response (id, of what one is making), goes_on (true of speech that goes on
                       with what the caller said before, which was taken for all)
``item.words``         item_id, words (which an answer under way goes on with), spoken
``item.sent``          item_id, audio_ms: all sound of its words so far is on its way to the client
``item.changed``       item
``item.deleted``       item_id
``item.withheld``      item_id: a guardrail blocked it, and no model is to see it
``agent.changed``      agent, previous, history (full, summary, none or {last: n}), since (id of the
                       item with which the question begins), handed (call id of the handoff)
``response.begun``     response: id, by (client, server, agent), beside (the conversation), request
                       (of the client, as it came), trace (of its turn, with its root), at, since
                       (when the first of those had begun that were lost, if it takes their place)
``response.over``      response_id
``response.waits``     asked: by, request, since; or null. Asked for, and not begun yet
``tool.started``       tool: call_id, tool, arguments, agent, server, within (id of the response or
                       of the background work), again (whether it may be run twice)
``summary``            text: what the agent with the floor was told of the time before it
``compacted``          text, until (id of the last item that it stands for), kept (ids of those
                       before that models see all the same), whole (whether it is of all that was
                       said until then, or of the time since the agent has the floor)
``heard``              item_id, text, audio_ms: what was played of an assistant item
``delegation``         delegation: background work as it stands now, whole, by its id
``question.asked``     question: id, kind (approval, elicitation), call_id, tool, arguments, server,
                       agent, by, text, asked_at, deadline (unix seconds), schema, message
``question.put``       question_id, deadline: it is put to the caller, perhaps once more
``question.answered``  question_id, words (the caller's), reading (yes, no, unclear, or a value's)
``question.decided``   question_id, decision (approved, denied; accepted, declined, cancelled),
                       who (caller, a name, nobody), how (spoken, screen, client, or why there was
                       no answer), reason, values
``question.resumed``   question_ids: the calls were given on, to be run or refused
``question.kept``      question_ids: none of that had begun when its worker was lost
``audio``              item_id, role (caller, agent), uri, offset_ms, seconds
``resume.key``         key: what the call's resume tokens are signed with, hexadecimal
``resume``             chain, number ([epoch, n]) of the resume token that was shown
``call.ended``         reason, (moved: it goes on at another worker)
=====================  ========================================================================

``after`` places an item as in a linked list: null puts it first, an id puts it right behind that
item, no ``after`` at all (or an item that is gone) puts it last. ``user``, ``hidden``, ``asked``,
``response``, ``goes_on``, ``history``, ``since`` and ``handed`` may be left out. A tool has ended
when its output is in the conversation, and when the response or the work that it is within is over.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

Entry = dict[str, Any]

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "call.opened": ("team", "team_version", "agent", "transport"),
    "consent": ("given", "how"),
    "language": ("code",),
    "memory": ("text", "calls"),
    "session": ("session",),
    "item.added": ("item",),
    "item.changed": ("item",),
    "item.words": ("item_id", "words", "spoken"),
    "item.sent": ("item_id", "audio_ms"),
    "item.deleted": ("item_id",),
    "item.withheld": ("item_id",),
    "agent.changed": ("agent", "previous"),
    "response.begun": ("response",),
    "response.over": ("response_id",),
    "response.waits": ("asked",),
    "tool.started": ("tool",),
    "summary": ("text",),
    "compacted": ("text", "until", "kept", "whole"),
    "heard": ("item_id", "text", "audio_ms"),
    "question.asked": ("question",),
    "question.put": ("question_id", "deadline"),
    "question.answered": ("question_id", "words", "reading"),
    "question.decided": ("question_id", "decision", "who", "how"),
    "question.resumed": ("question_ids",),
    "question.kept": ("question_ids",),
    "delegation": ("delegation",),
    "audio": ("item_id", "role", "uri", "offset_ms", "seconds"),
    "resume.key": ("key",),
    "resume": ("chain", "number"),
    "call.ended": ("reason",),
}
"""The kinds that this version writes, and the fields that each must have."""


@dataclass(slots=True)
class StoredItem:
    """One item of the conversation. ``hidden`` items are the team's, never on the wire."""

    item: dict[str, Any]
    hidden: bool = False
    heard: str | None = None
    heard_ms: int | None = None
    withheld: bool = False
    asked: str | None = None
    response: str | None = None
    """The response that made it."""
    sent: int = 0
    """Characters of a spoken answer whose sound was sent, all of it: ``sent_ms`` milliseconds."""
    sent_ms: int = 0
    goes_on: bool = False
    """Speech that goes on with what the caller said before: models see both as one message."""


@dataclass(slots=True)
class Compacted:
    """A summary that models see in place of the items before the place ``before``, but for those
    ``kept`` (ids). It ends as soon as one of them is changed, comes or goes: what a client deletes
    is in no summary, either."""

    text: str
    before: int
    kept: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Given:
    """What the agent with the floor was given of the conversation when it took over: of the first
    ``before`` items what ``history`` says, of the others all, but with ``none`` no tool call made
    before the handoff, whose call id is ``handed``. ``compacted`` begins behind those."""

    history: str | dict[str, int]
    before: int
    handed: str | None = None
    summary: str | None = None
    compacted: Compacted | None = None


@dataclass(slots=True)
class CallState:
    """A call, folded from its log. ``items`` is in conversation order. ``user`` is who calls, if
    that is known, ``consent`` whether they want to be remembered across calls (None: they did not
    say), ``memory`` what the team is told of ``earlier_calls`` of theirs.

    ``seq`` is the number of the last entry folded in; ``unknown`` counts those among them that
    this version could not read.
    """

    call_id: str
    seq: int = 0
    team: str = ""
    team_version: str = ""
    agent: str = ""
    transport: str = ""
    user: str | None = None
    consent: bool | None = None
    language: str | None = None
    """What the caller was heard to speak."""
    memory: str = ""
    earlier_calls: int = 0
    opened_at: float = 0.0
    ended: str | None = None
    session: dict[str, Any] = field(default_factory=dict[str, Any])
    items: list[StoredItem] = field(default_factory=list[StoredItem])
    audio: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    questions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Everything that was to be approved or answered, oldest first, each with what was said to it
    (``answers``) and what came of it (``decided``, None while it is open; ``resumed``, and when it
    was ``given`` on)."""
    delegations: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    responses: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Those that are being made."""
    waits: dict[str, Any] | None = None
    """The response that was asked for and has not begun."""
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Those of the team that have begun, and not ended as far as is known."""
    last: float = 0.0
    """When the newest entry was made."""
    opened_before: bool = False
    """Whether it was taken up again, ``pause`` seconds after it was last written."""
    broke_off: bool = False
    """Whether it had not ended then, or was moved to another worker in the middle of it."""
    pause: float = 0.0
    opened_again: float = 0.0
    """When it was opened the last time."""
    resume_key: str = ""
    """What its resume tokens are signed with."""
    resume_shown: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """The newest number of each chain of resume tokens that was shown."""
    resume_least: list[int] = field(default_factory=list[int])
    """The least number that is good in other chains."""
    unknown: int = 0
    given: Given | None = None
    compacted: Compacted | None = None
    """Of the whole conversation, whoever has the floor."""
    _ids: set[str] = field(init=False, repr=False, compare=False)
    _changed: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._ids = {stored.item["id"] for stored in self.items if "id" in stored.item}

    def changed_from(self) -> int:
        """The first place at which items differ from when this was last asked. For one reader."""
        changed, self._changed = self._changed, len(self.items)
        return changed

    def index(self, item_id: str) -> int | None:
        """The place of an item, None when there is none."""
        if item_id not in self._ids:  # asked for each new item: a long call need not be read
            return None
        # From the end: what changes is nearly always the last item.
        for index in range(len(self.items) - 1, -1, -1):
            if self.items[index].item["id"] == item_id:
                return index
        return None

    def insert(self, index: int, stored: StoredItem) -> None:
        """Put an item in at ``index``."""
        self._ids.add(stored.item["id"])
        if index < len(self.items):
            self._move(index, 1)
        self.items.insert(index, stored)
        self._changed = min(self._changed, self.begin_of(index))

    @contextmanager
    def supposing(self, stored: StoredItem) -> Generator[None]:
        """As if an item had been added at the end, for as long as this lasts."""
        place = len(self.items)
        self.insert(place, stored)
        changed = self.begin_of(place)
        try:
            yield
        finally:
            self.items.pop()
            self._ids.discard(stored.item["id"])
            self._changed = min(self._changed, changed)

    def begin_of(self, index: int) -> int:
        """Where that begins which the speech at ``index`` goes on with; ``index`` for all else."""
        begin = index
        while self.items[begin].goes_on:
            before = (i for i in range(begin - 1, -1, -1) if _said(self.items[i]))
            if (earlier := next(before, None)) is None:
                break
            begin = earlier
        return begin

    def remove(self, index: int) -> None:
        """Drop the item at ``index``."""
        self._move(index, -1)
        self._changed = 0  # a call may be without its output now
        self._ids.discard(self.items.pop(index).item["id"])

    def touch(self, index: int) -> None:
        """The item at ``index`` is, or was heard, as something else from now on."""
        self._changed = min(self._changed, self.begin_of(index))
        self._end_compacted(index, self.items[index].item.get("id"))

    def _move(self, index: int, by: int) -> None:
        """The items from ``index`` on move."""
        self._end_compacted(index)
        if (given := self.given) and index < given.before:
            given.before += by
            if given.compacted:
                given.compacted.before += by

    def _end_compacted(self, index: int, changed: str | None = None) -> None:
        """What stands for the item at ``index`` does not any more, unless it was only ``changed``
        and is seen beside it."""
        whole, given = self.compacted, self.given
        if whole and index < whole.before and changed not in whole.kept:
            self.compacted = None
        part = given.compacted if given else None
        if given and part and given.before <= index < part.before and changed not in part.kept:
            given.compacted = None


def _said(stored: StoredItem) -> bool:
    return stored.item.get("role") == "user"


def check(entry: Entry) -> None:
    """Refuse an entry that could not be folded. Raises ``ValueError`` naming what is missing."""
    kind = entry.get("kind")
    if kind not in FIELDS:
        raise ValueError(f"log entry of unknown kind {kind!r}: known are {', '.join(FIELDS)}")
    missing = [name for name in ("at", *FIELDS[kind]) if name not in entry]
    if missing:
        raise ValueError(f"log entry {kind!r} lacks {', '.join(missing)}")
    if "item" in entry and not isinstance(entry["item"].get("id"), str):
        raise ValueError(f"log entry {kind!r}: item has no id")
