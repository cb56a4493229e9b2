"""Names of spans and attributes. Made by scripts/spans.py from tracing/spans.yaml."""

ERROR_TYPE = "error.type"
GEN_AI_AGENT_NAME = "gen_ai.agent.name"
GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id"
GEN_AI_EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation"
GEN_AI_EVALUATION_NAME = "gen_ai.evaluation.name"
GEN_AI_EVALUATION_SCORE_LABEL = "gen_ai.evaluation.score.label"
GEN_AI_EVALUATION_SCORE_VALUE = "gen_ai.evaluation.score.value"
GEN_AI_INPUT_MESSAGES = "gen_ai.input.messages"
GEN_AI_OPERATION_NAME = "gen_ai.operation.name"
GEN_AI_OUTPUT_MESSAGES = "gen_ai.output.messages"
GEN_AI_PROVIDER_NAME = "gen_ai.provider.name"
GEN_AI_REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
GEN_AI_REQUEST_MODEL = "gen_ai.request.model"
GEN_AI_REQUEST_TEMPERATURE = "gen_ai.request.temperature"
GEN_AI_RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_ID = "gen_ai.response.id"
GEN_AI_RESPONSE_MODEL = "gen_ai.response.model"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
GEN_AI_SPEECH_INPUT_LANGUAGE = "gen_ai.speech.input.language"
GEN_AI_SPEECH_VOICE = "gen_ai.speech.voice"
GEN_AI_SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
GEN_AI_TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments"
GEN_AI_TOOL_CALL_ID = "gen_ai.tool.call.id"
GEN_AI_TOOL_CALL_RESULT = "gen_ai.tool.call.result"
GEN_AI_TOOL_NAME = "gen_ai.tool.name"
GEN_AI_TOOL_TYPE = "gen_ai.tool.type"
GEN_AI_USAGE_AUDIO_INPUT_TOKENS = "gen_ai.usage.audio.input_tokens"
GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS = "gen_ai.usage.audio.output_tokens"
GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_WORKFLOW_NAME = "gen_ai.workflow.name"
JSONRPC_REQUEST_ID = "jsonrpc.request.id"
MCP_METHOD_NAME = "mcp.method.name"
MCP_PROTOCOL_VERSION = "mcp.protocol.version"
RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
USER_ID = "user.id"
VOICE_AGENT_HANDOFFS = "voice.agent.handoffs"
VOICE_AGENT_TOOLS = "voice.agent.tools"
VOICE_AUDIO_DURATION = "voice.audio.duration"
VOICE_AUDIO_OFFSET_MS = "voice.audio.offset_ms"
VOICE_CALLER_LANGUAGE = "voice.caller.language"
VOICE_CLIENT_GROUP_ID = "voice.client.group_id"
VOICE_CLIENT_METADATA = "voice.client.metadata"
VOICE_CLIENT_WORKFLOW_NAME = "voice.client.workflow_name"
VOICE_CONTEXT_ITEMS = "voice.context.items"
VOICE_CONTEXT_LEFT_OUT = "voice.context.left_out"
VOICE_CONTEXT_TOKENS = "voice.context.tokens"
VOICE_CONTEXT_TOKENS_AFTER = "voice.context.tokens_after"
VOICE_CONTEXT_TOKENS_BEFORE = "voice.context.tokens_before"
VOICE_COST = "voice.cost"
VOICE_COST_CURRENCY = "voice.cost.currency"
VOICE_CUSTOM_DATA = "voice.custom.data"
VOICE_DELEGATION_ID = "voice.delegation.id"
VOICE_DELEGATION_PROGRESS = "voice.delegation.progress"
VOICE_DELEGATION_STATUS = "voice.delegation.status"
VOICE_DELEGATION_TOLD = "voice.delegation.told"
VOICE_DELEGATION_TRACE = "voice.delegation.trace"
VOICE_EOU_DELAY = "voice.eou.delay"
VOICE_EOU_PROBABILITY = "voice.eou.probability"
VOICE_GUARDRAIL_MODE = "voice.guardrail.mode"
VOICE_GUARDRAIL_REASON = "voice.guardrail.reason"
VOICE_GUARDRAIL_STAGE = "voice.guardrail.stage"
VOICE_GUARDRAIL_TEXT = "voice.guardrail.text"
VOICE_GUARDRAIL_TRIGGERED = "voice.guardrail.triggered"
VOICE_HANDOFF_FROM = "voice.handoff.from"
VOICE_HANDOFF_TO = "voice.handoff.to"
VOICE_IDLE_TIMES = "voice.idle.times"
VOICE_INTERRUPTED_AT = "voice.interrupted_at"
VOICE_INTERRUPTED_OF = "voice.interrupted_of"
VOICE_INTERRUPTION_FALSE = "voice.interruption.false"
VOICE_INTERRUPTION_TIME = "voice.interruption.time"
VOICE_ITEM_ID = "voice.item.id"
VOICE_LOST_TO = "voice.lost.to"
VOICE_MCP_APPROVAL = "voice.mcp.approval"
VOICE_MCP_ATTEMPTS = "voice.mcp.attempts"
VOICE_MCP_FAULT = "voice.mcp.fault"
VOICE_MCP_PROGRESS = "voice.mcp.progress"
VOICE_MCP_SERVER = "voice.mcp.server"
VOICE_MCP_TOOLS = "voice.mcp.tools"
VOICE_MCP_WAITED = "voice.mcp.waited"
VOICE_MEMORY_CALLS = "voice.memory.calls"
VOICE_MODEL_ATTEMPT = "voice.model.attempt"
VOICE_MODEL_NAME = "voice.model.name"
VOICE_MODEL_WAIT = "voice.model.wait"
VOICE_OPENAI_SPAN_ID = "voice.openai.span_id"
VOICE_OPENAI_SPAN_TYPE = "voice.openai.span_type"
VOICE_PLAYBACK_POSITION = "voice.playback.position"
VOICE_QUESTION_ANSWER = "voice.question.answer"
VOICE_QUESTION_BY = "voice.question.by"
VOICE_QUESTION_DECISION = "voice.question.decision"
VOICE_QUESTION_HOW = "voice.question.how"
VOICE_QUESTION_ID = "voice.question.id"
VOICE_QUESTION_KIND = "voice.question.kind"
VOICE_QUESTION_READING = "voice.question.reading"
VOICE_QUESTION_TEXT = "voice.question.text"
VOICE_QUESTION_WAITED = "voice.question.waited"
VOICE_QUESTION_WHO = "voice.question.who"
VOICE_RETENTION_OF = "voice.retention.of"
VOICE_SILENCE_REASON = "voice.silence.reason"
VOICE_SILENCE_STAGE = "voice.silence.stage"
VOICE_SILENCE_WAITS_FOR = "voice.silence.waits_for"
VOICE_SPECULATION_DISCARDED = "voice.speculation.discarded"
VOICE_SPECULATION_OUTCOME = "voice.speculation.outcome"
VOICE_SPEECH_CACHED = "voice.speech.cached"
VOICE_SPEECH_CHARACTERS = "voice.speech.characters"
VOICE_SPEECH_MANNER = "voice.speech.manner"
VOICE_SPEECH_STYLE = "voice.speech.style"
VOICE_STAGE = "voice.stage"
VOICE_STEP_INDEX = "voice.step.index"
VOICE_STT_CONFIDENCE = "voice.stt.confidence"
VOICE_TAKE_OVER_EPOCH = "voice.take_over.epoch"
VOICE_TAKE_OVER_PAUSE = "voice.take_over.pause"
VOICE_TEAM_VERSION = "voice.team.version"
VOICE_TRANSPORT = "voice.transport"
VOICE_TURN_BLOCKED_BY = "voice.turn.blocked_by"
VOICE_TURN_END_REASON = "voice.turn.end_reason"
VOICE_TURN_HELD = "voice.turn.held"
VOICE_TURN_INDEX = "voice.turn.index"
VOICE_TURN_LATENCY = "voice.turn.latency"
VOICE_TURN_OUT_OF_BAND = "voice.turn.out_of_band"
VOICE_TURN_RESUMES = "voice.turn.resumes"
VOICE_TURN_SAVED = "voice.turn.saved"

