"""Runs user turns on a team: the one door between a call and the Agents SDK."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, cast

from agents.run import CallModelData, ModelInputData
from openai.types.shared import Reasoning

from agents import (
    Model,
    ModelProvider,
    ModelRefusalError,
    ModelSettings,
    ModelTracing,
    RunConfig,
    Runner,
    RunResultStreaming,
    TResponseInputItem,
    Usage,
)
from frontdesk.desk.schema import Team
from frontdesk.mcp.connections import McpConnections
from frontdesk.team.background import BackgroundTool, run_job
from frontdesk.team.build import TeamAgent, build_agents
from frontdesk.team.choice import sdk_choice
from frontdesk.team.compacting import Summariser, build_summarisers
from frontdesk.team.context import TurnContext
from frontdesk.team.events import (
    Guarded,
    Job,
    JobDone,
    MessageEnded,
    TeamEvent,
    TextDelta,
    TokensUsed,
    ToolProgress,
    ToolRecord,
    TurnEnded,
    TurnFailed,
    TurnRequest,
)
from frontdesk.team.failures import turn_failure
from frontdesk.team.functions import FunctionLoader
from frontdesk.team.guardrails.build import Guardrails, build_guardrails
from frontdesk.team.guardrails.guard import Outcome
from frontdesk.team.history import complete
from frontdesk.team.models import (
    OTHER_WINDOW,
    ModelRegistry,
    WarmsUp,
    model_chain,
    model_choice,
)
from frontdesk.team.prompting import Prompt, Prompting
from frontdesk.team.realtime.model import ON_LINE, on_line_of, put_before
from frontdesk.team.realtime.upstream import Upstream
from frontdesk.team.redaction import Rewrite, build_redaction
from frontdesk.team.resuming import resuming
from frontdesk.team.showing import Showing
from frontdesk.team.summary import FOR_NEXT_CALL, earlier_item, summed_up
from frontdesk.team.tokens import Definitions
from frontdesk.team.turn import Turn, TurnHooks

logger = logging.getLogger(__name__)

MAX_STEPS = 12
"""Most model steps of one user turn, over all its agents."""
CANCEL_SECONDS = 0.5
"""How long a cancelled run may take to tidy up before it is left to do so alone."""


class TeamRunner:
    """One version of one team, ready to run; shared by all calls that began with that version.

    ``prompt(agent, variables)`` gives an agent's instructions, ``judges`` what models watch for,
    by guardrail. ``mcp`` and ``models`` belong to the process and are closed by whoever made them.
    ``sources`` is the code of this version, by file.
    """

    def __init__(
        self,
        team: Team,
        *,
        desk_root: Path,
        prompt: Prompt,
        mcp: McpConnections,
        models: ModelRegistry,
        trace_content: bool = True,
        judges: Mapping[str, str] | None = None,
        sources: Mapping[Path, str] | None = None,
    ) -> None:
        self.team = team
        self.guardrails = Guardrails(team)
        self.redact: Rewrite | None = None
        """What is left of a text for traces; None: all of it."""
        self.upstream: Upstream | None = None
        """The realtime model that answers calls, if one does."""
        self._judges = judges or {}
        self._prompt = Prompting(prompt, team.variables)
        self._mcp = mcp
        self._models = models
        self._trace_content = trace_content
        self._functions = FunctionLoader(desk_root, sources)
        self._agents: dict[str, TeamAgent] = {}
        self._noting: Model | None = None
        self._definitions: dict[str, Definitions] = {}
        self._summarisers: dict[str, Summariser] = {}
        self._provider = _NoModelByName()

    async def start(self) -> None:
        """Load the functions and the models. Takes long where models have to be read from disk.

        Raises:
            TeamBuildError, FunctionLoadError, McpConfigError, ModelUnavailable: naming the field.
        """
        self._agents = await asyncio.to_thread(self._build)
        self._definitions = {name: Definitions(agent) for name, agent in self._agents.items()}
        for agent in self._agents.values():
            if isinstance(agent.model, WarmsUp):
                await agent.model.warm_up()

    def _build(self) -> dict[str, TeamAgent]:
        self._summarisers = build_summarisers(self.team, self._models)
        self.guardrails = build_guardrails(
            self.team, functions=self._functions, models=self._models, judges=self._judges
        )
        self.redact = build_redaction(self.team.redact, self._functions)
        memory = self.team.memory
        if memory and memory.summary and self._models.writes(self.team.models[memory.summary]):
            self._noting = self._models.judge(self.team, memory.summary)
        agents = build_agents(
            self.team,
            prompt=self._prompt,
            functions=self._functions,
            mcp=self._mcp,
            models=self._models,
            consult=self._consult,
            guardrails=self.guardrails,
        )
        self.upstream = self._models.upstream(self.team)
        if self.upstream is not None:
            put_before(agents, self.upstream, self.guardrails, self._models.first_word)
        return agents

    async def aclose(self) -> None:
        """Forget this version of the team. Runs under way go on."""
        self._functions.close()

    def describe(self) -> dict[str, str]:
        """What stands behind each model of the team that an agent uses, by the model's name."""
        used = dict.fromkeys(
            name for agent in self.team.agents for name in model_chain(self.team, agent)
        )
        theirs = {name: self._models.describe(self.team.models[name]) for name in used}
        upstream = {"realtime model": self.upstream.name} if self.upstream else {}
        return upstream | theirs

    def sees(self, agent: str) -> bool:
        """Whether ``agent`` can be shown images."""
        return self._models.sees(model_choice(self.team, agent)[1])

    def hosted(self, agent: str) -> bool:
        """Whether a service runs the agent's model."""
        return self.upstream is not None or self._models.hosted(model_choice(self.team, agent)[1])

    def context_window(self, agent: str) -> int:
        """Tokens that the model of ``agent`` can be given, its answer included, and its stand-ins,
        but for those in this process, which look at the newest turns alone."""
        own, *others = (self.team.models[name] for name in model_chain(self.team, agent))
        hosted = [other for other in others if self._models.hosted(other)]
        windows = [self._models.context_window(choice) for choice in (own, *hosted)]
        return min(OTHER_WINDOW, *windows) if self.upstream else min(windows)

    def instructions(self, agent: str) -> str:
        """The prompt of ``agent``, as the team has it."""
        return self._prompt(agent, dict(self.team.variables))

    def tool_tokens(self, agent: str) -> int:
        """About how many tokens the tools take that the model of ``agent`` is told of."""
        return self._definitions[agent].tokens if agent in self._definitions else 0

    def summariser(self, agent: str) -> Summariser | None:
        """Who sums up the older part of a long conversation for ``agent``, if somebody does."""
        return self._summarisers.get(agent)

    def background(self, agent: str, tool: str) -> BackgroundTool | None:
        """The tool of ``agent`` that works in the background, if it has one of this name."""
        found = self._agents.get(agent)
        return found.background.get(tool) if found else None

    async def work(
        self,
        job: Job,
        *,
        call_id: str,
        trace_id: str,
        report: Callable[[str], None],
        guarded: Callable[[Outcome], None],
        record: ToolRecord | None = None,
    ) -> JobDone:
        """Do background work, outside of any turn, in the trace ``trace_id`` (32 hex digits).
        ``report`` gets words of progress, ``guarded`` what guardrails say; ``record`` keeps the
        tools that run. Cancelling stops it.
        Raises ``LookupError`` when the team has no such tool."""
        tool = self.background(job.agent, job.tool)
        if tool is None:
            raise LookupError(f"{job.agent!r} has no background tool {job.tool!r}")
        context = TurnContext(
            call_id=call_id,
            variables=dict(self.team.variables),
            report=lambda _, words: report(words),
            guarded=guarded,
            caller=job.caller,
            trace_id=trace_id,
            record=record,
        )
        return await run_job(tool, job, self._agents[job.agent], context)

    async def _consult(self, agent: str, task: str, context: TurnContext) -> str:
        """An agent's words on a task, in the trace of whoever asks."""
        request = TurnRequest(
            call_id=context.call_id,
            agent=agent,
            history=[{"role": "user", "content": task}],
            trace_id=context.trace_id,
            caller=context.caller,
            record=context.record,
        )
        words: list[str] = []
        async with aclosing(self.run(request)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        words.append(text)
                    case MessageEnded():
                        words.append("\n")
                    case ToolProgress(_, message):
                        context.report("", message)
                    case Guarded(outcome):
                        context.guarded(outcome)
                    case _:
                        pass
        return "".join(words).strip()

    async def run(self, request: TurnRequest) -> AsyncGenerator[TeamEvent]:
        """Run the team on ``request``; the last event is ``TurnEnded``.

        Closing the iterator, or cancelling the task that reads it, cancels the run at once, with
        its tools and its MCP calls. Tool calls that had finished by then have been told as
        ``HistoryItem`` pairs; those under way leave nothing behind.

        Raises:
            TurnFailed: the model failed or went on too long; what came before it stands.
        """
        agent = self._agents.get(request.agent)
        if agent is None:
            known = ", ".join(self._agents) or "none: was start() awaited?"
            raise TurnFailed(f"no agent {request.agent!r} (there are: {known})", "unknown_agent")
        if request.decided:
            agent = resuming(agent, request.decided)
        turn = Turn(self.team, request)
        history = complete(request.history)
        showing = Showing(self.team, request, history, self._sum_up, turn.tell)
        *earlier, asked = history
        config = self._config(request, earlier, showing)
        on_line = ON_LINE.set(on_line_of(request))
        result = Runner.run_streamed(  # its task takes the line along
            agent,
            [asked],
            context=turn.context,
            max_turns=MAX_STEPS,
            hooks=TurnHooks(turn, config),
            run_config=config,
        )
        ON_LINE.reset(on_line)
        turn.cancel_run = result.cancel
        showing.usage = result.context_wrapper.usage
        follower = asyncio.create_task(turn.follow(result))
        usage = result.context_wrapper.usage
        told = 0
        try:
            while (event := await turn.events.get()) is not None:
                if usage.total_tokens != told:
                    told = usage.total_tokens
                    yield TokensUsed(*_tokens(usage))
                yield event
            await _outcome(turn, follower)
        finally:
            turn.over()
            if not follower.done():
                await _cancel(result, follower)
            elif not follower.cancelled():
                follower.exception()  # whoever left before its end did not see it
            # There is no sandbox to clean up, and what would do so holds the result and all that
            # hangs on it in a cycle, which only the garbage collector would end.
            result._sandbox_cleanup = None  # pyright: ignore[reportPrivateUsage]
        yield TurnEnded(turn.agent, *_tokens(usage), cut_short=turn.cut_short)

    async def noted(self, items: list[TResponseInputItem]) -> str | None:
        """A whole call, for when its caller calls again, by the model that ``memory`` names; None
        where there is none, or it fails."""
        memory = self.team.memory
        if self._noting is None or memory is None or memory.summary is None:
            return None
        choice = self.team.models[memory.summary]
        settings = self._models.given(self._noting, choice)
        try:
            async with asyncio.timeout(choice.timeout or None):
                text, _ = await summed_up(
                    self._noting, settings, items, FOR_NEXT_CALL, tracing=ModelTracing.DISABLED
                )
        except Exception as error:
            logger.warning("%s could not sum up a call: %r", memory.summary, error)
            return None
        return text

    async def _sum_up(
        self, agent: str, items: list[TResponseInputItem]
    ) -> tuple[str, Usage] | None:
        """``items`` summed up by the model of ``agent``; None where it has no words of its own,
        fails or takes too long."""
        model, settings = self._agents[agent].model, self._agents[agent].model_settings
        if not self._models.writes(model_choice(self.team, agent)[1]) or isinstance(model, str):
            return None
        budget = self.team.budgets.summary
        try:
            async with asyncio.timeout(budget):
                return await summed_up(model, settings, items) if model else None
        except Exception as error:
            logger.warning("%s could not sum up the call within %g s: %r", agent, budget, error)
            return None

    def _config(
        self, request: TurnRequest, earlier: list[TResponseInputItem], showing: Showing
    ) -> RunConfig:
        known = [earlier_item(request.earlier)] if request.earlier else []

        async def with_earlier(call: CallModelData[TurnContext]) -> ModelInputData:
            data = call.model_data
            items = await showing.shown(call.agent.name, [*earlier, *data.input])
            # Before all else, and the same all through a call: a prompt cache keeps it.
            shown = [*known, *items]
            if not request.decided:
                # In a list, the runner would look for what was said twice: 3 µs an item. Only a
                # call that was decided on stands in the conversation already, and is made again.
                shown = cast("list[TResponseInputItem]", tuple(shown))
            return ModelInputData(shown, data.instructions)

        labels = request.labels
        config = RunConfig(
            # The runner copies and checks its input a dozen times a run: 0.06 ms of CPU for each
            # earlier turn. What was said before is none of its business, only of the models.
            call_model_input_filter=with_earlier,
            model_provider=self._provider,
            workflow_name=self._workflow(labels.workflow_name),
            trace_id=f"trace_{request.trace_id}",
            group_id=labels.group_id or request.call_id,
            trace_metadata=labels.metadata,
            trace_include_sensitive_data=self._trace_content,
            tool_not_found_behavior="return_error_to_model",
        )
        # Set afterwards: given to the constructor, it costs a millisecond of type inspection.
        config.model_settings = _model_settings(request)
        return config

    def _workflow(self, told: str | None) -> str:
        """The name of a run: the client's, unless its words are none of the traces' business."""
        private = self.team.redact or not self._trace_content
        return self.team.name if private else told or self.team.name


async def _outcome(turn: Turn, follower: asyncio.Task[None]) -> None:
    try:
        await follower
        if turn.overdue is not None:
            raise TurnFailed(turn.overdue, "model_timeout")
    except TurnFailed:
        raise
    except ModelRefusalError:
        return  # its words have been told like any others
    except Exception as error:
        if not turn.cut_short:
            raise turn_failure(error) from error


async def _cancel(result: RunResultStreaming, follower: asyncio.Task[None]) -> None:
    result.cancel()
    follower.cancel()
    ends = {follower, result.run_loop_task} if result.run_loop_task else {follower}
    done, _ = await asyncio.wait(ends, timeout=CANCEL_SECONDS)
    for task in done:
        with suppress(asyncio.CancelledError):
            task.exception()  # seen, so that the loop does not complain of it


def _model_settings(request: TurnRequest) -> ModelSettings | None:
    """What the client says of how the model is to be run, if anything."""
    effort = request.reasoning_effort
    said: dict[str, Any] = {
        "max_tokens": request.max_output_tokens,
        "tool_choice": sdk_choice(request),
        "parallel_tool_calls": request.parallel_tool_calls,
        "reasoning": None if effort is None else Reasoning(effort=effort),
    }
    return ModelSettings(**said) if any(value is not None for value in said.values()) else None


def _tokens(usage: Usage) -> tuple[int, int, int]:
    """Tokens of the input, of those the cached ones, and of the output."""
    cached = usage.input_tokens_details.cached_tokens or 0
    return usage.input_tokens, cached, usage.output_tokens


class _NoModelByName(ModelProvider):
    """Agents bring their models along; the SDK's default provider would be built for each run."""

    def get_model(self, model_name: str | None) -> Model:
        raise LookupError(f"no model is looked up by name here: {model_name!r}")
