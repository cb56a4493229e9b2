"""What was said, as a team's function leaves it: before it is kept, shown or sent.

The function is given one text at a time, never in the event loop: the strings inside of messages
and of JSON, and JSON once more as a whole, since a number's name may tell what it is.
"""

import json
import logging
import queue
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, cast

import orjson
from opentelemetry.util.types import AttributeValue

from frontdesk.tracing import messages, names

logger = logging.getLogger(__name__)

FAILED = "[redaction failed]"
PATIENCE = 1.0
"""Seconds that the function has for one text."""
REMEMBERED = 2_000_000
"""Characters of texts whose redaction is remembered: a model is given all that was said before
again in each step."""

Redact = Callable[[str], str]
Asked = queue.SimpleQueue[tuple[str, Future[str]] | None]

_MESSAGES = frozenset(
    {
        names.GEN_AI_INPUT_MESSAGES,
        names.GEN_AI_OUTPUT_MESSAGES,
        names.GEN_AI_SYSTEM_INSTRUCTIONS,
    }
)
_FORM = {
    "text": frozenset({"type"}),
    "reasoning": frozenset({"type"}),
    "tool_call": frozenset({"type", "id", "name"}),
    "tool_call_response": frozenset({"type", "id"}),
    "uri": frozenset({"type", "modality", "mime_type"}),
}
"""Fields of the parts of messages that hold none of what was said."""
_ROLES = frozenset({"user", "assistant", "tool", "system", "developer"})
_FIELDS = frozenset({"role", "parts", "content", "arguments", "response", "uri"})
_OURS = "/api/audio/"


class Redaction:
    """A team's ``redact``, made safe: what it fails at, or takes too long for, is withheld, and
    counted in ``failed``, and told to ``failing``. For any thread but the event loop's."""

    def __init__(
        self,
        team: str,
        redact: Redact,
        patience: float = PATIENCE,
        failing: Callable[[], None] = lambda: None,
    ) -> None:
        self._team = team
        self._redact = redact
        self._patience = patience
        self._known: OrderedDict[str, str] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._asked: Asked = queue.SimpleQueue()
        self._running = False
        self._hangs: Future[str] | None = None
        self._failing = failing
        self.failed = 0

    def attribute(self, name: str, value: AttributeValue) -> AttributeValue:
        """An attribute's value, redacted."""
        try:
            return self._attribute(name, value)
        except RecursionError as error:  # lists in lists in lists
            with self._lock:
                self._withheld(error)
            return FAILED

    def _attribute(self, name: str, value: AttributeValue) -> AttributeValue:
        if isinstance(value, str):
            return self._messages(value) if name in _MESSAGES else self.text(value)
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return cast("AttributeValue", self._number(value))
        return [str(self.value(each)) for each in cast("Sequence[Any]", value)]

    def text(self, words: str) -> str:
        """Prose, or JSON as text."""
        parsed = _parsed(words)
        if parsed is None:
            return self._plain(words)
        clean = self.value(parsed)
        whole = words if clean == parsed else messages.dump(clean)
        return self._plain(whole)

    def value(self, value: Any) -> Any:
        """JSON, with each of its names and values redacted."""
        match value:
            case str():
                return self.text(value)
            case bool() | None:
                return value
            case int() | float():
                return self._number(value)
            case dict():
                pairs = cast("dict[str, Any]", value).items()
                return {self._plain(name): self.value(each) for name, each in pairs}
            case list():
                return [self.value(each) for each in cast("list[Any]", value)]
            case _:
                return self.text(str(value))

    def _number(self, value: float) -> float | str:
        written = str(value)
        redacted = self._plain(written)
        return value if redacted == written else redacted

    def _messages(self, value: str) -> str:
        parsed = _parsed(value)
        if not isinstance(parsed, list):
            return self.text(value)
        return messages.dump([self._message(each) for each in cast("list[Any]", parsed)])

    def _message(self, found: Any) -> Any:
        """A message, or a part of one: its form stays. What has another form is JSON like any."""
        if not isinstance(found, dict):
            return self.value(found)
        message = cast("dict[str, Any]", found)
        kind = message.get("type")
        form = _FORM.get(kind) if isinstance(kind, str) else None
        if form is None and message.get("role") in _ROLES:
            form = frozenset({"role"})
        if form is None or not message.keys() <= form | _FIELDS:
            return self.value(message)
        return {name: self._field(name, each, form) for name, each in message.items()}

    def _field(self, name: str, value: Any, form: frozenset[str]) -> Any:
        if name == "parts" and isinstance(value, list):
            return [self._message(part) for part in cast("list[Any]", value)]
        ours = name == "uri" and isinstance(value, str) and value.startswith(_OURS)
        return value if ours or name in form else self.value(value)

    def _plain(self, words: str) -> str:
        if not words:
            return words
        with self._lock:
            if (known := self._known.get(words)) is not None:
                return known
            try:
                redacted = self._in_time(words)
            except BaseException as error:
                self._withheld(error)
                return FAILED
            self._remember(words, redacted)
            return redacted

    def _in_time(self, words: str) -> str:
        if self._hangs is not None and not self._hangs.done():
            raise TimeoutError  # it is still at an earlier text
        self._hangs = None
        if not self._running:
            run = partial(_run, self._redact, self._asked)
            threading.Thread(target=run, name="redaction", daemon=True).start()
            weakref.finalize(self, self._asked.put, None)
            self._running = True
        answer: Future[str] = Future()
        self._asked.put((words, answer))
        try:
            redacted = cast("object", answer.result(self._patience))
        except TimeoutError:
            if not answer.done():
                self._hangs = answer
            raise
        if not isinstance(redacted, str):
            raise TypeError(f"expected text, got {type(redacted).__name__}")
        return messages.safe(redacted)

    def _withheld(self, error: BaseException) -> None:
        self.failed += 1
        self._failing()
        if self.failed == 1:
            logger.error(
                "team %s: `redact` failed (%s): what it fails at is withheld from the traces; "
                "this is said once and counted",
                self._team,
                type(error).__name__,
            )

    def _remember(self, words: str, redacted: str) -> None:
        self._known[words] = redacted
        self._size += len(words) + len(redacted)
        while self._size > REMEMBERED:
            old, was = self._known.popitem(last=False)
            self._size -= len(old) + len(was)


def _run(redact: Redact, asked: Asked) -> None:
    """A thread of its own: nothing else can leave a function alone that hangs."""
    while (found := asked.get()) is not None:
        words, answer = found
        try:
            answer.set_result(redact(words))
        except BaseException as error:
            answer.set_exception(error)


def _parsed(words: str) -> Any:
    """A list or mapping in JSON, or None."""
    if words.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found: Any = orjson.loads(words)
    except orjson.JSONDecodeError:
        try:
            found = json.loads(words)  # numbers beyond 64 bits
        except (ValueError, RecursionError):
            return None
    return cast("Any", found) if isinstance(found, dict | list) else None