INVOKE_WORKFLOW = "invoke_workflow"
USER_SPEECH = "user_speech"
END_OF_TURN = "end_of_turn"
SPEECH_TO_TEXT = "speech_to_text"
RUN = "run"
INVOKE_AGENT = "invoke_agent"
MODEL_STEP = "model_step"
CHAT = "chat"
MODEL_ATTEMPT = "model_attempt"
EXECUTE_TOOL = "execute_tool"
QUESTION = "question"
ANSWER = "answer"
DECISION = "decision"
HANDOFF = "handoff"
DELEGATION = "delegation"
GUARDRAIL = "guardrail"
MCP_LIST_TOOLS = "mcp_list_tools"
CUSTOM = "custom"
TEXT_TO_SPEECH = "text_to_speech"
DEAD_AIR = "dead_air"
COMPACTION = "compaction"
SPECULATION = "speculation"
TAKE_OVER = "take_over"
SPEECH_GROUP = "speech_group"
PLAYBACK = "playback"

GEN_AI_EVALUATION_RESULT = "gen_ai.evaluation.result"

STAGES: dict[str, str] = {
    "invoke_workflow": "turn",
    "user_speech": "user_speech",
    "end_of_turn": "end_of_turn",
    "speech_to_text": "speech_to_text",
    "run": "step",
    "invoke_agent": "agent",
    "model_step": "step",
    "chat": "model",
    "model_attempt": "model",
    "execute_tool": "tools",
    "question": "question",
    "answer": "question",
    "decision": "question",
    "handoff": "handoff",
    "delegation": "delegation",
    "guardrail": "guardrail",
    "mcp_list_tools": "mcp",
    "custom": "other",
    "text_to_speech": "text_to_speech",
    "dead_air": "other",
    "compaction": "compaction",
    "speculation": "speculation",
    "take_over": "other",
    "speech_group": "other",
    "playback": "playback",
    "MCP": "mcp",
    "tools/call": "mcp",
}
"""Stage by the first word of a span's name."""

