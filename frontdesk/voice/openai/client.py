"""The client that the adapters use, and what its errors mean."""

import os
import re
from contextlib import suppress
from typing import Any, cast

from openai import APIStatusError, AsyncOpenAI, OpenAIError

from frontdesk.desk.voice import SpeechToTextChoice, TextToSpeechChoice
from frontdesk.voice.base import SpeechError
from frontdesk.voice.registry import ModelMissing
from frontdesk.warmth import http_client, is_refusal, knock

_SECONDS = 20.0
_TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


def open_client(choice: SpeechToTextChoice | TextToSpeechChoice) -> AsyncOpenAI:
    """A client for the section's endpoint. Raises :class:`ModelMissing` naming the field."""
    field = field_of(choice)
    own_server = choice.base_url or os.environ.get("OPENAI_BASE_URL")
    if choice.provider == "openai-compatible" and not choice.base_url:
        raise ModelMissing(
            f"{field}.base_url: set the server's address, such as http://127.0.0.1:8000/v1"
        )
    key = choice.api_key.get_secret_value() if choice.api_key else os.environ.get("OPENAI_API_KEY")
    if not key and not own_server:
        raise ModelMissing(
            f"{field}.api_key: OpenAI needs a key; set OPENAI_API_KEY, or provider: embedded"
        )
    # A server of one's own often wants no key, but the client insists on some. Who is asked again,
    # and when, is decided by those who know of other models and of the caller who waits.
    return AsyncOpenAI(
        api_key=key or "none",
        base_url=choice.base_url,
        max_retries=0,
        http_client=http_client(_SECONDS),
    )


def field_of(choice: SpeechToTextChoice | TextToSpeechChoice) -> str:
    """Where the section stands in a team file."""
    return "voice.stt" if isinstance(choice, SpeechToTextChoice) else "voice.tts"


def where(client: AsyncOpenAI) -> str:
    """The host, for people."""
    return "OpenAI" if client.base_url.host == "api.openai.com" else str(client.base_url.host)


async def connect(client: AsyncOpenAI, field: str, name: str) -> None:
    """Have a connection open. Raises :class:`ModelMissing` for a key that is refused, and
    :class:`SpeechError` when nobody answers."""
    try:
        await knock(client)
    except OpenAIError as error:
        failed = failure(error, field, name)
        if is_refusal(error):
            raise ModelMissing(f"{field}.api_key: {failed}") from error
        raise failed from error


def failure(error: Exception, field: str, name: str) -> SpeechError:
    """What a request came to nought by, with the mend where the team file has one."""
    if not isinstance(error, APIStatusError):
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return SpeechError(f"{name}: {str(error) or type(error).__name__}{cause}")
    status, words = error.status_code, _words(error)
    mend = {
        401: f"; it refuses the key: see {field}.api_key",
        403: f"; it refuses the key: see {field}.api_key",
        404: f"; see {field}.model and {field}.base_url",
    }.get(status, "")
    failed = SpeechError(f"{name}: HTTP {status}: {words}{mend}")
    with suppress(ValueError):
        failed.retry_after = float(error.response.headers.get("retry-after") or "-")
    return failed


def _words(error: APIStatusError) -> str:
    """The server's own words: of a page in HTML, what one would read of it."""
    body: Any = error.body
    if not isinstance(body, dict):
        return readable(str(body or ""))
    told = cast("dict[str, Any]", body)
    return readable(str(told.get("message") or told.get("detail") or told))


def readable(text: str) -> str:
    """The beginning of what a server said, without tags."""
    return " ".join(_TAGS.sub(" ", text).split())[:200] or "no explanation"
