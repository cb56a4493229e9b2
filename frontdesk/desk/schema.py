"""What a team file may say: one pydantic model a section, strict, every field described.

The JSON Schema for editors is generated from these models, so each description is also the
editor's help text. Positions (line, column) are added by the loader; nothing here reads files.
"""

from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, SecretStr

from frontdesk.desk.approvals import Policies, Rules, RulesByTool
from frontdesk.desk.background import Mark
from frontdesk.desk.budgets import Budgets
from frontdesk.desk.capture import Capture, Redactions, captured
from frontdesk.desk.context import Context
from frontdesk.desk.guardrails import AgentGuardrails, Defaults, Guardrail, ToolGuardrails
from frontdesk.desk.handoffs import AgentVoice, Handoff
from frontdesk.desk.memory import Memory, MemoryLines
from frontdesk.desk.section import Duration, Name, Section, ToolName
from frontdesk.desk.voice import Provider, Voice
from frontdesk.region import PATTERN


class ModelChoice(Section):
    """A dialogue model, named once under ``models`` and used by agents."""

    provider: Provider = Field(default="auto", description="Who runs the model.")
    model: str | None = Field(default=None, description="The model's name at the provider.")
    base_url: str | None = Field(
        default=None, description="Endpoint of an openai-compatible server."
    )
    api_key: SecretStr | None = Field(default=None, description="Usually ${env:NAME}.")
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(
        default=None, ge=1, description="Most tokens of one answer; a client may set it, too."
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = Field(
        default=None, description="How long the model thinks first; a client may set it, too."
    )
    extra_body: dict[str, Any] = Field(
        default={}, description="More fields of each request, for servers that have their own."
    )
    fallback: tuple[str, ...] = Field(
        default=(), description="Names under models: who is asked, in turn, when this one fails."
    )
    first_token: Duration | None = Field(
        default=None,
        gt=0,
        description="Longest wait for the first word; default: 5s where there is a fallback.",
    )
    retries: int = Field(
        default=1, ge=0, le=5, description="How often the model is asked again after it failed."
    )
    cooldown: Duration = Field(
        default=30.0, description="How long a failed model is left alone when it has a fallback."
    )
    timeout: Duration = Field(
        default=20.0,
        description="Longest wait for one model step, with its retries and fallbacks.",
    )
    context_window: int | None = Field(
        default=None,
        ge=1_000,
        description="Tokens the model can be given, its answer included; default: 128000 at "
        "OpenAI, else 32000.",
    )
    vision: bool | None = Field(
        default=None,
        description="Whether the model sees images; default: hosted models do. The embedded one "
        "never does.",
    )


class Phrases(Section):
    """How a tool is asked for and how its result is said.

    Hosted models see `examples` in the tool's description; the embedded dialogue model decides
    by them, and answers by the template.
    """

    examples: tuple[str, ...] = Field(default=(), description="Things a caller may say.")
    answer: str | None = Field(
        default=None, description="Jinja2 template over the tool's result (`result`) and `args`."
    )


class ToolFilter(Section):
    """Which of a server's tools the team may use, and what it calls them."""

    allow: tuple[str, ...] = Field(default=("*",), description="Names and globs of tools.")
    deny: tuple[str, ...] = Field(default=(), description="Names and globs; wins over allow.")
    rename: dict[str, ToolName] = Field(
        default={},
        description="New names by the server's own. allow and deny take the server's names; all "
        "else in this file takes the new ones.",
    )


class McpUse(Section):
    """An MCP server of mcp_servers/mcp.json, narrowed for this team."""

    tools: ToolFilter = ToolFilter()
    timeout: Duration = Field(default=8.0, description="Longest wait for one call.")
    say_while_waiting: str | None = Field(
        default=None, description="Spoken when a call takes noticeably long."
    )
    phrases: dict[str, Phrases] = Field(default={}, description="By tool name.")
    approve: RulesByTool = Field(
        default={}, description="Who approves calls, by globs of tool names; the first rule fits."
    )
    elicitation: Literal["spoken", "decline"] = Field(
        default="spoken",
        description="What the server asks in the middle of a call is asked aloud, or declined.",
    )
    required: bool = Field(
        default=False, description="Whether the desk refuses to start without the server."
    )
    concurrency: int = Field(
        default=64,
        ge=1,
        le=1000,
        description="Most calls of the server at once, of all callers of a worker; more wait.",
    )
    max_result_bytes: int = Field(
        default=64 * 1024,
        ge=256,
        le=1024 * 1024,
        description="What is beyond it of a result is cut, and the model told so.",
    )
    pin: Literal["warn", "block"] = Field(
        default="warn",
        description="When a tool is new, or is not what it was when the server was first used: "
        "warn in the log, or do not offer it, until the change is accepted.",
    )
    idempotent: tuple[str, ...] | None = Field(
        default=None,
        description="Names and globs of tools that do no harm when they run twice: one that a "
        "crash cut off is run again. Default: what the server says (readOnlyHint, "
        "idempotentHint).",
    )
    say_progress: bool = Field(
        default=False,
        description="Whether the words that the server sends while a call takes long are spoken.",
    )
    guardrails: ToolGuardrails = ToolGuardrails()


class ClientMcp(Section):
    """MCP servers that clients declare in their sessions."""

    private_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that clients may name though their addresses are not public; globs "
        "allowed, with or without a port: tools.internal, *.lan, 127.0.0.1:8931.",
    )
    timeout: Duration = Field(default=30.0, description="Longest wait for one call.")


