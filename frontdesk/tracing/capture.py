"""What traces keep of a call, as its team has it: all, text only, or nothing that was said."""

from dataclasses import dataclass
from typing import Literal, TypeVar

from opentelemetry.sdk.trace import ReadableSpan

from frontdesk.tracing import content, names
from frontdesk.tracing.provider import SCOPE
from frontdesk.tracing.redaction import Redact, Redaction

Level = Literal["all", "text", "none"]
MOST = 20_000
"""Calls and turns that are remembered: half an hour of a hundred calls at once. What comes later of
an older one is kept as the strictest team has it."""

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Capture:
    """``words``: prompts, tool data and messages of errors, too. ``redaction`` rewrites them."""

    words: bool = True
    sound: bool = True
    redaction: Redaction | None = None

    @property
    def is_private(self) -> bool:
        """Whether words, as they were said, must not leave the call."""
        return not self.words or self.redaction is not None

    def within(self, level: Level, redaction: Redaction | None = None) -> "Capture":
        """As much of this as a team has it."""
        return Capture(self.words and level != "none", self.sound and level == "all", redaction)

    def clean(self, span: ReadableSpan) -> ReadableSpan:
        """The span as it may be kept; itself, where there is nothing to take out."""
        if not self.words:
            return content.bare(span)
        if self.redaction is None or not content.has_content(span):
            return span
        return content.rewritten(span, self.redaction.attribute)


class Captures:
    """Of each call and each of its traces in this process, what is kept. ``most`` is what the
    settings allow."""

    def __init__(self, most: Capture) -> None:
        self.most = most
        self._strictest = most
        self.failed = 0
        """Texts that no redaction could be made of."""
        self._calls: dict[str, Capture] = {}
        self._traces: dict[int, Capture] = {}
        self._redactions: dict[str, Redaction] = {}

    def expect(self, capture: Capture) -> None:
        """A team that may have calls: what belongs to no known call is kept as the strictest of
        them has it. Words that would have to be rewritten are then not kept."""
        strictest = self._strictest
        words = strictest.words and not capture.is_private
        self._strictest = Capture(words, strictest.sound and capture.sound)

    def redaction(self, team: str, redact: Redact) -> Redaction:
        """A team's function, made safe, and its failures counted."""

        def count() -> None:
            self.failed += 1

        found = self._redactions[team] = Redaction(team, redact, failing=count)
        return found

    def written_about(self, team: str, words: str) -> str:
        """What somebody wrote about a call of this team, as it may be kept: calls of before this
        process are commented on, too. Takes as long as the team's function does."""
        found = self._redactions.get(team)
        return found.text(words) if found else words

    def opened(self, call_id: str, capture: Capture) -> None:
        """A call begins, or goes on."""
        self.expect(capture)
        _put(self._calls, call_id, capture)

    def joined(self, trace_id: int, call_id: str) -> None:
        """The trace is one of this call's."""
        _put(self._traces, trace_id, self.of_call(call_id))

    def of_call(self, call_id: str) -> Capture:
        return self._calls.get(call_id, self._strictest)

    def of_trace(self, trace_id: int) -> Capture:
        return self._traces.get(trace_id, self._strictest)

    def clean(self, span: ReadableSpan) -> ReadableSpan:
        """A span of this process as it may be kept. Takes as long as a team's function does."""
        return self._of(span).clean(span)

    def clean_received(self, span: ReadableSpan) -> ReadableSpan:
        """A span that another process sent. A Frontdesk has done as its own teams have it."""
        scope = span.instrumentation_scope
        identity = span.get_span_context()
        known = identity is not None and identity.trace_id in self._traces
        if not known and scope is not None and scope.name == SCOPE:
            return self.most.clean(span)
        return self.clean(span)

    def _of(self, span: ReadableSpan) -> Capture:
        identity = span.get_span_context()
        found = self._traces.get(identity.trace_id) if identity else None
        if found is None:
            call_id = (span.attributes or {}).get(names.GEN_AI_CONVERSATION_ID)
            found = self.of_call(call_id) if isinstance(call_id, str) else self._strictest
        return found


def _put(known: dict[Key, Capture], key: Key, capture: Capture) -> None:
    known.pop(key, None)
    known[key] = capture
    if len(known) > MOST:
        known.pop(next(iter(known)))
