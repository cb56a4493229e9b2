"""A team as this worker runs it: the file's meaning, its agents, its voice."""

import asyncio
import logging
from dataclasses import dataclass, field

from frontdesk.call.rehearsing import Rehearsal
from frontdesk.desk.loader import LoadedTeam
from frontdesk.mcp.guard import AddressGuard
from frontdesk.protocol.engine import EngineError
from frontdesk.team.models import ModelUnavailable
from frontdesk.team.reach import Reach
from frontdesk.team.runner import TeamRunner
from frontdesk.tracing.capture import Capture
from frontdesk.voice.models import SPEECH_TO_TEXT, VoiceModels
from frontdesk.voice.phrases import PhraseCache
from frontdesk.warmth import FOR_A_CALL

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class LiveTeam:
    """Shared by all calls that began with this version of the team."""

    loaded: LoadedTeam
    runner: TeamRunner
    voice: VoiceModels
    phrases: PhraseCache
    """Speech of lines that recur, shared by all teams of the worker."""
    capture: Capture = field(default_factory=Capture)
    """What traces keep of its calls."""
    rehearsal: Rehearsal = field(init=False)
    """Makes the team's fixed lines."""
    services: Reach | None = None
    """The services that run dialogue models."""

    def __post_init__(self) -> None:
        made = Rehearsal(self.loaded.team, self.voice, self.phrases)
        object.__setattr__(self, "rehearsal", made)

    async def reach(self, *, talks: bool) -> list[EngineError]:
        """Before a call: connections to all that others run are open, or it is told what cannot be
        reached. It takes a moment at most, and none where nothing is run by others. ``talks``: the
        call is answered, and not transcribed only."""
        voice, dialogue = await asyncio.gather(self.voice.reach(), self._dialogue())
        down = {**voice, **({"the dialogue model": dialogue} if dialogue else {})}
        heard = [stage for stage in down if talks or stage == SPEECH_TO_TEXT]
        return [
            EngineError(
                f"There is no connection to {stage} at the moment; it is tried again when it is "
                "needed. The server's log says why.",
                "model_unreachable",
            )
            for stage in heard
        ]

    async def _dialogue(self) -> str | None:
        if self.services is None:
            return None
        try:
            return await self.services.look(self.loaded.team, FOR_A_CALL)
        except ModelUnavailable as error:  # a key that was taken when the server started
            logger.error("%s", error)
            return str(error)

    @property
    def version(self) -> str:
        """12 hex digits over all that the team was read from."""
        return self.loaded.version

    @property
    def guard(self) -> AddressGuard:
        """Where clients of this team may name MCP servers."""
        return AddressGuard(self.loaded.team.client_mcp.private_hosts)
