"""The session's config: defaults, patches, and what is in force."""

from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from typing import Any, cast

from frontdesk.protocol import images
from frontdesk.protocol.errors import ProtocolError, invalid_value
from frontdesk.protocol.mcp_server import McpServer
from frontdesk.protocol.schema import SESSIONS
from frontdesk.protocol.tools import (
    RefuseUrl,
    check_choice,
    check_servers,
    check_type,
    clean_tools,
    declared_servers,
)
from frontdesk.protocol.validation import check

Config = dict[str, Any]

PromptLookup = Callable[[Config, str], Config]
"""``lookup(prompt, param)``: a reference to a stored prompt as it is in force, with its version.
Raises :class:`ProtocolError` naming a field under ``param``."""

INSTRUCTIONS = (
    "You answer callers by voice. Be warm, brief and truthful, and speak the caller's language."
)
"""Echoed while nobody set any; an engine is not given them."""

IDENTITY = frozenset({"id", "object", "type", "model", "expires_at"})
"""Fields a client may send back but never changes. Both Agents SDKs send ``model`` each time."""

GROUPS = frozenset({"audio", "audio.input", "audio.output"})

VAD_DEFAULTS: dict[str, Config] = {
    "server_vad": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    },
    "semantic_vad": {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    },
}


def _audio_input() -> Config:
    return {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": dict(VAD_DEFAULTS["server_vad"]),
    }


def _realtime() -> Config:
    return {
        "object": "realtime.session",
        "output_modalities": ["audio"],
        "instructions": INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
        "audio": {
            "input": _audio_input(),
            "output": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "voice": "alloy",
                "speed": 1.0,
            },
        },
    }


def _transcription() -> Config:
    return {
        "object": "realtime.transcription_session",
        "include": None,
        "audio": {"input": _audio_input()},
    }


