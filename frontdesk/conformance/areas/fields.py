"""Every field of a session and every option of a response: it works, stays as it is and is shown
so, or is refused by an error that names it (section 1.3)."""

from functools import partial
from typing import Any

from frontdesk.conformance.areas.session import TOOL
from frontdesk.conformance.reply import must
from frontdesk.conformance.session import user
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Event, Failed

area = Area("fields", "each field works, is shown as it stays, or is refused by name")

Patch = dict[str, Any]

WORKS, STAYS, HIDDEN, TAKEN = "works", "stays", "hidden", "taken"
REFUSED = "refused: "
"""What a field comes to; a refusal has its code behind it."""

SECRET = ("authorization", "headers")
"""Taken, and rightly never shown."""
PROMPT = "conformance"
"""The id of a stored prompt, if the server has one of this name."""

PLAIN: dict[str, list[Any]] = {
    "type": ["realtime"],
    "include": [["item.input_audio_transcription.logprobs"]],
    "instructions": ["Be brief."],
    "max_output_tokens": [100, "inf"],
    "model": ["gpt-realtime-2.1"],
    "output_modalities": [["text"], ["audio"]],
    "parallel_tool_calls": [False],
    "prompt": [{"id": PROMPT}],
    "prompt.id": [{"id": PROMPT}],
    "prompt.variables": [{"id": PROMPT, "variables": {"city": "Oslo"}}],
    "prompt.version": [{"id": PROMPT, "version": "1"}],
    "reasoning": [{"effort": "low"}],
    "reasoning.effort": [{"effort": "high"}],
    "tool_choice": ["none", "auto", "required"],
    "tracing": ["auto"],
    "tracing.group_id": [{"group_id": "group_1"}],
    "tracing.metadata": [{"metadata": {"tenant": "a"}}],
    "tracing.workflow_name": [{"workflow_name": "desk"}],
    "truncation": ["auto", "disabled"],
    "truncation.retention_ratio": [{"type": "retention_ratio", "retention_ratio": 0.8}],
    "truncation.token_limits": [
        {
            "type": "retention_ratio",
            "retention_ratio": 0.5,
            "token_limits": {"post_instructions": 4000},
        }
    ],
}
"""Fields of the top, each with values to try one after the other."""

INPUT: dict[str, list[Any]] = {
    "format": [{"type": "audio/pcmu"}, {"type": "audio/pcma"}, {"type": "audio/pcm"}],
    "format.rate": [{"type": "audio/pcm", "rate": 24000}],
    "noise_reduction": [{"type": "far_field"}, None],
    "noise_reduction.type": [{"type": "near_field"}],
    "noise_reduction.strength": [{"type": "near_field", "strength": 0.5}],
    "transcription": [{"model": "whisper-1"}, None],
    "transcription.model": [{"model": "gpt-4o-mini-transcribe"}],
    "transcription.language": [{"model": "whisper-1", "language": "en"}],
    "transcription.languages": [{"model": "gpt-transcribe", "languages": ["en", "de"]}],
    "transcription.prompt": [{"model": "whisper-1", "prompt": "Frontdesk"}],
    "transcription.keywords": [{"model": "gpt-transcribe", "keywords": ["Oslo"]}],
    "transcription.delay": [{"model": "gpt-live-transcribe", "delay": "low"}],
    "turn_detection": [None, {"type": "server_vad"}],
    **{
        f"turn_detection.server_vad.{name}": [{"type": "server_vad", name: value}]
        for name, value in {
            "create_response": False,
            "idle_timeout_ms": 6000,
            "interrupt_response": False,
            "prefix_padding_ms": 200,
            "silence_duration_ms": 700,
            "threshold": 0.6,
        }.items()
    },
    "turn_detection.server_vad": [{"type": "server_vad"}],
    "turn_detection.semantic_vad": [{"type": "semantic_vad"}],
    "turn_detection.semantic_vad.create_response": [
        {"type": "semantic_vad", "create_response": False}
    ],
    "turn_detection.semantic_vad.eagerness": [
        {"type": "semantic_vad", "eagerness": value} for value in ("low", "medium", "high", "auto")
    ],
    "turn_detection.semantic_vad.interrupt_response": [
        {"type": "semantic_vad", "interrupt_response": False}
    ],
}

