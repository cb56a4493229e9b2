"""A turn as its trace: which spans there are, and what stands in them.

The team's own spans (agents, model steps, tools, handoffs) come from the SDK bridge and nest under
the same root; here are the spans of the voice around them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from frontdesk.call.caller_speech import CallerSpeech, Wording
from frontdesk.call.clock import Clock
from frontdesk.call.discarded import Discarded
from frontdesk.call.doing import Doing
from frontdesk.call.voicing import Said, Voicing, provided
from frontdesk.team.events import ContextSize
from frontdesk.team.guardrails.guard import Outcome
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import TurnTrace
from frontdesk.voice.audio import first_audible
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.speaker import Spoken

McpApproval = Literal["approved", "denied"]
EndReason = Literal["completed", "interrupted", "session_closed", "worker_lost", "failed"]


class Turn:
    """Collects the spans of one response and the speech that it answers."""

    def __init__(self, trace: TurnTrace, clock: Clock, *, stt: str, tts: str, asked: float) -> None:
        self.trace = trace
        self._clock = clock
        self._stt = stt
        self.voicing = Voicing(trace, clock, tts)
        self._asked = asked
        self._first_sound: float | None = None
        self._words: list[str] = []
        self._heard: list[str] = []
        self._offset: int | None = None
        self._played = False
        self._agent = ""
        self._quiet = "no_words"
        self.doing = Doing()
        self._error: str | None = None
        self._goes_on = False
        self._held = 0.0
        self._past: list[Callable[[], object]] | None = []  # spans that can wait for first sound

    @property
    def latency(self) -> float | None:
        """Seconds from the caller's last sound to the first that can be heard of the answer."""
        return None if self._first_sound is None else self._first_sound - self._asked

    def begins(self, offset_ms: int) -> None:
        """Where on the call's audio clock the turn begins."""
        self._offset = offset_ms
        self.trace.set(**{names.VOICE_AUDIO_OFFSET_MS: offset_ms})

    def spoken_in(self, language: str | None) -> None:
        """What the caller is taken to speak."""
        if language is not None:
            self.trace.set(**{names.VOICE_CALLER_LANGUAGE: language})

    def caller_spoke(self, speech: CallerSpeech) -> None:
        """The caller's speech and how its end was found; of several, the first one first."""
        if self._offset is None:
            self.begins(speech.offset_ms)
        self._record_past(
            names.USER_SPEECH,
            start=speech.started,
            end=speech.ended,
            attributes={
                names.VOICE_ITEM_ID: speech.item_id,
                names.VOICE_AUDIO_DURATION: speech.ended - speech.started,
                names.VOICE_AUDIO_OFFSET_MS: speech.offset_ms,
                names.GEN_AI_INPUT_MESSAGES: messages.user(None, speech.audio_uri),
            },
        )
        waited: dict[str, float] = {names.VOICE_EOU_DELAY: speech.decided - speech.ended}
        if speech.probability is not None:
            waited[names.VOICE_EOU_PROBABILITY] = speech.probability
        self._record_past(
            names.END_OF_TURN, start=speech.ended, end=speech.decided, attributes=waited
        )

    def transcribed(self, speech: CallerSpeech, wording: Wording) -> None:
        """The speech as words, or why there are none; before that, each model that was asked in
        vain."""
        began, who = wording.began, self._stt
        found: dict[str, object] = {}
        if (transcript := wording.transcript) is not None:
            who = transcript.model or who
            for attempt in transcript.failed:
                ended = min(began + attempt.seconds, wording.ended)
                self._listened(speech, attempt.model, {}, began, ended, attempt.error)
                began = ended
            found = {
                names.VOICE_AUDIO_DURATION: transcript.seconds,
                names.VOICE_STT_CONFIDENCE: transcript.confidence,
                names.GEN_AI_SPEECH_INPUT_LANGUAGE: transcript.language,
                names.GEN_AI_OUTPUT_MESSAGES: messages.user(transcript.text),
            }
            if usage := transcript.usage:
                heard = usage["input_token_details"]["audio_tokens"]
                found[names.GEN_AI_USAGE_INPUT_TOKENS] = usage["input_tokens"]
                found[names.GEN_AI_USAGE_AUDIO_INPUT_TOKENS] = heard
                found[names.GEN_AI_USAGE_OUTPUT_TOKENS] = usage["output_tokens"]
            self._heard.append(transcript.text)
            self.asked(" ".join(self._heard))
        self._listened(speech, who, found, began, wording.ended, wording.error)

    def _listened(
        self,
        speech: CallerSpeech,
        who: str,
        found: Mapping[str, object],
        start: float,
        end: float,
        error: str | None,
    ) -> None:
        """A model was asked for words, and ``found`` these, or failed."""
        provider, model = provided(who)
        attributes: dict[str, object] = {
            names.GEN_AI_OPERATION_NAME: names.SPEECH_TO_TEXT,
            names.GEN_AI_PROVIDER_NAME: provider,
            names.GEN_AI_REQUEST_MODEL: model,
            names.VOICE_ITEM_ID: speech.item_id,
            **found,
        }
        name = f"{names.SPEECH_TO_TEXT} {model}"
        self._record_past(name, start=start, end=end, attributes=attributes, error=error)

    def _record_past(self, name: str, **span: Any) -> None:
        if self._past is None:
            self.trace.record(name, **span)
        else:
            self._past.append(partial(self.trace.record, name, **span))

    def sounded(self) -> None:
        """The first sound is on its way: nobody waits for what is recorded now."""
        for record in self._past or ():
            record()
        self._past = None
        self.trace.catch_up()

    def asked(self, words: str) -> None:
        """What the caller said or wrote, on the root."""
        self.trace.set(**{names.GEN_AI_INPUT_MESSAGES: messages.user(words)})

    def dead_air(self, since: float, line: str | None) -> None:
        """The caller was left in silence since then (unix seconds), and is told ``line`` now."""
        stage, name = self.doing.stage
        self.trace.record(
            f"{names.DEAD_AIR} {stage}",
            start=since,
            end=self._clock.now(),
            attributes={
                names.VOICE_SILENCE_STAGE: stage,
                names.VOICE_SILENCE_WAITS_FOR: name,
                names.GEN_AI_OUTPUT_MESSAGES: messages.agent(line) if line else None,
            },
        )
        self.trace.set(**{names.VOICE_SILENCE_STAGE: stage, names.VOICE_SILENCE_WAITS_FOR: name})

    def quiet_because(self, reason: str) -> None:
        """Why there may be no sound, if there is none: ``client_tool``, ``not_asked``."""
        self._quiet = reason

    def spoke(self, spoken: Spoken, agent: str) -> None:
        """A stretch of speech was made."""
        self.sounds(spoken, agent)
        self.voicing.spoke(spoken, agent)

    def sounds(self, spoken: Spoken, agent: str) -> None:
        """A stretch of speech goes out: the first that can be heard ends the wait."""
        now = self._clock.now()
        self._agent = agent
        audible = first_audible(spoken.audio) if self._first_sound is None else None
        if audible is not None:
            self._first_sound = now + audible / OUTPUT_RATE
            self.trace.set(**{names.VOICE_TURN_LATENCY: self._first_sound - self._asked})

    def wrote(self, delta: str) -> None:
        """Words of a text response."""
        if self._first_sound is None:
            self._first_sound = self._clock.now()
            self.trace.set(**{names.VOICE_TURN_LATENCY: self._first_sound - self._asked})
        self._words.append(delta)

    def listed_tools(
        self, server: str, tools: list[str], *, start: float, end: float, error: str | None
    ) -> None:
        """An MCP server of the client told its tools, or why it did not."""
        attributes = {names.VOICE_MCP_SERVER: server, names.VOICE_MCP_TOOLS: tools}
        name = f"{names.MCP_LIST_TOOLS} {server}"
        self.trace.record(name, start=start, end=end, attributes=attributes, error=error)

    def called_mcp(
        self, item: dict[str, Any], approval: McpApproval | None, *, start: float, end: float
    ) -> None:
        """A tool of the client's MCP server was called, or not for its ``error``: ``item`` is the
        call as it ended. ``approval``: what the client said, if it was asked."""
        error: dict[str, Any] | None = item["error"]
        self.trace.record(
            f"{names.EXECUTE_TOOL} {item['name']}",
            start=start,
            end=end,
            attributes={
                names.GEN_AI_OPERATION_NAME: names.EXECUTE_TOOL,
                names.GEN_AI_TOOL_NAME: item["name"],
                names.GEN_AI_TOOL_TYPE: "extension",
                names.GEN_AI_TOOL_CALL_ID: item["id"],
                names.GEN_AI_TOOL_CALL_ARGUMENTS: item["arguments"],
                names.GEN_AI_TOOL_CALL_RESULT: item["output"],
                names.VOICE_MCP_SERVER: item["server_label"],
                names.VOICE_MCP_APPROVAL: approval,
            },
            error=error["message"] if error else None,
        )

    def asked_question(self, question: dict[str, Any]) -> None:
        """Somebody is asked to approve a tool call, or a server's question is put."""
        now = self._clock.now()
        attributes = {
            **_about(question),
            names.GEN_AI_TOOL_CALL_ARGUMENTS: question["arguments"],
            names.VOICE_QUESTION_TEXT: question["text"],
        }
        name = f"{names.QUESTION} {question['tool']}"
        self.trace.record(name, start=now, end=now, attributes=attributes)

    def answered_question(self, question: dict[str, Any], words: str, reading: str) -> None:
        """What the caller said to a question, and how that was read."""
        now = self._clock.now()
        said = {names.VOICE_QUESTION_ANSWER: words, names.VOICE_QUESTION_READING: reading}
        name = f"{names.ANSWER} {question['tool']}"
        self.trace.record(name, start=now, end=now, attributes={**_about(question), **said})

    def decided_question(self, question: dict[str, Any]) -> None:
        """What came of a question. The span is what this turn saw of the wait for it."""
        decided: dict[str, Any] = question["decided"]
        at, asked = decided["at"], question["asked_at"]
        attributes = {
            **_about(question),
            names.VOICE_QUESTION_DECISION: decided["decision"],
            names.VOICE_QUESTION_WHO: decided["who"],
            names.VOICE_QUESTION_HOW: decided["how"],
            names.VOICE_QUESTION_WAITED: max(0.0, at - asked),
        }
        name = f"{names.DECISION} {question['tool']}"
        start = min(at, max(asked, self.trace.started))
        self.trace.record(name, start=start, end=at, attributes=attributes)

    @property
    def has_words(self) -> bool:
        """Whether any words of a text response were written."""
        return bool(self._words)

    @property
    def has_failed(self) -> bool:
        """Whether the turn went wrong."""
        return self._error is not None

    def resumes(self, lost: str) -> None:
        """The turn takes the place of one (``TurnTrace.ref``) whose worker was lost."""
        self.trace.link(lost)
        self.trace.set(**{names.VOICE_TURN_RESUMES: lost.partition("-")[0]})

    def stopped(self, spoken_at: float) -> None:
        """The caller's voice, heard since then on the wire (unix seconds), has stopped it now."""
        self.trace.set(**{names.VOICE_INTERRUPTION_TIME: max(0.0, self._clock.now() - spoken_at)})

    def goes_on(self, stopped: str | None, why: str) -> None:
        """The turn goes on with the answer of one (``TurnTrace.ref``) that was stopped for nothing,
        ``noise`` or a ``backchannel``. None: that was not stopped, and there is nothing to say."""
        self.trace.set(**{names.VOICE_INTERRUPTION_FALSE: why})
        self._quiet = why
        if stopped is not None:
            self._goes_on = True
            self.resumes(stopped)

    def took_over(self, since: float, ready: float, pause: float, epoch: int) -> None:
        """Before this turn, the call was taken over: its client came at ``since`` (unix seconds),
        ``pause`` seconds after the call was last written, and it was live again at ``ready``."""
        self.trace.record(
            names.TAKE_OVER,
            start=since,
            end=ready,
            attributes={names.VOICE_TAKE_OVER_PAUSE: pause, names.VOICE_TAKE_OVER_EPOCH: epoch},
        )

    def out_of_band(self) -> None:
        """The response is no part of the conversation."""
        self.trace.set(**{names.VOICE_TURN_OUT_OF_BAND: True})

    def follows_silence(self, times: int) -> None:
        """The caller said nothing for too long, so many times in a row."""
        self.trace.set(**{names.VOICE_IDLE_TIMES: times})

    def tells(self, work: list[str], traces: Iterable[str | None]) -> None:
        """The agent speaks up, to tell of background work: its ids, and the traces of what is
        done."""
        self.trace.set(**{names.VOICE_DELEGATION_TOLD: work})
        for ref in filter(None, traces):
            self.trace.link(ref)

    def guarded(self, outcome: Outcome) -> None:
        """A guardrail looked at words."""
        record_guardrail(self.trace, outcome, self._clock.now())

    def given(self, size: ContextSize) -> None:
        """How much of the conversation the team was given."""
        left_out = {names.VOICE_CONTEXT_LEFT_OUT: size.left_out} if size.left_out else {}
        self.trace.set(**{names.VOICE_CONTEXT_TOKENS: size.tokens, **left_out})

    def held(self, seconds: float) -> None:
        """Words waited so long for their guardrails."""
        self._held += max(0.0, seconds)
        self.trace.set(**{names.VOICE_TURN_HELD: self._held})

    def saved(self, seconds: float) -> None:
        """The answer was begun before the end of the turn was sure, and is heard so much sooner."""
        self.trace.set(**{names.VOICE_TURN_SAVED: seconds})

    def discarded(self, answers: Sequence[Discarded]) -> None:
        """Answers were begun while the caller still spoke, and nothing came of them."""
        self.trace.set(**{names.VOICE_SPECULATION_DISCARDED: len(answers)})
        for answer in answers:
            for used in answer.used:
                model = used.get(names.GEN_AI_REQUEST_MODEL, "")
                self._record_past(
                    f"{names.SPECULATION} {model}".strip(),
                    start=answer.began,
                    end=answer.ended,
                    attributes=used,
                )

    def blocked(self, guardrail: str) -> None:
        """A guardrail stopped the answer."""
        self.trace.set(**{names.VOICE_TURN_BLOCKED_BY: guardrail})

    def failed(self, message: str, *, code: str = "error") -> None:
        """The turn went wrong; the call goes on."""
        self._error = f"{code}: {message}"
        self._quiet = code

    def played(
        self,
        item_id: str,
        *,
        start: float,
        end: float,
        text: str,
        made: float,
        offset_ms: int,
        audio_uri: str | None,
    ) -> None:
        """What the caller heard of the answer, of which ``made`` seconds were sent."""
        self._played = True
        parts = self.voicing.by_agent(text, end - start)
        if len(parts) < 2:
            agent = parts[0].agent if parts else self._agent
            parts = [Said(agent, text, end - start)]
        begun = start
        for part in parts:
            over = end if part is parts[-1] else begun + part.seconds
            self.trace.record(
                names.PLAYBACK,
                start=begun,
                end=over,
                attributes={
                    names.VOICE_AUDIO_OFFSET_MS: offset_ms + round(1000 * (begun - start)),
                    names.VOICE_AUDIO_DURATION: made if part is parts[0] else None,
                    names.VOICE_PLAYBACK_POSITION: over - begun,
                    names.VOICE_ITEM_ID: item_id,
                    names.GEN_AI_AGENT_NAME: part.agent,
                    names.GEN_AI_OUTPUT_MESSAGES: messages.agent(
                        part.text, audio_uri if part is parts[0] else None
                    ),
                },
            )
            begun = over
        self._tell(text)

    def _tell(self, words: str) -> None:
        self.trace.set(**{names.GEN_AI_OUTPUT_MESSAGES: messages.agent(words)})

    def end(
        self,
        reason: EndReason,
        *,
        interrupted_at: float | None = None,
        interrupted_of: float | None = None,
    ) -> None:
        """Close the trace. ``interrupted_at``: seconds of the answer that were heard, of
        ``interrupted_of`` that were made."""
        self.sounded()
        self.voicing.end()
        if self._words and not self._played:
            self._tell("".join(self._words))
        if interrupted_at is not None:
            self.trace.set(
                **{
                    names.VOICE_INTERRUPTED_AT: interrupted_at,
                    names.VOICE_INTERRUPTED_OF: interrupted_of,
                }
            )
        if self._first_sound is None and not self._goes_on:
            why = self._quiet if reason == "completed" or self._error else reason
            self.trace.set(**{names.VOICE_SILENCE_REASON: why})
        self.trace.end(reason="failed" if self._error else reason, error=self._error)


