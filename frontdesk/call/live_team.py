"""A team as this worker runs it: the file's meaning, its agents, its voice."""

from dataclasses import dataclass, field

from frontdesk.desk.loader import LoadedTeam
from frontdesk.mcp.guard import AddressGuard
from frontdesk.team.runner import TeamRunner
from frontdesk.tracing.capture import Capture
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.speaker import PhraseCache


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

    @property
    def version(self) -> str:
        """12 hex digits over all that the team was read from."""
        return self.loaded.version

    @property
    def guard(self) -> AddressGuard:
        """Where clients of this team may name MCP servers."""
        return AddressGuard(self.loaded.team.client_mcp.private_hosts)
