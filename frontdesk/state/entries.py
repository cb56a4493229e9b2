"""The entries of a call's log, and the state that folding them gives.

An entry is ``{"kind": …, "at": unix seconds, …fields}``. Kinds, with their fields:

=================  ==========================================================================
``call.opened``    team, team_version, agent, transport
``session``        session (the effective config)
``item.added``     item, after (id or null), hidden (true for the team's own tool calls)
``item.changed``   item
``item.deleted``   item_id
``agent.changed``  agent, previous
``heard``          item_id, text, audio_ms: what was played of an assistant item
``audio``          item_id, role (caller, agent), uri, offset_ms, seconds
``call.ended``     reason
=================  ==========================================================================
"""

from dataclasses import dataclass, field
from typing import Any

Entry = dict[str, Any]


@dataclass(slots=True)
class StoredItem:
    """One item of the conversation. ``hidden`` items are the team's, never on the wire."""

    item: dict[str, Any]
    hidden: bool = False
    heard: str | None = None
    heard_ms: int | None = None


@dataclass(slots=True)
class CallState:
    """A call, folded from its log. ``items`` is in conversation order."""

    call_id: str
    seq: int = 0
    team: str = ""
    team_version: str = ""
    agent: str = ""
    transport: str = ""
    opened_at: float = 0.0
    ended: str | None = None
    session: dict[str, Any] = field(default_factory=dict[str, Any])
    items: list[StoredItem] = field(default_factory=list[StoredItem])
    audio: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
