"""What is left of an answer that was begun in vain: what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from frontdesk.call.voicing import provided
from frontdesk.tracing import names

_KEPT = (
    names.GEN_AI_PROVIDER_NAME,
    names.GEN_AI_REQUEST_MODEL,
    names.GEN_AI_RESPONSE_MODEL,
    names.GEN_AI_USAGE_INPUT_TOKENS,
    names.GEN_AI_USAGE_OUTPUT_TOKENS,
    names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
)


@dataclass(frozen=True, slots=True)
class Discarded:
    """From when to when (unix seconds) it was made, and what each model had ``used`` by then, as
    attributes of a span."""

    began: float
    ended: float
    used: tuple[dict[str, Any], ...]


def used_by(spans: list[ReadableSpan], characters: Mapping[str, int]) -> tuple[dict[str, Any], ...]:
    """What models used, by the ``spans`` of their calls that had ended, and by the ``characters``
    that speech models were given."""
    calls = [span.attributes or {} for span in spans if span.name.startswith(names.CHAT)]
    found = [{key: call[key] for key in _KEPT if key in call} for call in calls]
    for name, count in characters.items():
        provider, model = provided(name)
        found.append(
            {
                names.GEN_AI_PROVIDER_NAME: provider,
                names.GEN_AI_REQUEST_MODEL: model,
                names.VOICE_SPEECH_CHARACTERS: count,
            }
        )
    return tuple(found)
