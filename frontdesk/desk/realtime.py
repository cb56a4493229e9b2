"""``voice.engine`` and ``voice.realtime``: a speech-to-speech model that calls are answered by."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, SecretStr

from frontdesk.desk.document import Document
from frontdesk.desk.problems import Problem, warning
from frontdesk.desk.references import mapping
from frontdesk.desk.section import Section

Engine = Literal["chain", "realtime"]
MODEL = "gpt-realtime"
"""OpenAI's speech-to-speech model, in the version it recommends."""


class Realtime(Section):
    """The model upstream that hears the caller and speaks, by OpenAI's Realtime protocol."""

    provider: Literal["openai", "openai-compatible"] = Field(
        default="openai", description="Who runs the model."
    )
    model: str | None = Field(
        default=None, description=f"The model's name there; default at OpenAI: {MODEL}."
    )
    base_url: str | None = Field(
        default=None,
        description="Where the server's API is, such as wss://host/v1; http and https will do.",
    )
    api_key: SecretStr | None = Field(
        default=None, description="Usually ${env:NAME}; default: OPENAI_API_KEY."
    )
    voice: str = Field(default="marin", description="The voice's name at the provider.")
    transcription: str | None = Field(
        default=None,
        description="A transcription model of the provider, whose words of the caller count, such "
        "as gpt-4o-mini-transcribe; default: voice.stt.",
    )
    fallback: Literal["chain", "none"] = Field(
        default="chain",
        description="Who answers while the model cannot be reached: the agents' own models, with "
        "voice.tts; or nobody, and lines.sorry is said.",
    )


def check_realtime(document: Document, env: Mapping[str, str]) -> Iterator[Problem]:
    """Settings that nothing would act on, an address or a key that is not given."""
    data = mapping(document.data)
    voice = mapping(data.get("voice"))
    if voice.get("engine") != "realtime":
        if "realtime" in voice and voice.get("engine", "chain") == "chain":
            message = "`realtime` means nothing without `engine: realtime`"
            yield document.key_problem(("voice", "realtime"), message)
        return
    realtime = mapping(voice.get("realtime"))
    if realtime.get("provider") == "openai-compatible":
        for key in ("base_url", "model"):
            if key not in realtime:
                message = f"an openai-compatible model needs `{key}`"
                yield document.key_problem(("voice", "realtime"), message)
    elif "api_key" not in realtime and not env.get("OPENAI_API_KEY"):
        at = ("voice", "realtime") if realtime else ("voice", "engine")
        message = "no API key: set OPENAI_API_KEY, or `api_key` under `voice.realtime`"
        yield warning(document.key_problem(at, message))
    yield from _voices(document, mapping(data.get("agents")))


def _voices(document: Document, agents: Mapping[str, object]) -> Iterator[Problem]:
    """A realtime model keeps its voice for the whole of a session."""
    for name, agent in agents.items():
        own = mapping(agent).get("voice")
        places = [("voice", key) for key in ("voice", "speed") if key in mapping(own)]
        if isinstance(own, str):
            places = [("voice",)]
        for place in places:
            message = f"`{place[-1]}`: with `engine: realtime` all agents have one voice"
            hint = "an agent may have `voice: { style: … }`"
            yield document.key_problem(("agents", name, *place), message, hint)