CLIENTS = frozenset(
    {
        "chat",
        "speech_to_text",
        "text_to_speech",
    }
)
"""Spans of kind CLIENT; all other spans of ours are INTERNAL."""

PII = frozenset(
    {
        "gen_ai.evaluation.explanation",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "user.id",
        "voice.client.group_id",
        "voice.client.metadata",
        "voice.client.workflow_name",
        "voice.custom.data",
        "voice.delegation.progress",
        "voice.guardrail.reason",
        "voice.guardrail.text",
        "voice.mcp.progress",
        "voice.question.answer",
        "voice.question.text",
        "voice.question.who",
    }
)
"""Attributes that hold content: left out when content is off."""

ATTRIBUTES = frozenset(
    {
        "error.type",
        "gen_ai.agent.name",
        "gen_ai.conversation.id",
        "gen_ai.evaluation.explanation",
        "gen_ai.evaluation.name",
        "gen_ai.evaluation.score.label",
        "gen_ai.evaluation.score.value",
        "gen_ai.input.messages",
        "gen_ai.operation.name",
        "gen_ai.output.messages",
        "gen_ai.provider.name",
        "gen_ai.request.max_tokens",
        "gen_ai.request.model",
        "gen_ai.request.temperature",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.id",
        "gen_ai.response.model",
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.speech.input.language",
        "gen_ai.speech.voice",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.id",
        "gen_ai.tool.call.result",
        "gen_ai.tool.name",
        "gen_ai.tool.type",
        "gen_ai.usage.audio.input_tokens",
        "gen_ai.usage.audio.output_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.workflow.name",
        "jsonrpc.request.id",
        "mcp.method.name",
        "mcp.protocol.version",
        "rpc.response.status_code",
        "server.address",
        "server.port",
        "user.id",
        "voice.agent.handoffs",
        "voice.agent.tools",
        "voice.audio.duration",
        "voice.audio.offset_ms",
        "voice.caller.language",
        "voice.client.group_id",
        "voice.client.metadata",
        "voice.client.workflow_name",
        "voice.context.items",
        "voice.context.left_out",
        "voice.context.tokens",
        "voice.context.tokens_after",
        "voice.context.tokens_before",
        "voice.cost",
        "voice.cost.currency",
        "voice.custom.data",
        "voice.delegation.id",
        "voice.delegation.progress",
        "voice.delegation.status",
        "voice.delegation.told",
        "voice.delegation.trace",
        "voice.eou.delay",
        "voice.eou.probability",
        "voice.guardrail.mode",
        "voice.guardrail.reason",
        "voice.guardrail.stage",
        "voice.guardrail.text",
        "voice.guardrail.triggered",
        "voice.handoff.from",
        "voice.handoff.to",
        "voice.idle.times",
        "voice.interrupted_at",
        "voice.interrupted_of",
        "voice.interruption.false",
        "voice.interruption.time",
        "voice.item.id",
        "voice.lost.to",
        "voice.mcp.approval",
        "voice.mcp.attempts",
        "voice.mcp.fault",
        "voice.mcp.progress",
        "voice.mcp.server",
        "voice.mcp.tools",
        "voice.mcp.waited",
        "voice.memory.calls",
        "voice.model.attempt",
        "voice.model.name",
        "voice.model.wait",
        "voice.openai.span_id",
        "voice.openai.span_type",
        "voice.playback.position",
        "voice.question.answer",
        "voice.question.by",
        "voice.question.decision",
        "voice.question.how",
        "voice.question.id",
        "voice.question.kind",
        "voice.question.reading",
        "voice.question.text",
        "voice.question.waited",
        "voice.question.who",
        "voice.retention.of",
        "voice.silence.reason",
        "voice.silence.stage",
        "voice.silence.waits_for",
        "voice.speculation.discarded",
        "voice.speculation.outcome",
        "voice.speech.cached",
        "voice.speech.characters",
        "voice.speech.manner",
        "voice.speech.style",
        "voice.stage",
        "voice.step.index",
        "voice.stt.confidence",
        "voice.take_over.epoch",
        "voice.take_over.pause",
        "voice.team.version",
        "voice.transport",
        "voice.turn.blocked_by",
        "voice.turn.end_reason",
        "voice.turn.held",
        "voice.turn.index",
        "voice.turn.latency",
        "voice.turn.out_of_band",
        "voice.turn.resumes",
        "voice.turn.saved",
    }
)
"""Every attribute that a span may carry."""
