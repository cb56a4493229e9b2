"""One run of the team, told in team events."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pybase64
from agents.items import HandoffCallItem, MessageOutputItem, RunItem
from agents.tool_context import ToolContext
from openai.types.responses import ResponseFunctionToolCall

from agents import (
    Agent,
    HandoffOutputItem,
    ItemHelpers,
    ModelResponse,
    RunConfig,
    RunContextWrapper,
    RunHooks,
    RunResultStreaming,
    StreamEvent,
    Tool,
    ToolCallItem,
    ToolCallOutputItem,
    TResponseInputItem,
)
from frontdesk.desk.languages import is_default, lines_in
from frontdesk.desk.schema import Team
from frontdesk.team.background import is_background
from frontdesk.team.choice import wanted
from frontdesk.team.client_tools import ClientFunctionTool
from frontdesk.team.context import TurnContext
from frontdesk.team.events import (
    AgentChanged,
    ClientMcpCalled,
    ClientMcpTool,
    ClientTool,
    ClientToolCalled,
    Guarded,
    HistoryItem,
    MessageEnded,
    SoundDelta,
    TeamEvent,
    TextDelta,
    ToolEnded,
    ToolProgress,
    ToolStarted,
    TurnRequest,
)
from frontdesk.team.handoffs import HANDOFF_PREFIX, edge_between
from frontdesk.team.history import call_item
from frontdesk.team.models import model_choice

LIST_PATIENCE = 2.0
"""Seconds that a turn waits, in all, for MCP servers that are still starting."""

Emitted = TeamEvent | None
"""What is in a turn's queue; ``None`` ends it."""


