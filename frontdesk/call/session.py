"""What a Realtime session of a team begins with, and what of it no client can change."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from frontdesk.call.context import OUTPUT_TOKENS
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.prompts import Prompts
from frontdesk.desk.schema import Team
from frontdesk.desk.voice import TurnDetection
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.protocol.ids import new_id
from frontdesk.voice import noise
from frontdesk.voice.base import logprobs_of

Kind = Literal["realtime", "transcription"]

SESSION_CONFIG = "frontdesk.session_config"
"""Key of the ASGI scope under which the door leaves, for the transports, the session config that a
client secret carries."""

NOT_OURS = ("audio.output.voice",)  # who speaks how stands in the team file, agent by agent
"""Session fields that nothing here acts on. Clients may send them, and read back what is in force
instead of a promise."""

OF_SERVICES = ("parallel_tool_calls", "reasoning")
"""Fields that mean nothing to a model which runs in this process."""


def new_protocol(
    live: LiveTeam,
    call_id: str,
    model: str | None,
    kind: Kind,
    expires_at: int | None,
    ids: Callable[[str], str] = new_id,
) -> RealtimeProtocol:
    """The protocol of a call with this team, which ends at the unix time ``expires_at``."""
    return RealtimeProtocol(
        call_id,
        model or live.loaded.team.name,
        fixed=fixed_fields(live),
        defaults=session_defaults(live, kind),
        ids=ids,
        expires_at=expires_at,
        prompts=Prompts(live.loaded).look_up,
        sees_images=sees_images(live),
        refuse_url=live.guard.refusal,
        most_tokens=most_tokens(live),
        idle_ms=idle_ms(live.loaded.team),
    )


def idle_ms(team: Team) -> int | None:
    """How long a caller of the team may stay silent, where the client does not say."""
    return None if team.voice.idle is None else round(1000 * team.voice.idle.after)


def session_config(live: LiveTeam, session_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
    """The whole config of a session that begins with ``patch``, as ``session.created`` will show
    it. Raises :class:`ProtocolError` naming the first bad field as ``session.…``."""
    protocol = new_protocol(live, session_id, patch.get("model"), kind_of(patch), None)
    protocol.configure(patch)
    return protocol.session


def kind_of(patch: Mapping[str, Any], otherwise: Kind = "realtime") -> Kind:
    """The kind of session that a config is for."""
    return "transcription" if patch.get("type", otherwise) == "transcription" else "realtime"


def fixed_fields(live: LiveTeam) -> frozenset[str]:
    """The session fields that no client of this team can change."""
    fixed = {*NOT_OURS}
    if not noise.available():
        fixed.add("audio.input.noise_reduction")
    if not any(live.runner.hosted(agent) for agent in live.loaded.team.agents):
        fixed |= {*OF_SERVICES}
    if logprobs_of(live.voice.stt) is None:
        fixed.add("include")
    return frozenset(fixed)


def sees_images(live: LiveTeam) -> bool:
    """Whether any agent of the team can be shown an image."""
    return any(live.runner.sees(agent) for agent in live.loaded.team.agents)


def most_tokens(live: LiveTeam) -> int:
    """The longest conversation that any model of the team can be given, as the specification has
    it: its context less the longest answer."""
    windows = [live.runner.context_window(agent) for agent in live.loaded.team.agents]
    return max(max(windows) - OUTPUT_TOKENS, 1)


def session_defaults(live: LiveTeam, kind: Kind) -> dict[str, Any]:
    """The team's own settings, as a patch on the protocol's defaults."""
    team = live.loaded.team
    if kind == "transcription":
        return {"type": kind, "audio": {"input": _heard_by(live, team)}}
    voice = team.voice
    return {
        "audio": {
            "input": {
                "turn_detection": _turn_detection(voice.turn_detection),
                "noise_reduction": _noise_reduction(team),
            },
            "output": {"voice": spoken_with(live)},
        }
    }


def spoken_with(live: LiveTeam) -> str:
    """The voice of the team: the speech model's own name for it, where it says one."""
    told: object = getattr(live.voice.tts, "voice", None)
    return told if isinstance(told, str) else live.loaded.team.voice.tts.voice or "alloy"


def _heard_by(live: LiveTeam, team: Team) -> dict[str, Any]:
    """The ear of a transcription session: that is what it is for, so it is on."""
    stt = team.voice.stt
    transcription = {"model": stt.model or live.voice.stt.name, "language": stt.language}
    return {
        "turn_detection": _turn_detection(team.voice.turn_detection),
        "noise_reduction": _noise_reduction(team),
        "transcription": transcription,
    }


def _noise_reduction(team: Team) -> dict[str, object] | None:
    """The team's, as far as it can be done here."""
    rules = team.voice.noise_reduction
    return rules.model_dump() if rules is not None and noise.available() else None


def _turn_detection(rules: TurnDetection) -> dict[str, object]:
    """The team's rules as a Realtime session has them."""
    if rules.type == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": rules.eagerness}
    fields = {"threshold", "prefix_padding_ms", "silence_duration_ms"}
    return {"type": "server_vad", **rules.model_dump(include=fields)}
