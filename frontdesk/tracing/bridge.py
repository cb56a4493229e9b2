"""What the Agents SDK knows about a span, in OpenTelemetry's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from agents.tracing import (
    AgentSpanData,
    CustomSpanData,
    FunctionSpanData,
    GenerationSpanData,
    GuardrailSpanData,
    HandoffSpanData,
    MCPListToolsSpanData,
    ResponseSpanData,
    SpanData,
    SpanError,
    SpeechGroupSpanData,
    SpeechSpanData,
    TaskSpanData,
    TranscriptionSpanData,
    TurnSpanData,
)

from frontdesk.tracing import messages, names


@dataclass(slots=True)
class Described:
    """A span's name and attributes; what has no value is left out when they are set.

    ``content`` are functions, called only when content is kept: rendering it costs time.
    """

    name: str
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    content: dict[str, Callable[[], Any]] = field(default_factory=dict[str, Callable[[], Any]])
    started: int | None = None
    """Unix nanoseconds, for a span that is told of when it is over."""

    def collect(self, content: bool) -> dict[str, Any]:
        """The attributes that have a value."""
        found = {key: value for key, value in self.attributes.items() if value is not None}
        if content:
            rendered = ((key, render()) for key, render in self.content.items())
            found.update((key, value) for key, value in rendered if value is not None)
        return found


def describe(data: SpanData) -> Described:
    """Name and attributes of an SDK span, as far as they are known by now."""
    handler = _KINDS.get(data.type)
    described = handler(data) if handler else Described(_named(names.CUSTOM, data.type))
    if handler is None:
        described.content[names.VOICE_CUSTOM_DATA] = lambda: messages.dump(data.export())
    described.attributes[names.VOICE_OPENAI_SPAN_TYPE] = data.type
    return described


def _named(operation: str, subject: object) -> str:
    return f"{operation} {subject}" if subject else operation


def _agent(data: AgentSpanData) -> Described:
    return Described(
        _named(names.INVOKE_AGENT, data.name),
        {
            names.GEN_AI_OPERATION_NAME: names.INVOKE_AGENT,
            names.GEN_AI_AGENT_NAME: data.name,
            names.VOICE_AGENT_TOOLS: data.tools,
            names.VOICE_AGENT_HANDOFFS: data.handoffs,
        },
    )


def _task(data: TaskSpanData) -> Described:
    return Described(_named(names.RUN, data.name), _usage(data.usage))


def _turn(data: TurnSpanData) -> Described:
    attributes = {
        names.VOICE_STEP_INDEX: data.turn,
        names.GEN_AI_AGENT_NAME: data.agent_name,
        **_usage(data.usage),
    }
    return Described(_named(names.MODEL_STEP, data.turn), attributes)


def _generation(data: GenerationSpanData) -> Described:
    config = data.model_config or {}
    return Described(
        _named(names.CHAT, data.model),
        {
            names.GEN_AI_OPERATION_NAME: names.CHAT,
            names.GEN_AI_PROVIDER_NAME: config.get("provider"),
            names.GEN_AI_REQUEST_MODEL: data.model,
            names.GEN_AI_REQUEST_TEMPERATURE: config.get("temperature"),
            names.GEN_AI_REQUEST_MAX_TOKENS: config.get("max_tokens"),
            **_usage(data.usage),
        },
        {
            names.GEN_AI_INPUT_MESSAGES: lambda: _messages(data.input, "user"),
            names.GEN_AI_OUTPUT_MESSAGES: lambda: _messages(data.output, "assistant"),
        },
    )


def _response(data: ResponseSpanData) -> Described:
    response = data.response
    described = Described(
        _named(names.CHAT, response and response.model),
        {names.GEN_AI_OPERATION_NAME: names.CHAT, **_usage(data.usage)},
        {names.GEN_AI_INPUT_MESSAGES: lambda: _messages(data.input, "user")},
    )
    if response is not None:
        described.attributes |= {
            names.GEN_AI_REQUEST_MODEL: response.model,
            names.GEN_AI_RESPONSE_MODEL: response.model,
            names.GEN_AI_RESPONSE_ID: response.id,
            names.GEN_AI_RESPONSE_FINISH_REASONS: [response.status] if response.status else None,
            names.GEN_AI_REQUEST_TEMPERATURE: response.temperature,
            names.GEN_AI_REQUEST_MAX_TOKENS: response.max_output_tokens,
        }
        described.content[names.GEN_AI_OUTPUT_MESSAGES] = lambda: _messages(
            response.output, "assistant"
        )
        if isinstance(prompt := response.instructions, str):
            described.content[names.GEN_AI_SYSTEM_INSTRUCTIONS] = lambda: messages.dump(
                [{"type": "text", "content": prompt}]
            )
    return described


def _messages(items: object, role: str) -> str | None:
    return messages.of(items, role) if items else None


def _function(data: FunctionSpanData) -> Described:
    call = data.mcp_data or {}
    server = call.get("server")
    return Described(
        _named(names.EXECUTE_TOOL, data.name),
        {
            names.GEN_AI_OPERATION_NAME: names.EXECUTE_TOOL,
            names.GEN_AI_TOOL_NAME: data.name,
            names.GEN_AI_TOOL_TYPE: "extension" if server else "function",
            names.VOICE_MCP_SERVER: server,
            names.VOICE_MCP_FAULT: call.get("fault"),
            names.VOICE_MCP_ATTEMPTS: call.get("attempts"),
            names.VOICE_MCP_WAITED: call.get("waited"),
            names.SERVER_ADDRESS: call.get("host"),
            names.SERVER_PORT: call.get("port"),
            names.MCP_PROTOCOL_VERSION: call.get("protocol"),
        },
        {
            names.GEN_AI_TOOL_CALL_ARGUMENTS: lambda: _text(data.input),
            names.GEN_AI_TOOL_CALL_RESULT: lambda: _text(data.output),
            names.VOICE_MCP_PROGRESS: lambda: _lines(call.get("progress")),
        },
    )


def _text(value: object) -> str | None:
    if value is None:
        return None
    return messages.safe(value) if isinstance(value, str) else messages.dump(value)


def _lines(progress: list[str] | None) -> str | None:
    return messages.safe("\n".join(progress)) if progress else None


def _handoff(data: HandoffSpanData) -> Described:
    attributes = {
        names.VOICE_HANDOFF_FROM: data.from_agent,
        names.VOICE_HANDOFF_TO: data.to_agent,
    }
    return Described(_named(names.HANDOFF, data.to_agent), attributes)


def _guardrail(data: GuardrailSpanData) -> Described:
    attributes = {names.VOICE_GUARDRAIL_TRIGGERED: data.triggered}
    return Described(_named(names.GUARDRAIL, data.name), attributes)


def _mcp_tools(data: MCPListToolsSpanData) -> Described:
    attributes = {names.VOICE_MCP_SERVER: data.server, names.VOICE_MCP_TOOLS: data.result}
    return Described(_named(names.MCP_LIST_TOOLS, data.server), attributes)


def _custom(data: CustomSpanData) -> Described:
    if data.name == names.MODEL_ATTEMPT:
        return _attempt(data.data)
    content = {names.VOICE_CUSTOM_DATA: lambda: messages.dump(data.data) if data.data else None}
    return Described(_named(names.CUSTOM, data.name), {}, content)


def _attempt(data: Mapping[str, Any]) -> Described:
    attributes = {
        names.VOICE_MODEL_NAME: data["model"],
        names.VOICE_MODEL_ATTEMPT: data["attempt"],
        names.VOICE_MODEL_WAIT: data["wait"],
    }
    return Described(
        _named(names.MODEL_ATTEMPT, data["model"]), attributes, started=data["started"]
    )


def _transcription(data: TranscriptionSpanData) -> Described:
    return Described(
        _named(names.SPEECH_TO_TEXT, data.model),
        {
            names.GEN_AI_OPERATION_NAME: names.SPEECH_TO_TEXT,
            names.GEN_AI_REQUEST_MODEL: data.model,
        },
        {names.GEN_AI_OUTPUT_MESSAGES: lambda: messages.user(data.output)},
    )


def _speech(data: SpeechSpanData) -> Described:
    return Described(
        _named(names.TEXT_TO_SPEECH, data.model),
        {
            names.GEN_AI_OPERATION_NAME: names.TEXT_TO_SPEECH,
            names.GEN_AI_REQUEST_MODEL: data.model,
            names.GEN_AI_SPEECH_VOICE: (data.model_config or {}).get("voice"),
        },
        {names.GEN_AI_INPUT_MESSAGES: lambda: _messages(data.input, "assistant")},
    )


def _speech_group(data: SpeechGroupSpanData) -> Described:
    content = {names.GEN_AI_INPUT_MESSAGES: lambda: _messages(data.input, "assistant")}
    return Described(names.SPEECH_GROUP, {}, content)


_KINDS: dict[str, Callable[[Any], Described]] = {
    "agent": _agent,
    "task": _task,
    "turn": _turn,
    "generation": _generation,
    "response": _response,
    "function": _function,
    "handoff": _handoff,
    "guardrail": _guardrail,
    "mcp_tools": _mcp_tools,
    "custom": _custom,
    "transcription": _transcription,
    "speech": _speech,
    "speech_group": _speech_group,
}


def _usage(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    if not usage:
        return {}
    return {
        names.GEN_AI_USAGE_INPUT_TOKENS: usage.get("input_tokens"),
        names.GEN_AI_USAGE_OUTPUT_TOKENS: usage.get("output_tokens"),
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: _detail(
            usage, "input_tokens_details", "cached_tokens"
        ),
        names.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: _detail(
            usage, "output_tokens_details", "reasoning_tokens"
        ),
        names.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: _detail(
            usage, "input_tokens_details", "audio_tokens"
        ),
        names.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: _detail(
            usage, "output_tokens_details", "audio_tokens"
        ),
    }


def _detail(usage: Mapping[str, Any], group: str, key: str) -> int | None:
    details = usage.get(group)
    if not isinstance(details, Mapping):
        return usage.get(key)
    return cast("Mapping[str, Any]", details).get(key)


_ERRORS = {
    "function": "tool_error",
    "generation": "model_error",
    "response": "model_error",
    "mcp_tools": "mcp_unavailable",
}


def error(data: SpanData, found: SpanError, content: bool) -> tuple[str, str]:
    """``error.type`` and the message of a failed span."""
    kind = _ERRORS.get(data.type, "agent_error")
    if isinstance(data, CustomSpanData) and data.name == names.MODEL_ATTEMPT:
        kind = str(data.data["kind"])
    if "guardrail" in found["message"].lower():
        kind = "guardrail_tripped"
    details = found["data"] or {}
    detail = details.get("error") or details.get("message")
    if not content:
        return kind, kind
    return kind, f"{found['message']}: {detail}" if detail else found["message"]