class FunctionUse(Phrases):
    """An async function of tools/, offered to agents by name."""

    call: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", description="tools.module:function"
    )
    timeout: Duration = Field(default=30.0, description="Longest run before it counts as failed.")
    say_while_waiting: str | None = None
    say_progress: bool = Field(
        default=False, description="Whether the words that it reports while it runs are spoken."
    )
    approve: Rules = Field(default=(), description="Who approves calls; the first rule that fits.")
    idempotent: bool = Field(
        default=False,
        description="Whether it does no harm when it runs twice: cut off by a crash, it is run "
        "again; else the agent says that it does not know what came of it.",
    )
    background: Mark = None
    guardrails: ToolGuardrails = ToolGuardrails()


class Answer(Section):
    """A fixed reply to things people say, for the embedded dialogue model: hello, goodbye."""

    examples: tuple[str, ...] = Field(min_length=1)
    answer: str


class Agent(Section):
    """A specialist."""

    description: str = Field(description="What this agent does: others hand over by it.")
    instructions: str = Field(description="A Markdown prompt file, relative to this file.")
    model: str | None = Field(default=None, description="A name under models; default: the first.")
    voice: str | AgentVoice | None = Field(
        default=None, description="How this agent sounds, when not like the team: a voice's name."
    )
    tools: tuple[str, ...] = Field(default=(), description="Names under tools.")
    mcp: tuple[str, ...] = Field(default=(), description="Names under mcp.")
    handoffs: tuple[str | Handoff, ...] = Field(default=(), description="Agents to hand over to.")
    background: Mark = None
    delegates: tuple[str, ...] = Field(
        default=(), description="Background agents that do work for this one."
    )
    examples: tuple[str, ...] = Field(default=(), description="Things a caller may ask this agent.")
    answers: tuple[Answer, ...] = Field(default=(), description="Fixed replies (embedded model).")
    context: Context | None = Field(default=None, description="When it is not as the team has it.")
    guardrails: AgentGuardrails = AgentGuardrails()


class Lines(Section):
    """What is said when no model can say it."""

    waiting: str = Field(default="One moment, please.", description="A tool takes long.")
    sorry: str = Field(
        default="Sorry, something went wrong on my side. Could you say that again?",
        description="A model or the speech chain failed.",
    )
    unknown: str = Field(
        default="I'm afraid I don't know that.", description="The embedded model has no answer."
    )
    unheard: str = Field(
        default="Sorry, I didn't catch that.", description="Speech without words in it."
    )
    slow: str = Field(
        default="I'm still on it, thank you for waiting.",
        description="The answer takes longer than budgets.silence.",
    )
    silence: str = Field(
        default="Are you still there?",
        description="The caller stays silent for too long: see voice.idle.",
    )
    ask: str = Field(
        default="Just to be sure: {{ action }}{% if arguments %}, with {{ arguments }}{% endif %}. "
        "Shall I go ahead? Please say yes or no.",
        description="Jinja2 template: the caller is asked to approve a tool call.",
    )
    unclear: str = Field(
        default="Sorry, I need a clear yes or no.",
        description="Said before a question is asked once more.",
    )
    unclear_value: str = Field(
        default="Sorry, I didn't get that.",
        description="Said before a tool's own question is asked once more.",
    )
    refused: str = Field(
        default="All right, that was not done.",
        description="A tool call was not approved (embedded model).",
    )
    asking_a_colleague: str = Field(
        default="I have to ask a colleague about that first. I'll tell you as soon as I know.",
        description="A tool call waits for approval on a screen.",
    )
    asking_in_client: str = Field(
        default="Please confirm that on your screen.",
        description="A tool call waits for approval in the caller's own client.",
    )
    begun: str = Field(
        default="I've started on that, and I'll tell you as soon as I know.",
        description="Background work has begun (embedded model).",
    )
    back: str = Field(
        default="Sorry for the pause, I'm back.",
        description="Said first when a call was lost for longer than budgets.silence and goes on.",
    )
    still: str = Field(default="I'm still on it.", description="Background work takes long.")
    blocked: str = Field(
        default="I'm sorry, I can't talk about that.",
        description="A guardrail blocked what was said, or what would have been said.",
    )
    farewell: str = Field(
        default="I'm sorry, I have to end our call, as something is wrong on my side. Please call "
        "again in a few minutes.",
        description="The call can't go on, as what is said can't be kept any longer, or as the "
        "server is restarted and the caller's client does not come back by itself.",
    )