OUTPUT: dict[str, list[Any]] = {
    "format": INPUT["format"],
    "format.rate": INPUT["format.rate"],
    "speed": [0.5, 1.25],
    "voice": ["marin"],
    "voice.id": [{"id": "voice_1234"}],
}

MCP: Patch = {
    "type": "mcp",
    "server_label": "docs",
    "server_url": "https://mcp.invalid/mcp",
    "require_approval": "never",
}

TOOLS: dict[str, list[Any]] = {
    "tools": [[TOOL], []],
    "tools.function.name": [[{**TOOL, "name": "look_up"}]],
    "tools.function.description": [[{**TOOL, "description": "Looks it up."}]],
    "tools.function.parameters": [[{**TOOL, "parameters": {"type": "object", "properties": {}}}]],
    "tool_choice.function.name": [{"type": "function", "name": TOOL["name"]}],
    "tool_choice.mcp.server_label": [{"type": "mcp", "server_label": "docs"}],
    "tool_choice.mcp.name": [{"type": "mcp", "server_label": "docs", "name": "search"}],
    **{
        f"tools.mcp.{name}": [[{**MCP, **{name.split(".")[0]: value}}]]
        for name, value in {
            "server_label": "papers",
            "server_url": "https://mcp.invalid/other",
            "server_description": "Looks into the docs.",
            "headers": {"X-Tenant": "a"},
            "authorization": "token",
            "allowed_tools": ["search"],
            "allowed_tools.tool_names": {"tool_names": ["search"]},
            "allowed_tools.read_only": {"read_only": True},
            "require_approval": "always",
            "require_approval.always": {"always": {"tool_names": ["search"]}},
            "require_approval.never": {"never": {"tool_names": ["search"]}},
            "allowed_callers": ["direct"],
            "defer_loading": True,
        }.items()
    },
    "tools.mcp.connector_id": [
        [{"type": "mcp", "server_label": "docs", "connector_id": "connector_gmail"}]
    ],
    "tools.mcp.tunnel_id": [[{"type": "mcp", "server_label": "docs", "tunnel_id": "tunnel_1"}]],
}

SESSION: dict[str, list[Any]] = {
    **PLAIN,
    **{f"audio.input.{name}": values for name, values in INPUT.items()},
    **{f"audio.output.{name}": values for name, values in OUTPUT.items()},
    **TOOLS,
}
"""Each field of a session, with the values that are tried. Where a value stands in the config
follows from the name: its longest beginning that is a place there."""

PLACES = (
    "audio.input.format",
    "audio.input.noise_reduction",
    "audio.input.transcription",
    "audio.input.turn_detection",
    "audio.output.format",
    "audio.output.speed",
    "audio.output.voice",
)
BESIDE: dict[str, Patch] = {
    "tool_choice": {"tools": [TOOL]},
    "tool_choice.function.name": {"tools": [TOOL]},
    "tool_choice.mcp.server_label": {"tools": [MCP]},
    "tool_choice.mcp.name": {"tools": [MCP]},
}
"""What a field needs beside it."""


def place(name: str) -> str:
    """Where in the config the value of a field goes."""
    return next((p for p in PLACES if name == p or name.startswith(f"{p}.")), name.split(".")[0])


def nested(path: str, value: Any) -> Patch:
    """``value`` at a dotted path."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def found(config: Any, path: str) -> Any:
    """What stands at a dotted path; None when there is nothing."""
    for key in path.split("."):
        config = config.get(key) if isinstance(config, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return config  # pyright: ignore[reportUnknownVariableType]


def holds(told: Any, given: Any) -> bool:
    """Whether ``told`` has all that was given; it may say more."""
    if isinstance(given, dict) and isinstance(told, dict):
        secrets = set(SECRET) - told.keys()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return all(key in secrets or holds(told.get(key), given[key]) for key in given)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]
    if isinstance(given, list) and isinstance(told, list):
        return len(told) == len(given) and all(map(holds, told, given))  # pyright: ignore[reportUnknownArgumentType]
    return bool(told == given)


async def _session_field(name: str, bench: Bench) -> None:
    where = place(name)
    async with bench.session() as session:
        for value in SESSION[name]:
            given = {"type": "realtime", **BESIDE.get(name, {}), **nested(where, value)}
            await session.send("session.update", session=given)
            event = (await session.until("session.updated", "error"))[-1]
            outcome = _outcome(f"session.{name}", f"session.{where}", value, event)
            known = bench.notes.setdefault(f"session.{name}", outcome)
            if outcome.startswith(REFUSED) and not known.startswith(REFUSED):
                bench.notes[f"session.{name}"] = outcome
        await session.settled()


def _outcome(name: str, where: str, value: Any, event: Event) -> str:
    if event["type"] == "error":
        return _refusal(where, event)
    path = where.removeprefix("session.")
    told = found(event["session"], path)
    if name.endswith(SECRET):
        must(not _tells(event, name, value), "a secret that is not shown", event)
        return HIDDEN
    if holds(told, value):
        return WORKS
    expected = f"{path} {value!r} in force, what is in force instead, or an error that names it"
    shown = _shown(event["session"], name.removeprefix("session."), path)
    must(shown, expected, f"session.updated with {path} {told!r}")
    return STAYS


def _shown(config: Any, name: str, path: str) -> bool:
    """Whether the session shows what is in force in place of the field: its own key, or a part
    that is off as a whole. A field that is neither shown nor refused was ignored."""
    above, _, key = path.rpartition(".")
    if key not in (found(config, above) if above else config):
        return False
    told, leaf = found(config, path), name.rpartition(".")[2]
    return name == path or not isinstance(told, dict) or leaf in told


def _tells(event: Event, name: str, value: Any) -> bool:
    secret = value[0][name.rsplit(".", 1)[-1]]
    words = [secret] if isinstance(secret, str) else list(secret.values())
    told = found(event["session"], "tools")
    return any(f"'{word}'" in str(told) for word in words)


def _refusal(where: str, event: Event) -> str:
    error = event["error"]
    param = str(error.get("param"))
    if not param.startswith(where):
        raise Failed(f"an error whose param is {where} or lies in it", event)
    return f"{REFUSED}{error.get('code')}"


RESPONSE: dict[str, Patch] = {
    "audio.output.format": {"audio": {"output": {"format": {"type": "audio/pcmu"}}}},
    "audio.output.voice": {"audio": {"output": {"voice": "marin"}}},
    "conversation": {"conversation": "none"},
    "input": {"input": [user("Say exactly: Hi.")]},
    "instructions": {"instructions": "Say exactly: Hi."},
    "max_output_tokens": {"max_output_tokens": 50},
    "metadata": {"metadata": {"a": "b"}},
    "output_modalities": {"output_modalities": ["text"]},
    "parallel_tool_calls": {"parallel_tool_calls": False},
    "prompt": {"prompt": {"id": PROMPT}},
    "reasoning": {"reasoning": {"effort": "low"}},
    "tool_choice": {"tool_choice": "none"},
    "tools": {"tools": [TOOL], "tool_choice": "none"},
}
"""Each option of a response, and a request with it."""

ECHOED = ("audio.output.format", "max_output_tokens", "metadata", "output_modalities")
"""Options that the response object shows."""


async def _response_option(name: str, bench: Bench) -> None:
    given = RESPONSE[name]
    async with bench.session() as session:
        await session.send("response.create", response=given)
        event = (await session.until("response.created", "error"))[-1]
        if event["type"] == "error":
            bench.notes[f"response.{name}"] = _refusal(f"response.{name}", event)
            return
        if name in ECHOED:
            value = found(given, name)
            told = found(event["response"], name)
            must(holds(told, value), f"response.{name} {value!r}", event)
        reply = await session.reply([event])
        ended = reply.done.get("status") in ("completed", "incomplete")
        must(ended, "status completed", reply.done_event)
        bench.notes[f"response.{name}"] = WORKS if name in ECHOED else TAKEN


for _name in SESSION:
    area.add(
        f"session.{_name}",
        "It is in force and shown so, or an error names it and nothing changes (1.3a).",
        partial(_session_field, _name),
    )
for _name in RESPONSE:
    area.add(
        f"response.{_name}",
        "It holds for the response, or an error names it (1.3a).",
        partial(_response_option, _name),
    )
