"""What a Realtime session of a team begins with, and what of it no client can change."""

from typing import Any

from frontdesk.desk.schema import Team, TurnDetection

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


def session_defaults(team: Team) -> dict[str, Any]:
    """The team's own settings, as a patch on the protocol's defaults."""
    voice = team.voice
    return {
        "audio": {
            "input": {"turn_detection": _turn_detection(voice.turn_detection)},
            "output": {"voice": voice.tts.voice or "alloy"},
        }
    }


def _turn_detection(rules: TurnDetection) -> dict[str, object]:
    """The team's rules as a Realtime session has them."""
    if rules.type == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": rules.eagerness}
    fields = {"threshold", "prefix_padding_ms", "silence_duration_ms"}
    return {"type": "server_vad", **rules.model_dump(include=fields)}