class Session:
    """The effective config. ``config`` is replaced on every change, never altered in place."""

    def __init__(
        self,
        session_id: str,
        model: str,
        defaults: Mapping[str, Any] | None = None,
        fixed: Collection[str] = (),
        expires_at: int | None = None,
        prompts: PromptLookup | None = None,
        refuse_url: RefuseUrl = lambda url: None,
        idle_ms: int | None = None,
    ) -> None:
        """``defaults`` is a patch on the protocol's own defaults (``type: transcription`` makes a
        transcription session). ``fixed`` names dotted fields that this server cannot change:
        clients may send them, the echo shows what is in force. ``prompts`` finds stored prompts;
        without it they are taken as they come. ``idle_ms`` is the ``idle_timeout_ms`` of a client
        that says none. Raises :class:`ProtocolError` when ``defaults`` is not valid.
        """
        patch = dict(defaults or {})
        self.type: str = patch.setdefault("type", "realtime")
        self.spoken = False
        """Audio was sent: the voice can no longer change."""
        self.sees_images = True
        """Some model of the team can see."""
        self.most_tokens: int | None = None
        """What a conversation can be limited to: no model of the team takes more."""
        self.instructed = False
        """A client gave instructions of its own."""
        self.servers: tuple[McpServer, ...] = ()
        """The MCP servers of ``tools``, with their secrets, which the config does not show."""
        self._refuse_url = refuse_url
        config = _transcription() if self.type == "transcription" else _realtime()
        config |= {"id": session_id, "type": self.type}
        self._idle_ms = idle_ms if self.responds else None
        config["audio"]["input"]["turn_detection"]["idle_timeout_ms"] = self._idle_ms
        if self.responds:
            config["model"] = model
        if expires_at is not None:
            config["expires_at"] = expires_at
        self._prompts = prompts
        self._fixed = IDENTITY
        self._base = self.config = config
        patch = self._validated(patch)
        self.servers = self._declared(patch)
        self.config = self._patched(patch)
        check_choice(self.config.get("tool_choice"), self.servers, "session.tool_choice")
        self._base = self.config
        self._fixed = IDENTITY | frozenset(fixed)

    def update(self, patch: Mapping[str, Any]) -> frozenset[str]:
        """Apply a client's patch wholly or not at all; returns the dotted fields that changed.

        Raises :class:`ProtocolError` naming the first bad field as ``session.…``.
        """
        kind = patch.get("type")
        if isinstance(kind, str) and kind in SESSIONS and kind != self.type:
            raise invalid_value("session.type", f"this is a {self.type} session.")
        patch = self._validated(patch)
        if patch.get("prompt") and not self.is_fixed("prompt"):
            patch["prompt"] = self.look_up(patch["prompt"], "session.prompt")
        servers, before = self._declared(patch), self.config
        after = self._patched(patch)
        check_choice(after.get("tool_choice"), servers, "session.tool_choice")
        self.servers, self.config = servers, after
        if "instructions" in patch and "instructions" not in self._fixed:
            self.instructed = patch["instructions"] is not None
        return frozenset(_differences(before, self.config))

    def restore(self, config: Mapping[str, Any]) -> None:
        """Go on with a stored config, under this session's own identity, but without MCP servers:
        their secrets are not stored, so their client has to declare them again."""
        identity = {key: value for key, value in self.config.items() if key in IDENTITY}
        self.config = _without_servers({**deepcopy(dict(config)), **identity})
        self.servers = ()
        self._find_prompt_again()
        self.instructed = self.config.get("instructions") != self._base.get("instructions")

    def look_up(self, prompt: Config, param: str) -> Config:
        """A stored prompt that a client asked for. Raises :class:`ProtocolError` naming a field
        under ``param`` when there is no such prompt, or its variables do not suit it."""
        given = _without_nulls(prompt)
        return self._prompts(given, param) if self._prompts else given

    def check_sight(self, item: Config, param: str) -> None:
        """Raise :class:`ProtocolError` when the item shows something that nobody here can see."""
        if not self.sees_images:
            images.refuse(item, param)

    def _find_prompt_again(self) -> None:
        """A stored prompt may have gone or changed since the config was stored."""
        if prompt := self.config.get("prompt"):
            try:
                self.look_up(prompt, "session.prompt")
            except ProtocolError:
                self.config["prompt"] = None

    @property
    def audio_input(self) -> Config:
        return self.config["audio"]["input"]

    @property
    def turn_detection(self) -> Config | None:
        return self.audio_input["turn_detection"]

    @property
    def idle_timeout_ms(self) -> int | None:
        """How long the caller may stay silent after a spoken answer; None is for ever. The field
        is one of server_vad only."""
        detection = self.turn_detection
        if detection is None:
            return None
        own = self._idle_ms if detection["create_response"] else None
        return detection.get("idle_timeout_ms", own)

    @property
    def transcribes(self) -> bool:
        return self.audio_input["transcription"] is not None

    @property
    def responds(self) -> bool:
        return self.type == "realtime"

    def _validated(self, patch: Mapping[str, Any]) -> dict[str, Any]:
        patch = _with_vad_type(dict(patch), self.turn_detection)
        check_type(patch.get("tools"), "session")
        schema = SESSIONS.get(self.type) or SESSIONS["realtime"]
        check(schema, patch, "session")
        self._check_limit(patch.get("truncation"))
        self.check_servers(patch.get("tools"), "session")
        return patch

    def _check_limit(self, truncation: Any) -> None:
        """The specification: "cannot be higher than the model's context window size minus the
        maximum output tokens"."""
        config = cast(Config, truncation) if isinstance(truncation, dict) else {}
        limits: Config = config.get("token_limits") or {}
        given: int | None = limits.get("post_instructions")
        if given is not None and self.most_tokens is not None and given > self.most_tokens:
            at = "session.truncation.token_limits.post_instructions"
            raise invalid_value(at, f"no model of this team takes more than {self.most_tokens}.")

    def check_servers(self, tools: list[Config] | None, prefix: str) -> None:
        """Raise :class:`ProtocolError` naming what is wrong with an MCP server among ``tools``."""
        check_servers(tools or [], prefix, self._refuse_url)

    def _declared(self, patch: Mapping[str, Any]) -> tuple[McpServer, ...]:
        return declared_servers(patch["tools"]) if "tools" in patch else self.servers

    def _patched(self, patch: Mapping[str, Any]) -> Config:
        return self._merge(self.config, patch, self._base, "")

    def _merge(self, current: Config, patch: Mapping[str, Any], base: Config, at: str) -> Config:
        merged = dict(current)
        for key, value in patch.items():
            field = at + key
            if self.is_fixed(field):
                if field not in IDENTITY:
                    merged.setdefault(key, None)  # not in force, and told to be so
                continue
            if field in GROUPS:
                if value is not None:
                    merged[key] = self._merge(current[key], value, base[key], f"{field}.")
            else:
                if field == "audio.input.turn_detection" and value is not None:
                    merged[key] = _detection(current.get(key), value, self._idle_ms)
                else:
                    merged[key] = _effective(field, current.get(key), value, base.get(key))
                if merged[key] is None and key not in base:
                    del merged[key]
        return merged

    def is_fixed(self, field: str) -> bool:
        """Whether this dotted field stays as it is, whatever a client sends."""
        if field == "audio.output.voice":
            return self.spoken or field in self._fixed
        if field == "tracing":
            return self.config["tracing"] is not None or field in self._fixed
        return field in self._fixed


