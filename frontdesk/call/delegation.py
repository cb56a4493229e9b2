"""One piece of background work: what is known of it, and the words for it."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from frontdesk.team.events import Job

Status = Literal["queued", "running", "done", "failed", "cancelled", "expired", "lost"]
Told = Literal["turn", "spoken", "failed"]

OVER = frozenset({"done", "failed", "cancelled", "expired", "lost"})


def _new_id() -> str:
    return f"work_{secrets.token_hex(6)}"


@dataclass(slots=True)
class Delegation:
    """An entry of the call's log, whole each time. Times are unix seconds.

    ``told`` is how the caller got to know what came of it: in the ``turn`` that asked for it (also
    when they cancelled it), ``spoken`` later of the agent's own accord, or the attempt ``failed``.
    None: not yet, or never, where the call is over.
    """

    tool: str
    arguments: str
    owner: str
    called: str
    asked: float
    id: str = field(default_factory=_new_id)
    status: Status = "queued"
    started: float | None = None
    deadline: float | None = None
    progress: str = ""
    ended: float | None = None
    output: str | None = None
    told: Told | None = None
    trace: str | None = None
    """The trace of the work, as ``TurnTrace.ref`` has it."""
    restarts: int = 0
    said: str = ""
    """What the caller heard of the result before the workers that told it died."""

    @classmethod
    def of(cls, job: Job, now: float) -> Self:
        called = job.policy.called or job.tool.replace("_", " ")
        return cls(job.tool, job.arguments, job.agent, called, now)

    @classmethod
    def stored(cls, fields: dict[str, Any]) -> Self:
        """The one that :meth:`entry` gave; fields of a newer version are passed over."""
        return cls(**{name: fields[name] for name in cls.__slots__ if name in fields})

    def entry(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def values(self) -> Any:
        """The arguments."""
        return _values(self.arguments)

    @property
    def over(self) -> bool:
        return self.status in OVER

    def same_as(self, job: Job) -> bool:
        """Whether this is the same tool with the same arguments."""
        return self.tool == job.tool and self.values == _values(job.arguments)

    def meant_by(self, words: str) -> bool:
        """Whether somebody who says this may mean this work."""
        name = {*self.called.lower().split(), *self.tool.lower().split("_")} - _SMALL
        return self.id in words or bool(name & {*words.lower().split()})

    def told_to_models(self) -> dict[str, Any]:
        """How it stands, in the answer to ``list_background_work``."""
        told: dict[str, Any] = {"id": self.id, "what": self.called, "status": self.status}
        told["arguments"] = self.values
        return told | ({"progress": self.progress} if self.progress else {})

    def receipt(self, *, joined: bool = False) -> str:
        """What the model reads of work that goes on."""
        note = (
            "This already runs, and was not begun again."
            if joined
            else "This goes on in the background."
        )
        receipt = {
            "background_work": {"id": self.id, "what": self.called, "status": self.status},
            "joined": joined,
            "note": f"{note} There is no result yet, so make none up: say in a few words that you "
            "are on it, and talk on. The result comes by itself as soon as it is there.",
        }
        return json.dumps(receipt, ensure_ascii=False)


_SMALL = {"the", "a", "an", "my", "your", "of", "for", "and", "to", "it", "that", "this", "ask"}


def _values(arguments: str) -> Any:
    """Arguments as a value, so that neither order nor spaces matter; as written if not JSON."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments
