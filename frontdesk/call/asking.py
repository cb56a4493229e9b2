"""What the team is asked: the conversation in words, as much of it as the model takes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from frontdesk.call.answering import Answering, Step
from frontdesk.call.book import CallBook
from frontdesk.call.context import LOCAL_ITEMS, Limits, limits
from frontdesk.call.conversation import Conversation
from frontdesk.call.hearing import Hearing
from frontdesk.call.history import newest
from frontdesk.call.idle import Silences
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.prompts import Prompts
from frontdesk.call.recovery import NOTE, GoingOn
from frontdesk.call.remembering import Remembering
from frontdesk.call.request import (
    newest_words,
    said_nothing,
    trace_labels,
    turn_request,
    with_speech,
)
from frontdesk.call.tongue import Tongue
from frontdesk.call.turn import Turn
from frontdesk.call.upstream import CallUpstream
from frontdesk.protocol.commands import McpTool, ResponseRequested
from frontdesk.protocol.items import given_audio
from frontdesk.state.entries import StoredItem
from frontdesk.team.events import ClientPrompt, Jobs, TurnRequest
from frontdesk.team.tokens import definition_tokens, estimate


class Asking:
    """Owned by the call: its writer calls every method but :meth:`request`."""

    def __init__(
        self,
        live_team: LiveTeam,
        book: CallBook,
        hearing: Hearing,
        answering: Answering,
        given: Mapping[str, str],
        remembering: Remembering,
        silences: Silences,
        tongue: Tongue,
        upstream: CallUpstream | None = None,
    ) -> None:
        """``given``: what the clients gave for MCP servers, as it is now. A model ``upstream`` need
        not wait for words of what it has heard."""
        self._upstream = upstream
        self._remembering = remembering
        self._silences = silences
        self._tongue = tongue
        self._given = given
        self._team = live_team
        self._book = book
        self._hearing = hearing
        self._answering = answering
        self.conversation = Conversation(book.state)
        self.limits: Limits | None = None
        """What of it could be passed on when the team was last asked."""
        self._prompts = Prompts(live_team.loaded)
        self._fixed: dict[str, tuple[int, int]] = {}
        """Of each agent: tokens of its instructions, and those that its model can be given."""
        self._client_tools: tuple[list[dict[str, Any]], tuple[McpTool, ...], int] = [], (), 0
        """The tools of the client that were last counted, and their tokens."""
        self._words: dict[str, str] = {}
        """Words of audio that a response was given beside the conversation, by item."""

    def heard_ms(self, request: ResponseRequested) -> float:
        """Milliseconds of audio that this response is the first to answer. Audio that comes with
        the request is sent to be transcribed."""
        milliseconds = 0.0 if request.out_of_band else self._hearing.unanswered_ms()
        for item in request.input or ():
            if audio := given_audio(item):
                self._words[item["id"]] = ""
                milliseconds += self._hearing.given(item["id"], audio)
        return milliseconds

    def transcribed(self, item_id: str, words: str) -> None:
        """The words of an item are known."""
        if item_id in self._words:
            self._words[item_id] = words

    async def request(
        self,
        request: ResponseRequested,
        turn: Turn,
        session: dict[str, Any],
        jobs: Jobs | None,
        note: str | None,
        going_on: GoingOn | None = None,
    ) -> TurnRequest | str:
        """What the team is to answer, once all that was said is in words, or what to say when
        there are none. ``jobs`` takes background work; ``note`` stands behind the instructions;
        ``going_on`` is what is known of the answer that this one takes the place of. Raises
        :class:`~frontdesk.call.request.Unanswerable`."""
        given = None if request.input is None else [item["id"] for item in request.input]
        state = self._book.state
        if not self._needs_no_words(request):
            await self._hearing.words_known(given)
        turn.spoken_in(self._tongue.code)
        unworded = self._hearing.awaited if given is None else []
        asked = given is None and not request.out_of_band and not request.unasked
        if asked and not unworded and said_nothing(state):
            last = newest(state)
            line = self._silences.line(last["id"] if last else None)
            line = line or self._tongue.lines.unheard
            return f"{line} {self._answering.again() or ''}".strip()
        step = Step()
        if given is None and not request.out_of_band:
            step = await self._answering.begin(request.response_id, turn)
        if step.say is not None:
            return step.say
        if going_on is not None and not step.decided:
            asked_before = self._answering.asked_before(request.response_id)
            if asked_before is not None:
                return asked_before
        words = {item: self._words.pop(item, "") for item in given or ()}
        made, bounds = self._made(request, session, turn.trace.trace_id, words)
        if given is None:
            self.limits = bounds
        made = replace(made, jobs=jobs)
        if request.out_of_band:
            return made
        if speeches := [item for item in unworded if self._hearing.awaits(item)]:
            made = with_speech(made, speeches, alone=not newest_words(state))
        if going_on is not None:
            made, note = self._after_loss(made, going_on, note)
        return self._with_step(made, step, note)

    def _needs_no_words(self, request: ResponseRequested) -> bool:
        """Whether a model upstream has heard all that is still to be put into words, and nobody
        else has to read that first: no open question, no guardrail."""
        if self._upstream is None or request.out_of_band or request.input is not None:
            return False
        questions, agent = self._answering.questions, self._book.state.agent
        if any(questions.open()) or questions.ready():
            return False
        guarded = self._team.runner.guardrails.input(agent)
        return not guarded and all(map(self._upstream.line.has, self._hearing.awaited))

    async def ahead(
        self, request: ResponseRequested, session: dict[str, Any], spoken: StoredItem, trace_id: str
    ) -> TurnRequest | None:
        """What the team will be to answer if ``spoken`` is all that the caller says now; None
        where that is more than a question to the team. Raises
        :class:`~frontdesk.call.request.Unanswerable`."""
        await self._hearing.words_known()
        questions = self._answering.questions
        if any(questions.open()) or questions.ready():
            return None
        with self._book.state.supposing(spoken):
            made, _ = self._made(request, session, trace_id, {})
        return self._with_step(made, Step(), None)

    def _made(
        self,
        request: ResponseRequested,
        session: dict[str, Any],
        trace_id: str,
        words: Mapping[str, str],
    ) -> tuple[TurnRequest, Limits]:
        """The conversation as it is now, as much of it as the model takes."""
        state = self._book.state
        prompt = self._prompts.fill_in(request.options.get("prompt"), state.agent)
        bounds = self._limits(request, session, prompt)
        made = turn_request(
            state,
            self.conversation,
            request,
            trace_id,
            limits=bounds,
            sees=self._team.runner.sees(state.agent),
            words=words,
            prompt=prompt,
            labels=trace_labels(session),
            caller=dict(self._given),
            memories=self._remembering.memories,
        )
        notes = [words for words in (made.instructions, self._tongue.note) if words]
        made = replace(made, language=self._tongue.code, instructions="\n\n".join(notes) or None)
        return made, bounds

    def _after_loss(
        self, asked: TurnRequest, going_on: GoingOn, note: str | None
    ) -> tuple[TurnRequest, str | None]:
        """``asked``, for an answer that was cut off. A model in this process would not know how to
        go on: it answers once more, and what was heard of it is not said again. Where there is
        more to answer by now, it sees what it said."""
        asked = replace(asked, decided=going_on.decided)
        if not going_on.said:
            return asked, note
        if self._team.runner.hosted(asked.agent):
            return asked, "\n\n".join(filter(None, (note, NOTE)))
        history = [*asked.history]
        while (
            going_on.alone
            and history
            and cast("dict[str, Any]", history[-1]).get("role") == "assistant"
        ):
            history.pop()
        return replace(asked, history=history), note

    def _with_step(self, asked: TurnRequest, step: Step, note: str | None) -> TurnRequest:
        """``asked``, by a run that may ask the caller back, and goes on with what was decided."""
        notes = [words for words in (asked.instructions, step.note, note) if words]
        agent = step.agent or asked.agent
        return replace(
            asked,
            agent=agent,
            view=asked.view if agent == asked.agent else None,
            instructions="\n\n".join(notes) or None,
            decided=(*asked.decided, *step.decided),
            held=self._answering.questions.held,
        )

    def _limits(
        self, request: ResponseRequested, session: dict[str, Any], prompt: ClientPrompt | None
    ) -> Limits:
        agent, runner, options = self._book.state.agent, self._team.runner, request.options
        if agent not in self._fixed:
            own_tokens = estimate(runner.instructions(agent))
            self._fixed[agent] = own_tokens, runner.context_window(agent)
        own_tokens, window = self._fixed[agent]
        theirs = (
            prompt.text if prompt else "",
            options.get("instructions") or "",
            self._book.state.memory,
        )
        tools = runner.tool_tokens(agent) + self._client_tool_tokens(request)
        output = options.get("max_output_tokens")
        return limits(
            session["truncation"],
            window=window,
            reserved=own_tokens + sum(map(estimate, theirs)) + tools,
            output=output if isinstance(output, int) else None,
            items=None if runner.hosted(agent) else LOCAL_ITEMS,
        )

    def _client_tool_tokens(self, request: ResponseRequested) -> int:
        functions: list[dict[str, Any]] = request.options.get("tools") or []
        known, listed, tokens = self._client_tools
        if functions != known or request.mcp_tools != listed:
            listed = tuple(request.mcp_tools)
            given = [tool for tool in functions if tool["type"] == "function"]
            tokens = sum(
                definition_tokens(tool["name"], tool.get("description"), tool.get("parameters"))
                for tool in given
            ) + sum(definition_tokens(t.name, t.description, t.input_schema) for t in listed)
            self._client_tools = functions, listed, tokens
        return tokens
