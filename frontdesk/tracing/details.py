"""What the detail panel says about a span, by its kind: facts with plain labels, and the spans that
belong to it. Attributes without a label of their own are shown as they came."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frontdesk.tracing import names
from frontdesk.tracing.kin import above, below
from frontdesk.tracing.reading import pretty

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """``kind`` says how a value is shown: as text, code, or a word of warning."""

    label: str
    value: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Group:
    """Facts under one heading; ``title`` is empty for those that every span has."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """Another span of the turn: a server's side of a call, the call of a server's side."""

    label: str
    span_id: str
    name: str
    ms: float | None
    failed: bool


@dataclass(frozen=True, slots=True)
class Details:
    groups: tuple[Group, ...]
    related: tuple[Related, ...]
    told: frozenset[str]
    """Attributes that stand in the groups already."""


def details(span: Record, spans: Sequence[Record]) -> Details:
    """``spans`` are all of its turn."""
    reader = _Reader(span, spans)
    groups = tuple(reader.groups())
    return Details(groups, tuple(reader.related()), frozenset(reader.told))


class _Reader:
    """Reads a span's attributes, and remembers which of them were told."""

    def __init__(self, span: Record, spans: Sequence[Record]) -> None:
        self._span = span
        self._spans = spans
        self._by_id = {each["span_id"]: each for each in spans}
        self._attributes: Record = span["attributes"] or {}
        self.told: set[str] = set()

    def groups(self) -> Iterator[Group]:
        kinds: tuple[tuple[str, Callable[[], Iterator[Fact | None]]], ...] = (
            ("Model", self._model),
            ("Tokens", self._tokens),
            ("Tool", self._tool),
            ("MCP server", self._mcp),
            ("Handoff", self._handoff),
            ("Guardrail", self._guardrail),
            ("Question", self._question),
            ("Agent", self._agent),
            ("Sound", self._sound),
            ("Turn", self._turn),
        )
        for title, read in kinds:
            if facts := tuple(fact for fact in read() if fact is not None):
                yield Group(title, facts)

    def related(self) -> Iterator[Related]:
        """The spans of a tool's MCP requests, here and in the server; for those, the tool's."""
        hanging = below(self._span, self._spans)
        if self._span["stage"] == "tools":
            mcp = [span for span in hanging if span["stage"] == "mcp"]
            for span in mcp:
                yield _related("In the server" if _is_server_side(span, mcp) else "Request", span)
        elif self._span["stage"] == "mcp":
            for span in hanging:
                if span["stage"] == "mcp":
                    yield _related("In the server", span)
            if (tool := above(self._span, self._by_id, "tools")) is not None:
                yield _related("Tool call", tool)
        elif self._span["stage"] == "handoff":
            target = self._attributes.get(names.VOICE_HANDOFF_TO)
            after = (each for each in self._spans if each["start"] >= self._span["start"])
            agents = (each for each in after if each["stage"] == "agent")
            if found := next((each for each in agents if each["agent"] == target), None):
                yield _related("Went on with", found)

    def _fact(self, label: str, name: str, kind: str = "text", unit: str = "") -> Fact | None:
        value = self._attributes.get(name)
        self.told.add(name)
        if value is None or value == "" or value == []:
            return None
        return Fact(label, _written(value) + unit, kind)

    def _seconds(self, label: str, name: str) -> Fact | None:
        value = self._attributes.get(name)
        self.told.add(name)
        if not isinstance(value, int | float):
            return None
        return Fact(label, f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms")

    def _share(self, label: str, name: str) -> Fact | None:
        value = self._attributes.get(name)
        self.told.add(name)
        return Fact(label, f"{value:.0%}") if isinstance(value, int | float) else None

    def _model(self) -> Iterator[Fact | None]:
        yield self._fact("Model", names.GEN_AI_REQUEST_MODEL, "code")
        answered = self._attributes.get(names.GEN_AI_RESPONSE_MODEL)
        same = answered == self._attributes.get(names.GEN_AI_REQUEST_MODEL)
        fact = self._fact("Answered as", names.GEN_AI_RESPONSE_MODEL, "code")
        yield None if same else fact
        yield self._fact("Provider", names.GEN_AI_PROVIDER_NAME)
        yield self._seconds("First piece after", names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK)
        yield self._fact("Stopped because", names.GEN_AI_RESPONSE_FINISH_REASONS)
        yield self._fact("Temperature", names.GEN_AI_REQUEST_TEMPERATURE)
        yield self._fact("Most tokens", names.GEN_AI_REQUEST_MAX_TOKENS)
        yield self._fact("Response", names.GEN_AI_RESPONSE_ID, "code")
        yield self._fact("Attempt", names.VOICE_MODEL_ATTEMPT)
        yield self._seconds("Waited before", names.VOICE_MODEL_WAIT)
        yield self._fact("Name in the team", names.VOICE_MODEL_NAME, "code")

    def _tokens(self) -> Iterator[Fact | None]:
        yield self._fact("In", names.GEN_AI_USAGE_INPUT_TOKENS)
        yield self._fact("of them cached", names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS)
        yield self._fact("of them audio", "gen_ai.usage.audio.input_tokens")
        yield self._fact("Out", names.GEN_AI_USAGE_OUTPUT_TOKENS)
        yield self._fact("of them reasoning", names.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS)
        yield self._fact("of them audio", "gen_ai.usage.audio.output_tokens")

    def _tool(self) -> Iterator[Fact | None]:
        yield self._fact("Tool", names.GEN_AI_TOOL_NAME, "code")
        yield self._fact("Type", names.GEN_AI_TOOL_TYPE)
        yield self._fact("Call", names.GEN_AI_TOOL_CALL_ID, "code")

    def _mcp(self) -> Iterator[Fact | None]:
        yield self._fact("Server", names.VOICE_MCP_SERVER, "code")
        if host := self._anywhere(names.SERVER_ADDRESS):
            port = self._anywhere(names.SERVER_PORT).replace(",", "")
            yield Fact("Host", f"{host}:{port}" if port else host, "code")
        self.told |= {names.SERVER_ADDRESS, names.SERVER_PORT, names.MCP_PROTOCOL_VERSION}
        if version := self._anywhere(names.MCP_PROTOCOL_VERSION):
            yield Fact("Protocol", version)
        yield self._fact("Method", names.MCP_METHOD_NAME, "code")
        yield self._fact("Transport", "network.transport")
        yield self._fact("Session", "mcp.session.id", "code")
        yield self._fact("Request", names.JSONRPC_REQUEST_ID, "code")
        yield self._fact("Answered with code", names.RPC_RESPONSE_STATUS_CODE, "bad")
        yield self._fact("Requests", names.VOICE_MCP_ATTEMPTS)
        yield self._seconds("Waited before the last", names.VOICE_MCP_WAITED)
        yield self._fact("Trouble", names.VOICE_MCP_FAULT, "bad")
        yield self._fact("Approval", names.VOICE_MCP_APPROVAL)
        yield self._fact("Progress", names.VOICE_MCP_PROGRESS)
        yield self._fact("Listed", names.VOICE_MCP_TOOLS)

    def _anywhere(self, name: str) -> str:
        """A fact of this span, or of the requests below it."""
        if self._span["stage"] not in ("tools", "mcp"):
            return ""
        for span in (self._span, *below(self._span, self._spans)):
            attributes: Record = span["attributes"] or {}
            if value := attributes.get(name):
                return _written(value)
        return ""

    def _handoff(self) -> Iterator[Fact | None]:
        yield self._fact("From", names.VOICE_HANDOFF_FROM)
        yield self._fact("To", names.VOICE_HANDOFF_TO)

    def _guardrail(self) -> Iterator[Fact | None]:
        tripped = self._attributes.get(names.VOICE_GUARDRAIL_TRIGGERED)
        mode = str(self._attributes.get(names.VOICE_GUARDRAIL_MODE) or "")
        self.told |= {names.VOICE_GUARDRAIL_TRIGGERED, names.VOICE_GUARDRAIL_MODE}
        if tripped is not None:
            yield Fact("Tripped", "yes" if tripped else "no", "bad" if tripped else "text")
            yield Fact("What it did", _DID.get(mode, mode) if tripped else "let it pass")
        yield self._fact("Looked at", names.VOICE_GUARDRAIL_STAGE)
        yield Fact("When it trips", _DOES.get(mode, mode)) if mode else None
        yield self._fact("Found", names.VOICE_GUARDRAIL_REASON)
        yield self._fact("In the words", names.VOICE_GUARDRAIL_TEXT)
        if tripped is not None and self._span["end"] is not None:
            ms = 1000 * (self._span["end"] - self._span["start"])
            yield Fact("Held the words for", f"{ms:.1f} ms")

    def _question(self) -> Iterator[Fact | None]:
        yield self._fact("Kind", names.VOICE_QUESTION_KIND)
        yield self._fact("Asked by", names.VOICE_QUESTION_BY)
        yield self._fact("Question", names.VOICE_QUESTION_TEXT)
        yield self._fact("Answer", names.VOICE_QUESTION_ANSWER)
        yield self._fact("Read as", names.VOICE_QUESTION_READING)
        yield self._fact("Decision", names.VOICE_QUESTION_DECISION)
        yield self._fact("By", names.VOICE_QUESTION_WHO)
        yield self._fact("How", names.VOICE_QUESTION_HOW)

    def _agent(self) -> Iterator[Fact | None]:
        yield self._fact("May call", names.VOICE_AGENT_TOOLS)
        yield self._fact("May hand over to", names.VOICE_AGENT_HANDOFFS)
        yield self._fact("Step", names.VOICE_STEP_INDEX)

    def _sound(self) -> Iterator[Fact | None]:
        yield self._fact("Voice", names.GEN_AI_SPEECH_VOICE)
        yield self._fact("Language", names.GEN_AI_SPEECH_INPUT_LANGUAGE)
        yield self._share("Confidence", names.VOICE_STT_CONFIDENCE)
        yield self._share("End of turn likely", names.VOICE_EOU_PROBABILITY)
        yield self._seconds("Silence waited for", names.VOICE_EOU_DELAY)
        yield self._seconds("Length", names.VOICE_AUDIO_DURATION)
        yield self._seconds("Heard", names.VOICE_PLAYBACK_POSITION)

    def _turn(self) -> Iterator[Fact | None]:
        yield self._seconds("First audio after", names.VOICE_TURN_LATENCY)
        yield self._fact("Ended", names.VOICE_TURN_END_REASON)
        yield self._seconds("Cut off after", names.VOICE_INTERRUPTED_AT)
        yield self._fact("Went on after", names.VOICE_INTERRUPTION_FALSE)
        yield self._seconds("Stopped within", names.VOICE_INTERRUPTION_TIME)
        yield self._fact("Silences before it", names.VOICE_IDLE_TIMES)
        yield self._fact("Stopped by guardrail", names.VOICE_TURN_BLOCKED_BY, "bad")
        yield self._seconds("Held for guardrails", names.VOICE_TURN_HELD)
        yield self._fact("Nothing was heard because", names.VOICE_SILENCE_REASON, "bad")
        yield self._fact("Team version", names.VOICE_TEAM_VERSION, "code")
        yield self._fact("Transport", names.VOICE_TRANSPORT)


_DOES = {"block": "stops the answer", "replace": "replaces the words", "audit": "only notes it"}
_DID = {"block": "stopped the answer", "replace": "replaced the words", "audit": "noted it"}


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_written(each) for each in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return pretty(value)


def _related(label: str, span: Record) -> Related:
    ms = None if span["end"] is None else 1000 * (span["end"] - span["start"])
    return Related(label, span["span_id"], span["name"], ms, span["status"] == "error")


def _is_server_side(span: Record, mcp: list[Record]) -> bool:
    return any(each["span_id"] == span["parent_id"] for each in mcp)
