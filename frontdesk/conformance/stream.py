"""What was said on one socket, and the rules that read along."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from frontdesk.conformance.rules import every_rule
from frontdesk.conformance.rules.base import Rules
from frontdesk.conformance.verdicts import Event, Ledger

_LONG = 120
_DULL = ("type", "event_id", "response_id", "output_index", "content_index")


@dataclass(slots=True)
class Stream:
    """Both sides of one session, in the order in which this client saw them."""

    ledger: Ledger
    frames: list[tuple[str, Event]] = field(default_factory=list[tuple[str, Event]])
    """``("sent" | "seen", event)``."""
    _rules: list[Rules] = field(default_factory=list[Rules])

    def __post_init__(self) -> None:
        self._rules = every_rule(self.ledger)

    def sent(self, event: Event) -> None:
        self._note("sent", event)
        for rules in self._rules:
            rules.sent(event)

    def seen(self, event: Event) -> None:
        self._note("seen", event)
        for rules in self._rules:
            try:
                rules.seen(event)
            except (AttributeError, KeyError, TypeError) as error:
                # A field that a rule stands on is missing or of another kind.
                wrong = f"fields as the API has them: {type(error).__name__} {error}"
                self.ledger.judge("types", str(event["type"]), False, wrong, event)

    def owed(self) -> list[tuple[str, str]]:
        """What the server has still to send: rule and description."""
        return [promise for rules in self._rules for promise in rules.promises()]

    def end(self) -> None:
        """The session is over: what is still owed will not come."""
        for rule, expected in self.owed():
            self.ledger.judge("invariants", rule, False, f"{expected} before the end", None)

    def _note(self, way: str, event: Event) -> None:
        self.frames.append((way, event))
        self.ledger.recent.append(brief(way, event))
        del self.ledger.recent[:-40]


def brief(way: str, event: Event) -> str:
    """A frame as one short line."""
    rest: dict[str, Any] = {key: value for key, value in event.items() if key not in _DULL}
    text = shortened(rest)
    text = text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
    return f"{'→' if way == 'sent' else '←'} {event.get('type')} {text if rest else ''}".rstrip()


def shortened(event: object) -> str:
    """JSON with long base64 cut."""
    text = json.dumps(event, ensure_ascii=False, default=str)
    return re.sub(r'"([A-Za-z0-9+/]{24})[A-Za-z0-9+/]{200,}=*"', r'"\1…"', text)
