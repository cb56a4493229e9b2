"""The client that both adapters use."""

import os

from openai import AsyncOpenAI

from frontdesk.desk.schema import SpeechToTextChoice, TextToSpeechChoice
from frontdesk.voice.registry import ModelMissing

_SECONDS = 20.0


def open_client(choice: SpeechToTextChoice | TextToSpeechChoice) -> AsyncOpenAI:
    """A client for the section's endpoint. Raises :class:`ModelMissing` naming the field."""
    field = "voice.stt" if isinstance(choice, SpeechToTextChoice) else "voice.tts"
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
    # A server of one's own often wants no key, but the client insists on some.
    return AsyncOpenAI(
        api_key=key or "none", base_url=choice.base_url, timeout=_SECONDS, max_retries=1
    )


def where(client: AsyncOpenAI) -> str:
    """The host, for people."""
    return "OpenAI" if client.base_url.host == "api.openai.com" else str(client.base_url.host)
