"""``frontdesk call FILE.wav``: place a call with recorded speech."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.cli.failures import Failure
from frontdesk.cli.identity import Consents, User, who
from frontdesk.cli.server import reachable
from frontdesk.settings import Settings

if TYPE_CHECKING:
    from frontdesk.client.caller import Answer, Caller
    from frontdesk.voice.base import Samples

QUIET = 2.5
"""Seconds without speech from either side after which the call is over."""


def call(
    file: Annotated[
        Path, typer.Argument(help="Speech: WAV, FLAC or Ogg, any rate, 1 or 2 channels.")
    ],
    url: Annotated[
        str | None,
        typer.Option(
            help="A running server, as http://HOST:PORT. Default: the one on the usual port, or "
            "else one that is started for as long as it is needed."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="A key of the server. Default: FRONTDESK_API_KEY, or the server's own."),
    ] = None,
    team: Annotated[
        str, typer.Option(help="The team to call. Default: the desk's first.", show_default=False)
    ] = "default",
    user: User = None,
    consent: Consents = False,
    out: Annotated[Path | None, typer.Option(help="Write both sides as a stereo WAV.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
) -> None:
    """Place a call with recorded speech.

    The file is streamed in real time, as a caller would speak it; pauses in it are the caller
    listening. Exit code 1 when nothing was answered.
    """
    from frontdesk.voice.audio import read_wav, write_wav
    from frontdesk.voice.base import OUTPUT_RATE

    speech = read_wav(file, OUTPUT_RATE)
    if out:  # whether it can be written is better known before the call
        write_wav(out, speech[:0], speech[:0], OUTPUT_RATE)
    asyncio.run(_call(speech, url, key, team, who(user, consent=consent), out, as_json))


async def _call(
    speech: "Samples",
    url: str | None,
    key: str | None,
    team: str,
    query: dict[str, str],
    out: Path | None,
    as_json: bool,
) -> None:
    from frontdesk.client.caller import CallFailed, place

    answers: list[Answer] = []
    async with reachable(url, Settings(), key) as server:
        try:
            calling = place(
                f"{server.url}/v1", model=team, api_key=server.key, tls=server.tls, query=query
            )
            async with calling as caller:
                printing = asyncio.create_task(_print(caller, answers, as_json))
                await caller.say(speech)
                await _until_quiet(caller)
                printing.cancel()
        except CallFailed as error:
            raise Failure(str(error)) from error
        if caller.ticket.times:
            typer.echo("The connection broke on the way, and the call went on.", err=True)
        if out:
            caller.recording.write(out)
            typer.echo(f"recording        {out}", err=as_json)
        typer.echo(f"trace            {server.url}/traces/calls/{caller.call_id}", err=as_json)
        if as_json:
            for event in caller.events:
                typer.echo(json.dumps(event, ensure_ascii=False))
    if not answers:
        raise Failure("the call was not answered: was there speech in the file?")


async def _print(caller: "Caller", answers: "list[Answer]", quiet: bool) -> None:
    while True:
        answer = await caller.answers.get()
        answers.append(answer)
        typer.echo(spoken_lines(answer), err=quiet)


async def _until_quiet(caller: "Caller") -> None:
    """Wait until the agent has nothing more to say."""
    quiet_since = caller.clock
    while caller.clock - quiet_since < QUIET:
        if caller.agent_speaking:
            quiet_since = caller.clock
        await asyncio.sleep(0.05)


def spoken_lines(answer: "Answer") -> str:
    """A turn as two lines of text."""
    latency = f" ({1000 * answer.latency:.0f} ms)" if answer.latency is not None else ""
    errors = "".join(f"\nerror            {error}" for error in answer.errors)
    return f"caller           {answer.heard}\nagent            {answer.text}{latency}{errors}"
