"""What the call writes its traces with.

>>> turn = tracing.turn(call_id="sess_1", index=0, team="support", team_version="3f2a",
...                     agent="frontdesk", transport="websocket")
>>> with turn.use():                      # runs started here join the turn's trace
...     run = Runner.run_streamed(agent, words, run_config=RunConfig(trace_id=turn.sdk_trace_id))
>>> turn.end(reason="completed")
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agents.tracing import TracingProcessor
from agents.tracing.processors import default_processor
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import agents
from frontdesk.encryption import Cipher
from frontdesk.settings import Settings
from frontdesk.tracing import metric_names as metric
from frontdesk.tracing import names, otlp, scores_out
from frontdesk.tracing.ahead import TraceAhead
from frontdesk.tracing.audio import AudioRef, AudioStore
from frontdesk.tracing.capture import Capture, Captures
from frontdesk.tracing.live import LiveFeed
from frontdesk.tracing.metrics import Metrics
from frontdesk.tracing.openai_out import OpenAiDashboard
from frontdesk.tracing.opening import open_store
from frontdesk.tracing.pipeline import CLOSE, Pipeline
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.processor import AgentsProcessor
from frontdesk.tracing.provider import (
    SCOPE,
    disabled,
    outlet,
    resource,
    root_id,
    root_span_id,
    tracer,
)
from frontdesk.tracing.retention import Retention
from frontdesk.tracing.rows import SpanRow
from frontdesk.tracing.scores import Score
from frontdesk.tracing.scores_out import ScoresOut
from frontdesk.tracing.sound_files import AUDIO
from frontdesk.tracing.stores import StoreError
from frontdesk.tracing.turn import (
    EndReason,
    OpenSpan,
    TurnTrace,
    clean,
    context_of,
    nanoseconds,
)

__all__ = ["AudioRef", "AudioStore", "EndReason", "OpenSpan", "Tracing", "TurnTrace"]


class Tracing:
    """The traces of a process: spans and audio to the store, to watchers, and out over OTLP.

    ``store`` and ``audio`` keep; ``live`` tells watchers; ``metrics`` counts; ``pricing`` has the
    desk's prices.
    """

    def __init__(self, settings: Settings, cipher: Cipher | None = None) -> None:
        self._settings = settings
        most = Capture(words=settings.trace_content, sound=settings.trace_audio)
        self.captures = Captures(most)
        self._open_calls: frozenset[str] = frozenset()
        self.live = LiveFeed()
        self.pricing = Pricing()
        self.store = open_store(
            settings,
            cipher,
            clean=self.captures.clean,
            pricing=self.pricing,
            on_span=self._span_seen,
            on_calls=self._calls_changed,
        )
        self.audio = AudioStore(
            settings.data_dir / AUDIO,
            self.store,
            keeps=lambda call_id: not disabled() and self.captures.of_call(call_id).sound,
            cipher=cipher,
        )
        self.retention = Retention(
            self.store,
            self.audio,
            days=settings.traces_days,
            gigabytes=settings.traces_gb,
            live=lambda: self._open_calls,
        )
        self.metrics = Metrics(resource(), lambda: len(self._open_calls), lambda: self.lost)
        self._count()
        self._pipeline = Pipeline(self.store, self.metrics)
        self.scores_out: ScoresOut | None = None
        self._processor: AgentsProcessor | None = None
        self._tracer: otel.Tracer | None = None

    def start(self) -> None:
        """Begin to keep spans, the Agents SDK's too: its own exporter is off from here on,
        unless ``openai_traces`` is set."""
        self.store.start()
        if otlp.configured("TRACES"):
            self._pipeline.out = otlp.OtlpExporter(
                self.captures.clean, content=otlp.captures_content("span"), pricing=self.pricing
            )
            self._pipeline.batches = otlp.processor(self._pipeline.out)
        if scores_out.wanted():
            self.scores_out = ScoresOut(resource(), content=otlp.captures_content("event"))
        self._tracer = tracer()
        outlet.plug(self._pipeline)
        self._processor = AgentsProcessor(self._tracer, self.captures)
        processors: list[TracingProcessor] = [] if disabled() else [self._processor]
        if self._settings.openai_traces:
            processors.append(OpenAiDashboard(default_processor(), self.captures))
        agents.set_trace_processors(processors)

    async def aclose(self) -> None:
        """Write and send what waits, within seconds."""
        self.live.close()
        outlet.unplug(self._pipeline)
        await asyncio.to_thread(self._pipeline.shutdown)
        if self.scores_out is not None:
            await asyncio.to_thread(self.scores_out.shutdown, CLOSE)

    async def flush(self) -> None:
        """Wait until all spans and audio so far can be read from the store."""
        await asyncio.to_thread(self.store.flush)

    @property
    def lost(self) -> dict[str, int]:
        """How much could not be kept or sent: ``store`` (spans and audio), ``otlp`` (spans)."""
        out = self._pipeline.out
        return {"store": self.store.dropped, "otlp": out.failed if out else 0}

    @property
    def out(self) -> otlp.OtlpExporter | None:
        """The way out over OTLP, where there is one."""
        return self._pipeline.out

    @property
    def open_calls(self) -> frozenset[str]:
        """Calls that are open in this process now."""
        return self._open_calls

    def call_opened(self, call_id: str, capture: Capture | None = None) -> None:
        """Show the call as live also between its turns, and keep as much of it as ``capture``
        says; default: what the settings allow."""
        self.captures.opened(call_id, capture or self.captures.most)
        self._open_calls |= {call_id}

    def whose(self, call_id: str, caller: str, opened: float) -> None:
        """The call is of this caller (a hash), opened at this unix time."""
        self.store.whose(call_id, caller, opened)

    def call_closed(self, call_id: str) -> None:
        """The call is over."""
        self._open_calls -= {call_id}
        self._calls_changed([call_id])

    def turn(
        self,
        *,
        call_id: str,
        index: int,
        team: str,
        team_version: str,
        agent: str,
        transport: str,
        user: str | None = None,
        earlier_calls: int = 0,
        workflow_name: str | None = None,
        group_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        start: float | None = None,
        ahead: TraceAhead | None = None,
    ) -> TurnTrace:
        """Open the trace of a user turn, ``start`` (unix seconds) or now, with ``user``, if that is
        known, of whose ``earlier_calls`` the team is told. ``workflow_name``,
        ``group_id`` and ``metadata`` are the client's words for it. ``ahead``: work that was begun
        for it, whose spans may join it.

        Raises :class:`RuntimeError` before :meth:`start`.
        """
        if self._tracer is None or self._processor is None:
            raise RuntimeError("Tracing.start() must be called before a turn is traced")
        trace_id = root_id.set(ahead.trace_id if ahead else None)
        span_id = root_span_id.set(ahead.root_id if ahead else None)
        try:
            root = self._tracer.start_span(
                f"{names.INVOKE_WORKFLOW} {team}",
                context=Context(),
                start_time=nanoseconds(start),
                attributes=_of_turn(call_id, team, team_version, agent, transport, index),
            )
        finally:
            root_id.reset(trace_id)
            root_span_id.reset(span_id)
        if ahead is not None:
            ahead.taken = True
        labels = {
            names.VOICE_CLIENT_WORKFLOW_NAME: workflow_name,
            names.VOICE_CLIENT_GROUP_ID: group_id,
            names.VOICE_CLIENT_METADATA: metadata,
            names.USER_ID: user,
            names.VOICE_MEMORY_CALLS: earlier_calls or None,
        }
        return self._trace(root, call_id, labels, index)

    def ahead(self, call_id: str) -> TraceAhead:
        """The trace of a turn that may come. Either :meth:`turn` gets it, or :meth:`discard`.

        Raises :class:`RuntimeError` before :meth:`start`.
        """
        if self._processor is None:
            raise RuntimeError("Tracing.start() must be called before a turn is traced")
        ahead = TraceAhead()
        self.captures.joined(ahead.trace_id, call_id)
        self._processor.join(ahead.name, ahead.context, call_id)
        return ahead

    def discard(self, ahead: TraceAhead) -> list[ReadableSpan]:
        """The work was in vain. Returns the spans of it that had ended, which nobody sees."""
        if not ahead.taken and self._processor is not None:
            self._processor.leave(ahead.name)
        return ahead.drop()

    def _trace(
        self, root: otel.Span, call_id: str, more: Mapping[str, Any], index: int = 0
    ) -> TurnTrace:
        """The trace of a call that ``root`` begins, with ``more`` attributes."""
        self.captures.joined(root.get_span_context().trace_id, call_id)
        words = self.captures.of_call(call_id).words
        root.set_attributes(clean(more, words))
        assert self._tracer and self._processor
        return TurnTrace(self._tracer, self._processor, root, call_id, words, index)

    def close_lost(
        self,
        ref: str,
        *,
        call_id: str,
        team: str,
        team_version: str,
        agent: str,
        transport: str,
        started: float,
        ended: float,
    ) -> None:
        """Close a turn's trace in the place of the worker that was lost with it. ``ref``: its
        :attr:`TurnTrace.ref`."""
        span = ReadableSpan(
            f"{names.INVOKE_WORKFLOW} {team}",
            context=context_of(ref),
            resource=resource(),
            instrumentation_scope=InstrumentationScope(SCOPE),
            attributes={
                **_of_turn(call_id, team, team_version, agent, transport, int(ref.split("-")[2])),
                names.VOICE_TURN_END_REASON: "worker_lost",
            },
            start_time=nanoseconds(started),
            end_time=nanoseconds(max(started, ended)),
        )
        self.store.close_open(ref.partition("-")[0], max(started, ended))
        self._pipeline.on_end(span)

    def delegation(
        self,
        *,
        call_id: str,
        delegation_id: str,
        tool: str,
        arguments: str,
        team: str,
        agent: str,
        asked_in: TurnTrace | None,
    ) -> TurnTrace:
        """Open the trace of background work that ``agent`` asked for, in the turn ``asked_in``.
        Raises :class:`RuntimeError` before :meth:`start`."""
        if self._tracer is None or self._processor is None:
            raise RuntimeError("Tracing.start() must be called before work is traced")
        root = self._tracer.start_span(
            f"{names.DELEGATION} {tool}",
            context=Context(),
            attributes={
                names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
                names.GEN_AI_CONVERSATION_ID: call_id,
                names.GEN_AI_WORKFLOW_NAME: team,
                names.GEN_AI_AGENT_NAME: agent,
                names.GEN_AI_TOOL_NAME: tool,
                names.VOICE_DELEGATION_ID: delegation_id,
            },
        )
        more = {
            names.GEN_AI_TOOL_CALL_ARGUMENTS: arguments,
            names.VOICE_DELEGATION_TRACE: asked_in.trace_id if asked_in else None,
        }
        trace = self._trace(root, call_id, more)
        if asked_in is not None:
            trace.link(asked_in.ref)
        return trace

    def received(self, span: ReadableSpan) -> bool:
        """Keep a span that another process sent; False when the disk cannot follow. It is sent
        out again only by :meth:`send_on`."""
        return self.store.add(span, self._publish, self.captures.clean_received)

    def send_on(self, spans: Iterable[ReadableSpan]) -> None:
        """Send spans that another process sent out over OTLP, where that is configured."""
        for span in spans:
            self._pipeline.send(span)

    def scored(self, score: Score) -> None:
        """Tell the OTLP backend, where there is one, of a score that was kept. Reads the trace.
        Raises :class:`StoreError`."""
        if self.scores_out is None or (found := self.store.trace(score.trace_id)) is None:
            return
        root = next((each["span_id"] for each in found["spans"] if each["parent_id"] is None), None)
        if about := score.span_id or root:
            self.scores_out.send(score, found["trace"]["call_id"], about)

    def _count(self) -> None:
        """Metrics of what is not a span."""
        removed = self.retention.removed
        self.metrics.observe(
            metric.VOICE_RETENTION_REMOVED,
            names.VOICE_RETENTION_OF,
            lambda: {"call": removed.calls, "turn": removed.turns, "audio": removed.pieces},
        )
        self.metrics.observe(
            metric.VOICE_REDACTION_FAILED, None, lambda: {"": self.captures.failed}
        )

    def _span_seen(self, row: SpanRow) -> None:
        self.metrics.span(row)
        self._publish(row)

    def _publish(self, row: SpanRow) -> None:
        if self.live:
            call_id = row.call_id or (self._processor and self._processor.call_of(row.trace_id))
            where = {"call_id": call_id, "trace_id": row.trace_id}
            self.live.publish([("span", {**where, **row.export()})])

    def _calls_changed(self, call_ids: Sequence[str]) -> None:
        if not self.live:
            return
        try:
            found = self.store.summaries(call_ids, self._open_calls)
        except StoreError:
            return  # watchers will see the next change
        self.live.publish([("call", summary) for summary in found])


def _of_turn(
    call_id: str, team: str, team_version: str, agent: str, transport: str, index: int
) -> dict[str, str | int]:
    """What the root of a turn's trace begins with."""
    return {
        names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
        names.GEN_AI_CONVERSATION_ID: call_id,
        names.GEN_AI_WORKFLOW_NAME: team,
        names.GEN_AI_AGENT_NAME: agent,
        names.VOICE_TEAM_VERSION: team_version,
        names.VOICE_TRANSPORT: transport,
        names.VOICE_TURN_INDEX: index,
    }