def _about(question: dict[str, Any]) -> dict[str, Any]:
    return {
        names.VOICE_QUESTION_ID: question["id"],
        names.VOICE_QUESTION_KIND: question["kind"],
        names.VOICE_QUESTION_BY: question["by"],
        names.GEN_AI_TOOL_NAME: question["tool"],
        names.GEN_AI_TOOL_CALL_ID: question["call_id"],
        names.GEN_AI_AGENT_NAME: question["agent"],
        names.VOICE_MCP_SERVER: question["server"],
    }


def record_guardrail(trace: TurnTrace, outcome: Outcome, now: float) -> None:
    """A guardrail has looked at something."""
    trace.record(
        f"{names.GUARDRAIL} {outcome.guardrail}",
        start=now - outcome.seconds,
        end=now,
        attributes={
            names.VOICE_GUARDRAIL_TRIGGERED: outcome.triggered,
            names.VOICE_GUARDRAIL_MODE: outcome.mode,
            names.VOICE_GUARDRAIL_STAGE: outcome.stage,
            names.VOICE_GUARDRAIL_REASON: outcome.reason or None,
            names.VOICE_GUARDRAIL_TEXT: outcome.shown or None,
            names.VOICE_OPENAI_SPAN_TYPE: names.GUARDRAIL,
            names.ERROR_TYPE: f"guardrail_{outcome.problem}" if outcome.problem else None,
        },
        error=outcome.reason if outcome.problem else None,
    )
