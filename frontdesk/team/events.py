"""What running a turn on the team takes and gives. The call sees nothing else of the SDK."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from agents import TResponseInputItem
from frontdesk.desk.background import Background
from frontdesk.desk.handoffs import History
from frontdesk.team.guardrails.guard import Outcome
from frontdesk.team.view import View

if TYPE_CHECKING:
    from frontdesk.team.held import HeldCalls
    from frontdesk.team.realtime.line import Line

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A function tool that the client declared and will run itself."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ClientMcpTool:
    """A tool of an MCP server that the client declared. It is called outside of the run."""

    server_label: str
    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ClientPrompt:
    """A prompt of the desk that the client asked for, filled in. It is added to an agent's own
    prompt, and stands in its place for ``agents``, whose own it is."""

    text: str
    agents: frozenset[str]


@dataclass(frozen=True, slots=True)
class TraceLabels:
    """What the client calls this work, for the traces that are sent to OpenAI."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


NOT_DONE = "Not done: "
"""What a refusal begins with."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A tool call that had to wait for somebody, and may now go on: the run begins with it.
    ``refusal`` is what the model is told in place of a result when it was not approved; it begins
    with :data:`NOT_DONE`."""

    call_id: str
    name: str
    arguments: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A tool call that may outlive its turn. ``arguments`` are JSON."""

    tool: str
    arguments: str
    agent: str
    tool_call_id: str
    policy: Background
    caller: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """As in :class:`TurnRequest`."""


@dataclass(frozen=True, slots=True)
class JobDone:
    """What came of a job, for models to read: a result, or in what way it ``failed``."""

    output: str
    failed: bool = False


class Memories(Protocol):
    """What is remembered of the caller across calls, as the team's tools see it."""

    async def recall(self, back: int) -> dict[str, Any]:
        """What was said in an earlier call; 1 is the last one."""
        ...

    async def forget(self) -> int:
        """Forget it all, and remember nothing from now on; how many calls that were."""
        ...


class Jobs(Protocol):
    """Where a turn's background work goes: the call has it done."""

    @property
    def known(self) -> bool:
        """Whether there was any in this call."""
        ...

    async def begin(self, job: Job) -> JobDone:
        """Begin; gives the result if it comes quickly, else a receipt."""
        ...

    def listed(self) -> dict[str, Any]:
        """All of it and how it stands."""
        ...

    async def cancel(self, which: str) -> dict[str, Any]:
        """Cancel what is meant by these words, or all there is if it is one; tells what was."""
        ...


@dataclass(frozen=True, slots=True)
class ContextSize:
    """Estimated ``tokens`` of a conversation, those of its ``images``, which models do not tell
    apart, and how many of its items were ``left_out``."""

    tokens: int = 0
    images: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one of the team's tools that is about to run. ``again``: it may be run twice."""

    call_id: str
    tool: str
    arguments: str
    agent: str
    server: str | None
    again: bool


