"""Speech providers by name: ours, and those of installed packages.

A provider is a function which takes the team's ``voice.stt`` or ``voice.tts`` section and returns a
:class:`~frontdesk.voice.base.SpeechToText` or :class:`~frontdesk.voice.base.TextToSpeech`. Ours are
built in; an entry point of an installed package in the group ``frontdesk.stt`` or
``frontdesk.tts`` stands in for ours of that name.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from frontdesk.voice.base import SpeechError

Group = Literal["frontdesk.stt", "frontdesk.tts"]

_OURS = {
    ("frontdesk.stt", "embedded"): "frontdesk.voice.embedded.moonshine:create",
    ("frontdesk.stt", "openai"): "frontdesk.voice.openai.live_transcription:create",
    ("frontdesk.stt", "openai-compatible"): "frontdesk.voice.openai.live_transcription:create",
    ("frontdesk.stt", "instant"): "frontdesk.voice.instant.transcription:create",
    ("frontdesk.tts", "embedded"): "frontdesk.voice.embedded.hibari:create",
    ("frontdesk.tts", "openai"): "frontdesk.voice.openai.speech:create",
    ("frontdesk.tts", "openai-compatible"): "frontdesk.voice.openai.speech:create",
    ("frontdesk.tts", "instant"): "frontdesk.voice.instant.speech:create",
}


class ModelMissing(SpeechError):
    """A speech model cannot be used here; the message says what to install or set."""


def providers(group: Group) -> dict[str, EntryPoint]:
    """All providers of a group by name; an installed package may replace one of ours."""
    ours = {n: EntryPoint(n, value, kind) for (kind, n), value in _OURS.items() if kind == group}
    return ours | {point.name: point for point in entry_points(group=group)}


def provider(group: Group, name: str) -> Any:
    """The factory of one provider. Raises :class:`ModelMissing`."""
    known = providers(group)
    field = f"voice.{group.removeprefix('frontdesk.')}.provider"
    if name not in known:
        names = ", ".join(sorted(known))
        raise ModelMissing(f"{field}: no provider {name!r}; installed are {names}")
    try:
        return known[name].load()
    except ImportError as error:
        raise ModelMissing(f"{field}: {name} cannot be loaded ({error})") from error
