"""What of a span is content: words, prompts, tool data, messages of errors."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from frontdesk.tracing import names
from frontdesk.tracing.rows import OTHER_ERROR

_PLAIN = (
    "jsonrpc.",
    "network.",
    "rpc.",
    "server.",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "db.system",
    "db.operation.name",
)
"""What the attributes of OpenTelemetry's conventions begin with that never hold content."""
_OURS = frozenset(("frontdesk", "mcp-python-sdk"))
"""The scopes whose spans are named after what is configured."""
EXCEPTION = "exception"
_WORDS_OF_EXCEPTIONS = frozenset({"exception.message", "exception.stacktrace"})


def is_content(attribute: str) -> bool:
    """Whether an attribute may hold content. What strangers call theirs is not known, so of those
    only the ones that never do are none."""
    if attribute in names.ATTRIBUTES:
        return attribute in names.PII
    return not attribute.startswith(_PLAIN)


def _known(span: ReadableSpan) -> tuple[str, str]:
    """A span's name: what of it holds no content for sure, and the rest, which may. Names of ours
    and of MCP's are made of what is configured, but for those that tools call their own spans;
    a stranger's, who may put an address or a query there, are as sure as its attributes are."""
    first, _, rest = span.name.partition(" ")
    scope = span.instrumentation_scope
    ours = scope is not None and scope.name in _OURS
    if ours and first != names.CUSTOM:
        return span.name, ""
    attributes = span.attributes or {}
    sure = first in names.STAGES if ours else first == attributes.get(names.MCP_METHOD_NAME)
    if not sure:
        return "", span.name
    told = (value for name, value in attributes.items() if not is_content(name))
    return (span.name, "") if not rest or rest in told else (first, rest)


def bare(span: ReadableSpan) -> ReadableSpan:
    """A copy for where no content is kept: names, times, counts."""
    scope = span.instrumentation_scope
    return copy(
        span,
        {name: value for name, value in (span.attributes or {}).items() if not is_content(name)},
        _kind_alone(span),
        [_type_alone(event) for event in span.events if event.name == EXCEPTION],
        [Link(link.context) for link in span.links],
        name=_known(span)[0] or (scope.name if scope else "") or "span",
    )


def without_content(span: ReadableSpan) -> ReadableSpan:
    """A copy without the content that Frontdesk puts into spans. What others put there is left:
    who instruments more than us and sends it on wants it."""
    return copy(
        span,
        {name: value for name, value in (span.attributes or {}).items() if name not in names.PII},
        _kind_alone(span),
        [_without_words(event) for event in span.events],
        span.links,
    )


def rewritten(
    span: ReadableSpan, rewrite: Callable[[str, AttributeValue], AttributeValue]
) -> ReadableSpan:
    """A copy in which all content is what ``rewrite`` makes of it, given its name."""

    def each(
        found: Mapping[str, AttributeValue] | None, keep: Callable[[str], bool]
    ) -> dict[str, AttributeValue]:
        pairs = (found or {}).items()
        return {name: value if keep(name) else rewrite(name, value) for name, value in pairs}

    status = span.status
    known, more = _known(span)
    if status.description:
        status = Status(status.status_code, str(rewrite("status", status.description)))
    return copy(
        span,
        each(span.attributes, lambda name: not is_content(name)),
        status,
        [
            Event(event.name, each(event.attributes, "exception.type".__eq__), event.timestamp)
            for event in span.events
        ],
        [Link(link.context) for link in span.links],
        name=f"{known} {rewrite('name', more)}".strip() if more else known,
    )


def has_content(span: ReadableSpan) -> bool:
    """Whether there is any content in a span."""
    if span.status.description or span.events or _known(span)[1]:
        return True
    return any(map(is_content, span.attributes or ()))


def copy(
    span: ReadableSpan,
    attributes: Mapping[str, AttributeValue],
    status: Status,
    events: Sequence[Event] = (),
    links: Iterable[Link] = (),
    name: str | None = None,
) -> ReadableSpan:
    """The span with other content."""
    return ReadableSpan(
        name=span.name if name is None else name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=events,
        links=tuple(links),
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kind_alone(span: ReadableSpan) -> Status:
    """A failed span's status, with the kind of the error in place of its message."""
    if span.status.status_code is not StatusCode.ERROR:
        return Status(span.status.status_code)
    return Status(StatusCode.ERROR, str((span.attributes or {}).get(names.ERROR_TYPE, OTHER_ERROR)))


def _type_alone(event: Event) -> Event:
    kind = (event.attributes or {}).get("exception.type")
    return Event(event.name, {"exception.type": kind} if kind else {}, event.timestamp)


def _without_words(event: Event) -> Event:
    pairs = (event.attributes or {}).items()
    kept = {name: value for name, value in pairs if name not in _WORDS_OF_EXCEPTIONS}
    return Event(event.name, kept, event.timestamp)
