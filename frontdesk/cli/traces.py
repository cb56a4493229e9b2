"""``frontdesk traces``: the trace store in the terminal. Only ``tail`` asks a server."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from frontdesk.cli.traces_export import export, named
from frontdesk.cli.traces_lines import Line, clean, columns
from frontdesk.cli.traces_tail import tail
from frontdesk.encryption import load_cipher
from frontdesk.settings import Settings
from frontdesk.tracing.formats import format_size
from frontdesk.tracing.opening import open_store
from frontdesk.tracing.resealing import reseal
from frontdesk.tracing.sound_files import AUDIO, sound_bytes
from frontdesk.tracing.store import FILE
from frontdesk.tracing.stores import Store, StoreError, Used

app = typer.Typer(no_args_is_help=True, help="Look at calls, and where their time went.")
app.command()(tail)
app.command()(export)

Span = dict[str, Any]
AsJson = Annotated[bool, typer.Option("--json", help="What the API answers, for programs.")]
_NAME = 46
"""Columns for the tree's names."""


def _store() -> Store:
    settings = Settings()
    path = settings.data_dir / FILE
    if settings.traces_url is None and not path.exists():
        raise _exit(f"No traces yet: {path} does not exist. Hold a call first: frontdesk demo")
    return open_store(settings, load_cipher(settings))


def _exit(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


@app.command("list")
def list_calls(
    limit: Annotated[int, typer.Option(min=1, help="How many calls, newest first.")] = 20,
    agent: Annotated[str | None, typer.Option(help="Only calls with this agent in them.")] = None,
    team: Annotated[str | None, typer.Option(help="Only calls of this team.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only calls with errors.")] = False,
    slower_than: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Only calls with a turn that took so long."),
    ] = None,
    q: Annotated[str | None, typer.Option("--q", help="Only calls with these words.")] = None,
    as_json: AsJson = False,
) -> None:
    """List calls: when, how long, agents, tools, first words."""
    filters = {"agent": agent, "team": team, "text": q, "latency_min": slower_than}
    store = _store()
    try:
        found = store.calls(limit=limit, errors=errors, **filters)
        kept = None if as_json or not found else store.used()
    except StoreError as error:
        raise _exit(str(error)) from error
    if as_json:
        typer.echo(json.dumps({"calls": found}, ensure_ascii=False, indent=2))
    elif kept is None:
        typer.echo("No calls match.")
    else:
        width = columns()
        for call in found:
            colour = "red" if call["errors"] else "green" if call["live"] else None
            typer.secho(_call_line(call)[:width], fg=colour)
        typer.secho(_kept_line(kept), fg="bright_black")


def _kept_line(kept: Used) -> str:
    """How much the store holds, and since when."""
    sound = sound_bytes(Settings().data_dir / AUDIO)
    since = datetime.fromtimestamp(kept.oldest or 0, UTC).astimezone().strftime("%d %b %Y")
    calls = f"{kept.calls:,} {'call' if kept.calls == 1 else 'calls'}"
    return (
        f"Kept: {calls} since {since}, {kept.spans:,} spans "
        f"({format_size(kept.bytes)}), sound {format_size(sound)}"
    )


def _call_line(call: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(call["started"], UTC).astimezone().strftime("%d %b %H:%M:%S")
    first = f"{call['first_audio_ms']:.0f} ms" if call["first_audio_ms"] is not None else "-"
    marks = f"{call['errors']} err" if call["errors"] else "live" if call["live"] else ""
    flow = " > ".join(call["agents"])
    facts = f"{call['seconds']:6.1f} s {call['turns']:3d} turns {first:>8} {marks:6}"
    return clean(f"{when} {call['call_id']:24} {facts} {flow}  {call['text'][:60]}").rstrip()


@app.command()
def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A call, a trace, or its start.")],
    as_json: AsJson = False,
) -> None:
    """Show a call's turns, or one turn as a tree with bars of time."""
    try:
        found = named(_store(), identity)
    except StoreError as error:
        raise _exit(str(error)) from error
    if not found:
        raise _exit(f"No call or trace {clean(identity)!r}. `frontdesk traces list` shows them.")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    width = shutil.get_terminal_size((120, 24)).columns
    for trace in found:
        for text, colour in render(trace, width):
            typer.secho(text, fg=colour)


@app.command()
def seal() -> None:
    """Encrypt what is kept of past calls, traces and audio, with the newest key.

    For what was kept before FRONTDESK_ENCRYPTION_KEYS was set, or with an older of its keys, which
    is not needed for them afterwards. May be repeated, and run beside a server.
    """
    settings = Settings()
    cipher = load_cipher(settings)
    if not cipher:
        raise _exit("No key to encrypt with: `frontdesk key --encryption` makes one.")
    path = settings.data_dir / FILE
    try:
        done = reseal(path, settings.data_dir / AUDIO, cipher)
    except (sqlite3.Error, OSError) as error:
        raise _exit(f"Not all could be encrypted: {error}. Try again.") from error
    typer.echo(f"Encrypted anew: {done.rows} records, {done.files} pieces of audio.")
    if done.locked:
        raise _exit(f"{done.locked} are encrypted with a key that is not known here.")


def render(trace: dict[str, Any], width: int) -> Iterator[Line]:
    """One turn as lines of at most ``width`` columns."""
    turn, spans = trace["trace"], trace["spans"]
    latency = f", first sound after {turn['latency_ms']:.0f} ms" if turn["latency_ms"] else ""
    ending = f", {turn['end_reason']}" if turn["end_reason"] else ", under way"
    facts = f"{turn['seconds']:.2f} s{latency}{ending}"
    name = "work" if turn["index"] is None else f"turn {turn['index']}"
    yield clean(f"{name}  trace_{turn['trace_id']}  {facts}"), "cyan"
    for role in ("caller", "agent"):
        if turn[role]:
            yield clean(f"  {role:6} {turn[role]}")[:width], None
    begin = min((span["start"] for span in spans), default=0.0)
    last = max((span["end"] or span["start"] for span in spans), default=begin)
    bars = max(10, width - _NAME - 14)
    for depth, span in _walk(spans):
        name = clean(f"{'  ' * depth}{span['name']}")
        end = span["end"] or last
        left, size = _bar(span["start"] - begin, end - begin, (last - begin) or 1.0, bars)
        took = f"{(end - span['start']) * 1000:9.1f} ms" if span["end"] else "     open   "
        mark = "x" if span["status"] == "error" else " "
        line = f"{mark} {name[:_NAME]:{_NAME}}{took} {' ' * left}{'█' * size}"
        yield line.rstrip()[:width], "red" if span["error"] else None
        if span["error"]:
            yield clean(f"    {'  ' * depth}{span['error']}")[:width], "red"
    yield "", None


def _walk(spans: list[Span]) -> Iterator[tuple[int, Span]]:
    """Spans in tree order with their depth; those whose parent is not here are roots."""
    known = {span["span_id"] for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in spans:
        parent = span["parent_id"] if span["parent_id"] in known else None
        children.setdefault(parent, []).append(span)
    stack = [(0, span) for span in reversed(children.get(None, []))]
    while stack:
        depth, span = stack.pop()
        yield depth, span
        stack += [(depth + 1, child) for child in reversed(children.get(span["span_id"], []))]


def _bar(start: float, end: float, total: float, columns: int) -> tuple[int, int]:
    """Offset and length of a bar in columns, at least one column long and inside the field."""
    left = min(int(start / total * columns), columns - 1)
    return left, max(1, min(columns - left, round((end - start) / total * columns)))
