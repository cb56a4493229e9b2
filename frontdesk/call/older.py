"""The older part of a conversation, on its way to become a summary."""

from dataclasses import dataclass

from agents import Usage
from frontdesk.call.context import Item
from frontdesk.call.turn import Turn
from frontdesk.state.entries import Given
from frontdesk.team.compacting import Summariser


@dataclass(frozen=True, slots=True, eq=False)
class Older:
    """The part of a conversation that a summary is to stand for. ``view``: what was given of it,
    None: the whole. ``stands``: what was in it when the summary was begun."""

    summariser: Summariser
    view: Given | None
    items: list[Item]
    until: str
    kept: list[str]
    stands: list[tuple[object, ...]]
    tokens: int
    all_tokens: int
    turn: Turn
    began: float


@dataclass(frozen=True, slots=True)
class OlderSummedUp:
    """It was summed up in ``text``; or was not, because of an ``error``."""

    older: Older
    text: str | None
    usage: Usage
    error: str | None
