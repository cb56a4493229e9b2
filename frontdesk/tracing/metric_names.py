"""Names of metrics. Made by scripts/spans.py from tracing/spans.yaml."""

from typing import Literal, NamedTuple


class Metric(NamedTuple):
    """What a metric is; ``buckets`` names a histogram's upper bounds."""

    instrument: Literal["counter", "histogram", "gauge", "total"]
    unit: str
    meaning: str
    attributes: tuple[str, ...]
    buckets: str = ""


VOICE_TURNS = "voice.turns"
VOICE_TURN_LATENCY = "voice.turn.latency"
VOICE_TURN_HELD = "voice.turn.held"
VOICE_TURN_SAVED = "voice.turn.saved"
VOICE_SPECULATIONS = "voice.speculations"
VOICE_INTERRUPTIONS = "voice.interruptions"
VOICE_INTERRUPTION_DURATION = "voice.interruption.duration"
VOICE_INTERRUPTIONS_FALSE = "voice.interruptions.false"
VOICE_DEAD_AIR_DURATION = "voice.dead_air.duration"
VOICE_STAGE_DURATION = "voice.stage.duration"
VOICE_GUARDRAIL_TRIPS = "voice.guardrail.trips"
GEN_AI_CLIENT_INFERENCE_DURATION = "gen_ai.client.inference.duration"
GEN_AI_CLIENT_INFERENCE_TIME_TO_FIRST_CHUNK = "gen_ai.client.inference.time_to_first_chunk"
GEN_AI_CLIENT_INFERENCE_USAGE_INPUT_TOKENS = "gen_ai.client.inference.usage.input_tokens"
GEN_AI_CLIENT_INFERENCE_USAGE_OUTPUT_TOKENS = "gen_ai.client.inference.usage.output_tokens"
VOICE_COST = "voice.cost"
GEN_AI_EXECUTE_TOOL_DURATION = "gen_ai.execute_tool.duration"
MCP_CLIENT_OPERATION_DURATION = "mcp.client.operation.duration"
VOICE_CALLS_LIVE = "voice.calls.live"
VOICE_EVENT_LOOP_LAG = "voice.event_loop.lag"
VOICE_SPANS_LOST = "voice.spans.lost"
VOICE_RETENTION_REMOVED = "voice.retention.removed"
VOICE_REDACTION_FAILED = "voice.redaction.failed"

