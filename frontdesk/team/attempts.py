"""Why a model did not answer, and whether asking again can help."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx2
import openai

from agents import ModelBehaviorError, UserError


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that led to nothing.

    ``kind`` is a word for the trace, ``reason`` a sentence. ``again``: the same model may do
    better, after ``wait`` seconds where its server says so. ``cools``: the next callers should not
    try it either, as it is the model's fault and not the request's.
    """

    kind: str
    reason: str
    again: bool
    cools: bool = True
    wait: float | None = None


class NoAnswer(ModelBehaviorError):
    """A model step without a word and without a call."""


def failure(error: Exception) -> Failure:
    """What ``error`` means for the next attempt."""
    match error:
        case openai.RateLimitError():
            again = error.code != "insufficient_quota"
            return Failure("model_busy", str(error), again, wait=_retry_after(error))
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return Failure("model_refused_access", str(error), again=False)
        case openai.NotFoundError():
            return Failure("model_not_found", str(error), again=False)
        case openai.APIStatusError() if error.status_code >= 500:
            return Failure("model_down", str(error), again=True, wait=_retry_after(error))
        case openai.APIStatusError():
            return Failure("model_refused", str(error), again=False, cools=False)
        case TimeoutError():
            return Failure("model_silent", str(error), again=True)
        case openai.APITimeoutError():
            return Failure("model_silent", "The server did not answer in time.", again=True)
        case openai.APIConnectionError() | httpx2.TransportError():
            cause = error.__cause__ or error
            return Failure("model_unreachable", f"{error} ({cause})", again=True)
        case NoAnswer():
            return Failure("model_empty", str(error), again=True, cools=False)
        case ModelBehaviorError() | openai.APIError():
            return Failure("model_misbehaved", str(error), again=True)
        case UserError():
            return Failure("model_refused", str(error), again=False, cools=False)
        case _:
            return Failure("model_error", f"{type(error).__name__}: {error}", again=False)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds that the server asks for (RFC 9110, 10.2.3; OpenAI's own in milliseconds)."""
    headers = error.response.headers
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(float(milliseconds) / 1000, 0.0)
        if (value := headers.get("retry-after")) is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