class LanguageUse(Section):
    """What is otherwise for callers of one language. What is left out is as for all; lines are then
    those that come with Frontdesk in this language, if there are any."""

    voice: str | None = Field(
        default=None,
        description="Who speaks it: a voice's name, in place of the team's and of all agents' own.",
    )
    style: str | None = Field(default=None, description="How to speak it, in plain words.")
    lines: Lines = Field(
        default=Lines(), description="As lines of the team; only those given stand."
    )
    memory: MemoryLines = Field(
        default=MemoryLines(), description="As memory.lines; only those given stand."
    )
    goodbye: str | None = Field(
        default=None, description="As voice.idle.goodbye, in this language."
    )


def _by_code(value: object) -> object:
    """``[en, ko]`` as ``{en: {}, ko: {}}``."""
    if not isinstance(value, list):
        return value
    return dict.fromkeys(map(str, cast("list[object]", value)), LanguageUse())


class Team(Section):
    """One team file."""

    version: Literal[1] = Field(description="Version of this file format.")
    include: tuple[str, ...] = Field(
        default=(),
        description="Files with sections that this one builds on, relative to it; the later ones "
        "over the earlier, this one over all.",
    )
    name: Name
    description: str = ""
    region: str | None = Field(
        default=None,
        pattern=f"^{PATTERN}$",
        description="The only region, as FRONTDESK_REGION says it, in which the team takes calls.",
    )
    entry: str = Field(description="The agent who answers first.")
    models: dict[Name, ModelChoice] = Field(default={"main": ModelChoice()})
    voice: Voice = Voice()
    mcp: dict[Name, McpUse] = Field(default={})
    client_mcp: ClientMcp = ClientMcp()
    tools: dict[Name, FunctionUse] = Field(default={})
    policies: Policies = Policies()
    guardrails: dict[Name, Guardrail] = Field(default={})
    defaults: Defaults = Defaults()
    agents: dict[Name, Agent] = Field(min_length=1)
    lines: Lines = Lines()
    languages: Annotated[
        dict[str, LanguageUse],
        BeforeValidator(_by_code, json_schema_input_type=list[str] | dict[str, LanguageUse]),
    ] = Field(
        default={},
        description="The languages that callers may speak (ISO-639-1 or BCP 47: en, ko, pt-BR), "
        "the first of them unless the caller shows otherwise. Default: one, which nobody names.",
    )
    budgets: Budgets = Budgets()
    memory: Memory | None = Field(
        default=None, description="What is remembered of callers; default: nothing."
    )
    context: Context = Context()
    capture: Capture | None = Field(
        default=None,
        description="What traces keep of calls: all; text, but no sound; or none of what was said. "
        "Default: all, and with redact: text. The settings of the server may allow less.",
    )
    redact: Redactions = Field(
        default=(),
        description="What is taken out of the words before traces keep, show or send them: card, "
        "iban, phone, email, national_id, or tools.module:function, which is given a text and "
        "returns it without what must not be kept.",
    )
    variables: dict[str, Any] = Field(default={}, description="Values for the prompts.")

    @property
    def captured(self) -> Capture:
        """What traces keep, if the settings allow it."""
        return captured(self.capture, self.redact)
