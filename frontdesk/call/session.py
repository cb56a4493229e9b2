"""What a Realtime session of a team begins with, and what of it no client can change."""

from collections.abc import Mapping
from typing import Any

from frontdesk.desk.schema import Team, TurnDetection
from frontdesk.protocol.session import Session

NOT_OURS = (
    "audio.input.noise_reduction",
    "audio.output.voice",  # who speaks how stands in the team file, agent by agent
    "parallel_tool_calls",
    "prompt",
    "reasoning",
    "tracing",
    "truncation",
)
"""Session fields that nothing here acts on yet. Clients may send them, and read back what is in
force instead of a promise."""


def session_defaults(team: Team, kind: object = "realtime") -> dict[str, Any]:
    """The team's own settings, as a patch on the protocol's defaults for a session of this kind:
    ``realtime``, or ``transcription``, which says nothing."""
    audio = {"input": {"turn_detection": _turn_detection(team.voice.turn_detection)}}
    if kind == "transcription":
        return {"type": kind, "audio": audio}
    return {"audio": {**audio, "output": {"voice": team.voice.tts.voice or "alloy"}}}


def session_config(team: Team, session_id: str, patch: Mapping[str, Any]) -> dict[str, Any]:
    """The whole config of a session that begins with ``patch``, as ``session.created`` will show
    it. Raises :class:`ProtocolError` naming the first bad field as ``session.…``."""
    model = str(patch.get("model") or team.name)
    session = Session(session_id, model, session_defaults(team, patch.get("type")), NOT_OURS)
    session.update(patch)
    return session.config


def _turn_detection(rules: TurnDetection) -> dict[str, object]:
    """The team's rules as a Realtime session has them."""
    if rules.type == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": rules.eagerness}
    fields = {"threshold", "prefix_padding_ms", "silence_duration_ms"}
    return {"type": "server_vad", **rules.model_dump(include=fields)}