METRICS: dict[str, Metric] = {
    "voice.turns": Metric(
        "counter",
        "{turn}",
        "Turns that ended; with `voice.silence.reason` those of which the caller heard nothing.",
        ("gen_ai.workflow.name", "voice.turn.end_reason", "voice.silence.reason"),
    ),
    "voice.turn.latency": Metric(
        "histogram",
        "s",
        "From the caller's last sound to the first sound of the answer.",
        ("gen_ai.workflow.name",),
        "waits",
    ),
    "voice.turn.held": Metric(
        "histogram",
        "s",
        "How long words of an answer waited for guardrails, in sum; turns without are left out.",
        ("gen_ai.workflow.name",),
        "waits",
    ),
    "voice.turn.saved": Metric(
        "histogram",
        "s",
        "How much sooner answers were heard that were begun before the turn was surely over.",
        ("gen_ai.workflow.name",),
        "waits",
    ),
    "voice.speculations": Metric(
        "counter",
        "{speculation}",
        "Answers that were begun before the end of the turn was sure.",
        ("gen_ai.workflow.name", "voice.speculation.outcome"),
    ),
    "voice.interruptions": Metric(
        "counter",
        "{interruption}",
        "Answers that the caller cut short.",
        ("gen_ai.workflow.name",),
    ),
    "voice.interruption.duration": Metric(
        "histogram",
        "s",
        "From the caller's first sound on the wire to the last of the answer that was stopped.",
        ("gen_ai.workflow.name",),
        "waits",
    ),
    "voice.interruptions.false": Metric(
        "counter",
        "{interruption}",
        "Answers that were cut short for nothing, and went on.",
        ("gen_ai.workflow.name", "voice.interruption.false"),
    ),
    "voice.dead_air.duration": Metric(
        "histogram",
        "s",
        "Silence longer than the team's `budgets.silence`, by what held the answer up.",
        ("voice.silence.stage",),
        "waits",
    ),
    "voice.stage.duration": Metric(
        "histogram",
        "s",
        "Spans by stage: end_of_turn, speech_to_text, model, tools, guardrail, text_to_speech.",
        ("voice.stage", "error.type"),
        "waits",
    ),
    "voice.guardrail.trips": Metric(
        "counter",
        "{trip}",
        "Guardrails that tripped.",
        ("voice.guardrail.mode", "voice.guardrail.stage"),
    ),
    "gen_ai.client.inference.duration": Metric(
        "histogram",
        "s",
        "Calls to models.",
        ("gen_ai.request.model", "gen_ai.provider.name", "error.type"),
        "waits",
    ),
    "gen_ai.client.inference.time_to_first_chunk": Metric(
        "histogram",
        "s",
        "From a call to a model to the first piece of its answer.",
        ("gen_ai.request.model", "gen_ai.provider.name"),
        "waits",
    ),
    "gen_ai.client.inference.usage.input_tokens": Metric(
        "histogram",
        "{token}",
        "Tokens that a model read for an answer.",
        ("gen_ai.request.model", "gen_ai.provider.name"),
        "tokens",
    ),
    "gen_ai.client.inference.usage.output_tokens": Metric(
        "histogram",
        "{token}",
        "Tokens that a model wrote for an answer.",
        ("gen_ai.request.model", "gen_ai.provider.name"),
        "tokens",
    ),
    "voice.cost": Metric(
        "counter",
        "{currency}",
        "What models cost by the desk's prices; `voice.cost.currency` says in what.",
        ("gen_ai.request.model", "voice.cost.currency"),
    ),
    "gen_ai.execute_tool.duration": Metric(
        "histogram",
        "s",
        "Calls of the team's tools.",
        ("gen_ai.tool.name", "error.type"),
        "waits",
    ),
    "mcp.client.operation.duration": Metric(
        "histogram",
        "s",
        "Requests to MCP servers.",
        ("mcp.method.name", "error.type"),
        "waits",
    ),
    "voice.calls.live": Metric(
        "gauge",
        "{call}",
        "Calls under way in this process.",
        (),
    ),
    "voice.event_loop.lag": Metric(
        "histogram",
        "s",
        "How late a timer of the event loop came, twice a second; everything else is as late.",
        (),
        "lags",
    ),
    "voice.spans.lost": Metric(
        "total",
        "{span}",
        "Spans (and pieces of audio) that could not be kept or sent.",
        ("voice.lost.to",),
    ),
    "voice.retention.removed": Metric(
        "total",
        "{removed}",
        "What was removed because it was too old, or because there was too much.",
        ("voice.retention.of",),
    ),
    "voice.redaction.failed": Metric(
        "total",
        "{text}",
        "Texts that a team's `redact` failed at, or took too long for: they were withheld.",
        (),
    ),
}
"""Every metric, by its name."""

BUCKETS: dict[str, tuple[float, ...]] = {
    "waits": (
        0.01,
        0.02,
        0.04,
        0.08,
        0.16,
        0.24,
        0.32,
        0.48,
        0.64,
        0.96,
        1.28,
        1.92,
        2.56,
        5.12,
        10.24,
        20.48,
        40.96,
        81.92,
    ),
    "tokens": (
        1,
        4,
        16,
        64,
        256,
        1024,
        4096,
        16384,
        65536,
        262144,
        1048576,
    ),
    "lags": (
        0.001,
        0.002,
        0.005,
        0.01,
        0.02,
        0.05,
        0.1,
        0.2,
        0.5,
        1,
        2,
    ),
}