class ToolRecord(Protocol):
    """Where each call of a tool is put on record before it runs."""

    async def begin(self, call: ToolCall) -> str | None:
        """None once it may run; else what the model is told in place of a result."""
        ...


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """One run of the team.

    ``history`` are Responses input items, oldest first, ending with what is to be answered;
    ``agent`` has the floor. ``trace_id`` is 32 hex digits, equal to the OTel trace.
    """

    call_id: str
    agent: str
    history: list[TResponseInputItem]
    trace_id: str
    size: ContextSize = ContextSize()
    """Of ``history``."""
    instructions: str | None = None
    """The client's own instructions; they are added to the agent's prompt."""
    language: str | None = None
    """What the caller speaks (ISO-639-1), if that is known: what is said word for word is in it."""
    client_tools: tuple[ClientTool | ClientMcpTool, ...] = ()
    tool_choice: str | dict[str, Any] = "auto"
    max_output_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Effort | None = None
    prompt: ClientPrompt | None = None
    labels: TraceLabels = TraceLabels()
    jobs: Jobs | None = None
    """Takes background work. Without it such tools work in the foreground."""
    earlier: str = ""
    """What is remembered of earlier calls of the caller: it stands before the history."""
    memories: Memories | None = None
    """None: callers are not remembered here, or it is not known who calls."""
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    decided: tuple[Decided, ...] = ()
    held: "HeldCalls | None" = None
    """Where tool calls wait that ask something themselves. None: nobody can be asked now."""
    caller: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What the client gave for MCP servers that act in the caller's name: secrets."""
    question: int | None = None
    """Where in ``history`` that begins which is to be answered; default: the newest question."""
    view: View | None = None
    """What ``agent`` sees of ``history``; default: all of it."""
    since: str | None = None
    """Id of the conversation's item at ``question``."""
    until: str | None = None
    """Id of the newest item that the answer is to."""
    asked: tuple[str, ...] = ()
    """Ids of the items that are to be answered."""
    cleared: Callable[[], Awaitable[None]] | None = None
    """What tools wait for before they run."""
    record: ToolRecord | None = None
    """Where tools are put on record before they run. None: nowhere."""
    line: "Line | None" = None
    """The line to the realtime model that answers. None: the agents' own models do."""
    aloud: bool = True
    """Whether the answer is spoken, on a line at this ``speed``."""
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Words to speak, by ``agent``. ``spoken``: their sound comes, too, as :class:`SoundDelta`."""

    text: str
    agent: str
    spoken: bool = False


@dataclass(frozen=True, slots=True)
class SoundDelta:
    """Sound (24 kHz, 16 bit) of what ``agent`` says, of the item ``source`` upstream."""

    audio: bytes = field(repr=False)
    agent: str
    source: str


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """The words so far are one finished message (a model step ended)."""


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """A handoff took place. ``say`` is the edge's spoken line, if any; ``history`` what the agent
    is shown of the time before; ``items`` the call that did it and its output, which later runs
    must see."""

    agent: str
    previous: str
    say: str | None = None
    history: History = "full"
    items: tuple[TResponseInputItem, ...] = ()


@dataclass(frozen=True, slots=True)
class SummedUp:
    """What the agent that has just taken over is told of the time before, by a model."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool of the team runs. ``waiting`` is the line to speak when it takes long; ``tells``:
    what it says of its progress is to be spoken, too."""

    call_id: str
    name: str
    arguments: str
    server: str | None = None
    waiting: str | None = None
    tells: bool = False


@dataclass(frozen=True, slots=True)
class ToolProgress:
    call_id: str
    message: str


@dataclass(frozen=True, slots=True)
class ToolEnded:
    call_id: str
    name: str
    output: str
    error: bool = False


@dataclass(frozen=True, slots=True)
class ClientToolCalled:
    """The model called a tool of the client: the run ends, the client answers."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ClientMcpCalled:
    """The model called a tool of an MCP server of the client: the run ends, the call is made
    when the client allows it."""

    server_label: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ApprovalNeeded:
    """The model called a tool that somebody has to approve: the run ends, and another begins with
    the call once it is decided. ``question`` is how it is put to them; ``seconds`` they have."""

    call_id: str
    name: str
    arguments: str
    agent: str
    server: str | None
    by: Literal["spoken", "screen", "client"]
    question: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AnswerNeeded:
    """An MCP server asks the caller something in the middle of a call (elicitation): the run ends,
    and another begins with the call once that is answered. ``schema`` is that of the answer."""

    call_id: str
    name: str
    arguments: str
    agent: str
    server: str
    message: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """The caller is to be asked whether they may be remembered. No run waits for that."""

    question: str


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """An input item that later runs must see (a tool call or its output, never a message)."""

    item: TResponseInputItem


@dataclass(frozen=True, slots=True)
class Guarded:
    """A guardrail looked at a tool's arguments or result."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TokensUsed:
    """A model step ended: tokens of the run so far, as the models reported them."""

    input_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The run is over. ``agent`` has the floor now. Token counts as the models reported them.
    ``cut_short``: the model stopped at its limit of output tokens."""

    agent: str
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cut_short: bool = False


TeamEvent = (
    TextDelta
    | SoundDelta
    | MessageEnded
    | AgentChanged
    | SummedUp
    | ToolStarted
    | ToolProgress
    | ToolEnded
    | ClientToolCalled
    | ClientMcpCalled
    | ApprovalNeeded
    | AnswerNeeded
    | HistoryItem
    | Guarded
    | TokensUsed
    | TurnEnded
)


class TurnFailed(Exception):
    """The run could not be finished: model down, too many steps. ``code`` is machine-readable;
    the message is fit for a log and a trace, not for the caller."""

    def __init__(self, message: str, code: str = "model_error") -> None:
        super().__init__(message)
        self.code = code
