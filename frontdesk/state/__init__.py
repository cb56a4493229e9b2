"""Session state: each call a log in Redis, written under a lease, folded into what it is now."""

from frontdesk.state.codec import Codec
from frontdesk.state.connection import connect
from frontdesk.state.entries import CallState, Entry, StoredItem
from frontdesk.state.errors import (
    Fenced,
    Held,
    InOtherRegion,
    LogLost,
    StateError,
    Unavailable,
    Unreadable,
)
from frontdesk.state.fold import apply, fold
from frontdesk.state.log import CallStore, CallSummary, Lease
from frontdesk.state.writer import LogWriter

__all__ = [
    "CallState",
    "CallStore",
    "CallSummary",
    "Codec",
    "Entry",
    "Fenced",
    "Held",
    "InOtherRegion",
    "Lease",
    "LogLost",
    "LogWriter",
    "StateError",
    "StoredItem",
    "Unavailable",
    "Unreadable",
    "apply",
    "connect",
    "fold",
]