class Turn:
    """Turns the SDK's events and hooks into team events, in order.

    A tool's events begin with the SDK's ``tool_called`` (after all words of that model step) and
    end with the hook that runs when that one tool has finished, not with the step's outputs,
    which the SDK holds back until the slowest tool is done. ``early`` keeps what a hook has to
    say about a call whose beginning is still in the SDK's queue.

    A call and its output enter the history together, when the output is there: a cancelled run
    leaves finished calls behind and no orphans. A client's call is on the wire, and not told here.
    """

    def __init__(self, team: Team, request: TurnRequest) -> None:
        self.events: asyncio.Queue[Emitted] = asyncio.Queue()
        self.agent = request.agent
        self.context = TurnContext(
            call_id=request.call_id,
            variables={**team.variables, **request.variables},
            report=self._report,
            guarded=lambda outcome: self._emit(Guarded(outcome)),
            caller=request.caller,
            waits_until=_waits_until(request.history),
            language=request.language,
            instructions=request.instructions,
            prompt=request.prompt,
            client_tools=wanted(request) or request.client_tools,
            only_client_tools=bool(wanted(request)),
            decided={call.call_id: call for call in request.decided},
            held=request.held,
            jobs=request.jobs,
            record=request.record,
            memories=request.memories,
            trace_id=request.trace_id,
            cleared=request.cleared,
        )
        self.cut_short = False
        """Whether the model stopped at its token limit."""
        self.overdue: str | None = None
        """Why the run was cancelled, if a model step took too long."""
        self.cancel_run: Callable[[], None] = _nothing
        self._team = team
        self._on_line = request.line is not None
        self._deadline: asyncio.TimerHandle | None = None
        self._calls: dict[str, ResponseFunctionToolCall] = {}
        self._begun: set[str] = set()
        self._concluded: set[str] = set()
        self._early: dict[str, list[TeamEvent]] = {}
        self._has_words = False
        self._step_had_words = False

    async def follow(self, result: RunResultStreaming) -> None:
        """Read the run to its end. Raises what the run raised, after all that came before it."""
        try:
            async for event in result.stream_events():
                self._take(event)
            self._end_message()
        finally:
            self.events.put_nowait(None)

    def tell(self, event: TeamEvent) -> None:
        """Something happened beside the SDK's events."""
        self._emit(event)

    def step_began(self, agent: str) -> None:
        """A model is asked. The time-out is ours because the SDK's makes a task of each token. A
        realtime model has its own: its answer may last."""
        name, choice = model_choice(self._team, agent)
        if choice.timeout and not self._on_line:
            problem = f"model {name!r} took longer than {choice.timeout:g} s for one step"
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(choice.timeout, self._expire, problem)

    def step_ended(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def over(self) -> None:
        """There is nothing more to follow. What knows of each other is parted, or none of it would
        be freed before the garbage collector comes for it."""
        self.step_ended()
        self.cancel_run = self.context.report = self.context.guarded = _nothing

    def _expire(self, problem: str) -> None:
        self.overdue = problem
        self.cancel_run()

    def tool_ended(self, call: ResponseFunctionToolCall, result: object) -> None:
        """A tool of ours has finished; ``result`` is what the model will read. One that somebody
        has to be asked about has not begun, or goes on: it is told with a later run."""
        self._calls[call.call_id] = call
        if asked := self.context.asked.get(call.call_id):
            self._concluded.add(call.call_id)
            self._about(call.call_id, asked)
            return
        output = ItemHelpers.tool_call_output_item(call, result)
        error = call.call_id in self.context.failed
        self._about(
            call.call_id, ToolEnded(call.call_id, call.name, _words(output["output"]), error)
        )
        self._conclude(call.call_id, output)

    def _take(self, event: StreamEvent) -> None:
        if event.type == "raw_response_event":
            self._take_raw(event.data)
        elif event.type == "run_item_stream_event":
            self._take_item(event.item)
        else:
            self.agent = event.new_agent.name
            self._step_had_words = False

    def _take_raw(self, data: Any) -> None:
        match data.type:
            case "response.output_text.delta" | "response.refusal.delta":
                if data.delta:
                    self._say(data.delta)
            case "response.audio.transcript.delta":
                self._say(data.delta, spoken=True)
            case "response.audio.delta":
                sound = pybase64.b64decode(data.delta, validate=True)
                self._emit(SoundDelta(sound, self.agent, data.item_id))
            case "response.output_item.done" if data.item.type == "message":
                self._end_message()
            case "response.created":
                self._step_had_words = False
            case "response.incomplete":
                self._end_message()
                details = data.response.incomplete_details
                self.cut_short = details is not None and details.reason == "max_output_tokens"
            case _:
                return

    def _say(self, words: str, *, spoken: bool = False) -> None:
        self._has_words = self._step_had_words = True
        self._emit(TextDelta(words, self.agent, spoken))

    def _end_message(self) -> None:
        if self._has_words:
            self._has_words = False
            self._emit(MessageEnded())

    def _take_item(self, item: RunItem) -> None:
        match item:
            case MessageOutputItem():
                self._take_message(item)
            case HandoffCallItem(raw_item=ResponseFunctionToolCall() as call):
                self._calls[call.call_id] = call
                self._begin(call.call_id)
            case ToolCallItem(raw_item=ResponseFunctionToolCall() as call):
                self._calls[call.call_id] = call
                self._take_call(call, item)
            case HandoffOutputItem():
                raw = cast("dict[str, Any]", item.raw_item)
                self._change_agent(item.source_agent.name, item.target_agent.name, raw)
            case ToolCallOutputItem():
                self._take_output(cast("dict[str, Any]", item.raw_item))
            case _:
                return

    def _take_message(self, item: MessageOutputItem) -> None:
        """A model that does not stream has said nothing yet when its message is there."""
        if not self._step_had_words and (text := ItemHelpers.text_message_output(item)):
            self._say(text)
        self._end_message()

    def _take_call(self, call: ResponseFunctionToolCall, item: ToolCallItem) -> None:
        theirs = self.context.offered.get(item.agent.name, {}).get(call.name)
        if theirs is not None:
            self._concluded.add(call.call_id)  # its output is the client's to give
            self._emit(_client_call(call, theirs.declared))
            return
        server = item.tool_origin.mcp_server_name if item.tool_origin else None
        use = self._team.mcp.get(server) if server else self._team.tools.get(call.name)
        own = use.say_while_waiting if use and self._own_words else None
        waiting = own or lines_in(self._team, self.context.language).waiting
        tells = use is not None and use.say_progress
        if is_background(self._team, item.agent.name, call.name):
            waiting, tells = None, False  # it has lines of its own
        self._emit(ToolStarted(call.call_id, call.name, call.arguments, server, waiting, tells))
        self._begin(call.call_id)

    def _take_output(self, raw: dict[str, Any]) -> None:
        """An output that no hook has told of: the tool was never run (there is no such tool)."""
        call = self._calls.get(raw["call_id"])
        if call is not None and call.call_id not in self._concluded:
            if not call.name.startswith(HANDOFF_PREFIX):
                self._emit(ToolEnded(call.call_id, call.name, _words(raw["output"]), error=True))
            self._conclude(call.call_id, raw)

    @property
    def _own_words(self) -> bool:
        """Whether the caller speaks the language of what the team file says word for word."""
        return is_default(self._team, self.context.language)

    def _change_agent(self, previous: str, agent: str, output: Any) -> None:
        edge = edge_between(self._team, previous, agent)
        call = self._calls[output["call_id"]]
        self._concluded.add(call.call_id)
        made = call_item(call.call_id, call.name, call.arguments)
        self.agent = agent
        self._emit(
            AgentChanged(
                agent, previous, edge.say if self._own_words else None, edge.history, (made, output)
            )
        )

    def _conclude(self, call_id: str, output: Any) -> None:
        if call_id in self._concluded:
            return
        self._concluded.add(call_id)
        call = self._calls[call_id]
        arguments = "{}" if call_id in self.context.refused else call.arguments
        self._about(call_id, HistoryItem(call_item(call_id, call.name, arguments)))
        self._about(call_id, HistoryItem(output))

    def _begin(self, call_id: str) -> None:
        self._begun.add(call_id)
        for event in self._early.pop(call_id, []):
            self._emit(event)

    def _about(self, call_id: str, event: TeamEvent) -> None:
        if call_id in self._begun:
            self._emit(event)
        else:
            self._early.setdefault(call_id, []).append(event)

    def _report(self, call_id: str, words: str) -> None:
        self._about(call_id, ToolProgress(call_id, words))

    def _emit(self, event: TeamEvent) -> None:
        self.events.put_nowait(event)


def _nothing(*_: object) -> None:
    pass


def _waits_until(history: list[TResponseInputItem]) -> float:
    """A greeting, before the caller said anything, waits for nobody."""
    asked = any(cast("dict[str, Any]", item).get("role") == "user" for item in history)
    return asyncio.get_running_loop().time() + LIST_PATIENCE if asked else 0.0


def _client_call(call: ResponseFunctionToolCall, declared: ClientTool | ClientMcpTool) -> TeamEvent:
    if isinstance(declared, ClientMcpTool):
        return ClientMcpCalled(declared.server_label, declared.name, call.arguments)
    return ClientToolCalled(call.call_id, call.name, call.arguments)


class TurnHooks(RunHooks[TurnContext]):
    """Hears of each tool's end as it happens, times the model steps, frees all but the first of
    them from a forced tool choice, and lets no tool run before it may."""

    def __init__(self, turn: Turn, config: RunConfig) -> None:
        self._turn = turn
        self._config = config

    async def on_tool_start(
        self, context: RunContextWrapper[TurnContext], agent: Agent[TurnContext], tool: Tool
    ) -> None:
        if context.context.cleared is not None:
            await context.context.cleared()

    async def on_tool_end(
        self,
        context: RunContextWrapper[TurnContext],
        agent: Agent[TurnContext],
        tool: Tool,
        result: object,
    ) -> None:
        if not isinstance(tool, ClientFunctionTool) and isinstance(context, ToolContext):
            call = context.tool_call
            if call is not None:
                self._turn.tool_ended(call, result)

    async def on_llm_start(
        self,
        context: RunContextWrapper[TurnContext],
        agent: Agent[TurnContext],
        system_prompt: str | None,
        input_items: list[TResponseInputItem],
    ) -> None:
        self._turn.step_began(agent.name)

    async def on_llm_end(
        self,
        context: RunContextWrapper[TurnContext],
        agent: Agent[TurnContext],
        response: ModelResponse,
    ) -> None:
        self._turn.step_ended()
        # "required" binds the first step; on later ones it would make the model call for ever.
        if self._config.model_settings is not None:
            self._config.model_settings.tool_choice = None


def _words(output: Any) -> str:
    return output if isinstance(output, str) else json.dumps(output)
