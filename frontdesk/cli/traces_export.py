"""``frontdesk traces export``: traces out of the store, for other programs."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from frontdesk.cli.failures import Failure
from frontdesk.encryption import load_cipher
from frontdesk.settings import Settings
from frontdesk.tracing.opening import open_store
from frontdesk.tracing.otlp_json import otlp_json
from frontdesk.tracing.sound_files import AUDIO
from frontdesk.tracing.stores import Store

if TYPE_CHECKING:
    from frontdesk.tracing.audio import AudioStore

Trace = dict[str, Any]

PAGE = 500
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Format(StrEnum):
    JSON = "json"
    OTLP = "otlp"


def export(
    identity: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A call, a trace, or its start. Default: all calls."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Calls that began since then: 30m, 12h, 7d ago, or 2026-11-22[T08:00]."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Calls that began before then.")] = None,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="json: a trace a line, as GET /api/traces/ID answers. otlp: a call a line, as any "
            "backend takes it at /v1/traces.",
        ),
    ] = Format.JSON,
    out: Annotated[Path | None, typer.Option(help="Write here. Default: to the terminal.")] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Also write the audio there: KEY.flac of /api/audio/KEY.")
    ] = None,
) -> None:
    """Write traces as lines of JSON: one turn, one call, or all calls of a time."""
    if identity and (since or until):
        raise Failure("an ID is one call or trace: leave out --since and --until.")
    from frontdesk.tracing.audio import AudioStore  # numpy: other commands do without

    settings = Settings()
    cipher = load_cipher(settings)
    store = open_store(settings, cipher)
    sounds = AudioStore(settings.data_dir / AUDIO, store, keeps=lambda _: False, cipher=cipher)
    every = _range(store, moment(since), moment(until))
    found = filter(None, [named(store, identity)]) if identity else every
    calls = 0
    with out.open("w", encoding="utf-8") if out else nullcontext(sys.stdout) as file:
        for traces in found:
            calls += 1
            _write(traces, form, file)
            if audio:
                _write_audio(store, sounds, traces, audio)
    if not calls:
        raise Failure(
            f"no call or trace {identity!r}: `frontdesk traces list` shows them."
            if identity
            else "no calls began in that time."
        )


def named(store: Store, identity: str) -> list[Trace]:
    """The traces of a call, or the one of which this is the id or its start. Raises
    :class:`frontdesk.tracing.stores.StoreError`."""
    if call := store.call(identity):
        return _traces(store, call)
    prefix = identity.removeprefix("trace_").lower()
    found = store.find_trace(prefix) if re.fullmatch("[0-9a-f]{4,32}", prefix) else None
    trace = store.trace(found) if found else None
    return [trace] if trace else []


def _range(store: Store, since: float | None, until: float | None) -> Iterator[list[Trace]]:
    """All calls of a time, the newest first."""
    before = until
    while page := store.calls(limit=PAGE, before=before, since=since):
        for summary in page:
            if call := store.call(summary["call_id"]):
                yield _traces(store, call)
        before = page[-1]["started"]


def _traces(store: Store, call: Trace) -> list[Trace]:
    """The call's turns, then its background work."""
    found = (store.trace(turn["trace_id"]) for turn in [*call["turns"], *call["delegations"]])
    return [trace for trace in found if trace]


def _write(traces: list[Trace], form: Format, file: TextIO) -> None:
    spans = ((trace["trace"]["trace_id"], trace["spans"]) for trace in traces)
    documents = [otlp_json(spans)] if form is Format.OTLP else traces
    for document in documents:
        file.write(json.dumps(document, ensure_ascii=False) + "\n")


def _write_audio(store: Store, sounds: "AudioStore", traces: list[Trace], folder: Path) -> None:
    """The pieces that the traces speak of, opened where they are encrypted."""
    folder.mkdir(parents=True, exist_ok=True)
    said = json.dumps([trace["spans"] for trace in traces])
    for call_id in dict.fromkeys(trace["trace"]["call_id"] for trace in traces):
        for piece in store.pieces(call_id):
            if piece["key"] not in said:
                continue  # of another turn
            try:
                flac = sounds.read(sounds.locate(piece["key"]))
            except OSError as error:
                typer.echo(f"audio {piece['key']} is left out: {error}", err=True)
                continue
            (folder / f"{piece['key']}.flac").write_bytes(flac)


def moment(text: str | None) -> float | None:
    """Unix seconds of what people write: so long ago, or a day, with or without a time. Raises
    :class:`Failure`."""
    if text is None:
        return None
    if ago := re.fullmatch(r"(\d+)([smhd])", text):
        length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return (datetime.now(UTC) - length).timestamp()
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise Failure(
            f"{text!r} is no time: write 30m, 12h or 7d (ago), or 2026-11-22T08:00."
        ) from None
