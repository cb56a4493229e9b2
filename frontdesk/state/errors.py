"""What can go wrong with a call's state. The messages are fit for a log and say what to do."""


class StateError(Exception):
    """The store of calls cannot be used."""


class Unavailable(StateError):
    """The store did not answer, or refused to write, for longer than a call can go on without."""


class Held(StateError):
    """The call belongs to another worker whose lease still runs."""

    def __init__(self, call_id: str, owner: str, seconds: float) -> None:
        super().__init__(f"call {call_id} is held by worker {owner} for {seconds:.1f} s more")
        self.owner = owner
        self.seconds = seconds


class InOtherRegion(StateError):
    """The call is kept in a region that this worker is not in, and is none of its business."""


class Fenced(StateError):
    """The lease is lost: another worker took the call, or it was released. Write no more."""


class Erased(Fenced):
    """The call was erased, with all that is kept of its caller."""


class LogLost(StateError):
    """The store has less of the log than was acknowledged (restored from older data, failed over
    to a replica that lagged, or emptied). A snapshot from memory mends it."""


class Unreadable(StateError):
    """A value in the store is damaged, or encrypted with a key that is not known here. It is left
    as it is."""