def _with_vad_type(patch: dict[str, Any], current: Config | None) -> dict[str, Any]:
    """A turn detection without ``type`` means the one in force."""
    audio = patch.get("audio")
    given = audio.get("input") if isinstance(audio, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    detection = given.get("turn_detection") if isinstance(given, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if not isinstance(detection, dict) or "type" in detection:
        return patch
    kind = current["type"] if current else "server_vad"
    detection = {"type": kind, **cast(Config, detection)}
    audio = cast(Config, audio)
    return {**patch, "audio": {**audio, "input": {**audio["input"], "turn_detection": detection}}}


def _effective(field: str, current: Any, value: Any, base: Any) -> Any:
    """What a patch of one field comes to. Null clears what can be off, and resets the rest."""
    match field:
        case "audio.input.turn_detection":
            return value
        case "audio.input.transcription":
            return None if value is None else _without_nulls({**(current or {}), **value})
        case "audio.input.noise_reduction":
            return None if value is None else _noise_reduction(current, value)
        case "audio.input.format" | "audio.output.format":
            return full_format(value) if value else base
        case "tools":
            return base if value is None else clean_tools(value)
        case "tracing" | "prompt" | "include" | "reasoning":
            return value
        case _:
            return base if value is None else value


def _detection(current: Config | None, value: Config, idle_ms: int | None) -> Config:
    """A client that says itself when its turns are answered is not asked whether it is there."""
    defaults = VAD_DEFAULTS[value["type"]]
    kept = current if current and current["type"] == value["type"] else {}
    reset = {key: defaults[key] if given is None else given for key, given in value.items()}
    if "idle_timeout_ms" in defaults and value.get("create_response") is not False:
        defaults = {**defaults, "idle_timeout_ms": idle_ms}
    return {**defaults, **kept, **reset}


def full_format(format: Config) -> Config:
    """An audio format with its sample rate said."""
    return {"type": "audio/pcm", "rate": 24000} if format["type"] == "audio/pcm" else dict(format)


def _noise_reduction(current: Config | None, value: Config) -> Config:
    start: Config = {"type": "near_field", "strength": 1.0}
    return {**start, **(current or {}), **_without_nulls(value)}


def _without_nulls(config: Config) -> Config:
    return {key: value for key, value in config.items() if value is not None}


def _without_servers(config: Config) -> Config:
    if "tools" not in config:
        return config
    functions = [tool for tool in config["tools"] if tool["type"] != "mcp"]
    choice = config["tool_choice"]
    if isinstance(choice, dict) and cast(Config, choice)["type"] == "mcp":
        choice = "auto"
    return {**config, "tools": functions, "tool_choice": choice}


def _differences(before: Config, after: Config, at: str = "") -> list[str]:
    changed: list[str] = []
    for key in before.keys() | after.keys():
        if at + key in GROUPS:
            changed += _differences(before[key], after[key], f"{at}{key}.")
        elif before.get(key) != after.get(key):
            changed.append(at + key)
    return changed


def voice_name(voice: str | Config) -> str:
    """Response objects carry a plain string: a JavaScript client drops the event otherwise."""
    return voice if isinstance(voice, str) else voice["id"]


def refuse_in_transcription(session: Session, event: str) -> None:
    """Raise :class:`ProtocolError` when this session only transcribes."""
    if not session.responds:
        raise ProtocolError(
            "invalid_event", f"'{event}' is not available in a transcription session.", "type"
        )
