"""``frontdesk demo``: a whole call, spoken and answered, on this machine alone."""

import asyncio
import re
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soxr
import typer
from ruamel.yaml import YAML

from frontdesk.cli.failures import Failure
from frontdesk.cli.server import Server, started
from frontdesk.client.caller import Answer, Caller, CallFailed, place
from frontdesk.desk.schema import SpeechToTextChoice, TextToSpeechChoice, Voice
from frontdesk.desk.starter import init_desk
from frontdesk.settings import Settings
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples
from frontdesk.voice.models import VoiceModels, build_voice

CALLER_PITCH = 0.9
"""The caller has the agent's voice, played a tenth slower, so that ears can tell them apart."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A turn of the demo: what is said, and what a right answer has."""

    say: str
    agent: str
    tool: str | None
    words: tuple[str, ...]


def demo(
    exit_after: Annotated[
        bool, typer.Option("--exit", help="End after the call; exit code 0 only if all was right.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The recording; default: in the data folder.")
    ] = None,
) -> None:
    """Start everything, place a spoken call, and show how it was answered.

    Runs the desk in this folder, or the example desk when there is none. Needs no API key, no
    server and no network: models and state come from installed packages.
    """
    right = asyncio.run(_demo(exit_after, out))
    if exit_after and not right:
        raise typer.Exit(1)


async def _demo(exit_after: bool, out: Path | None) -> bool:
    settings = _desk(Settings())
    async with AsyncExitStack() as stack:
        typer.echo("Starting Frontdesk …")
        voices = asyncio.create_task(_voices())
        server = await stack.enter_async_context(started(settings))
        for part, what in server.in_use.items():
            typer.echo(f"  {part:<16} {what}")
        right = await _place(server, await voices, out or settings.data_dir / "demo.wav")
        if not exit_after:
            typer.echo(f"\nTalk to it at {server.url}/talk (Ctrl-C ends all of it).")
            await asyncio.Event().wait()
    return right


def _desk(settings: Settings) -> Settings:
    """The desk of this folder, or a fresh example desk."""
    if (settings.desk / "agents").is_dir():
        return settings
    desk = settings.data or Path(tempfile.mkdtemp(prefix="frontdesk-"))
    if not (desk / "agents").is_dir():
        init_desk(desk)
    return settings.model_copy(update={"desk": desk})


async def _voices() -> VoiceModels:
    """The caller's mouth, and an ear to check the answers with."""
    voice = Voice(
        stt=SpeechToTextChoice(provider="embedded"), tts=TextToSpeechChoice(provider="embedded")
    )
    models = build_voice(voice, "embedded")
    await models.warm_up()
    return models


async def _place(server: Server, voices: VoiceModels, out: Path) -> bool:
    right = True
    try:
        async with place(f"{server.url}/v1", model="support") as caller:
            typer.echo(f"\nCalling {server.url}/v1/realtime …\n")
            for before, expected in enumerate(_script()):
                await caller.say(await _speech(voices, expected.say))
                answer = await caller.answer()
                right &= await _report(server, caller, voices, before, expected, answer)
    except CallFailed as error:
        raise Failure(str(error)) from error
    caller.recording.write(out)
    typer.echo(f"recording        {out}  (left: caller, right: agent)")
    typer.echo(f"trace            {server.url}/traces/calls/{caller.call_id}")
    return right


async def _report(
    server: Server,
    caller: Caller,
    voices: VoiceModels,
    before: int,
    expected: Expected,
    answer: Answer,
) -> bool:
    """Print a turn, and say whether it was answered rightly."""
    turn = await _traced(server, caller.call_id, before)
    heard_back = await _transcribe(voices, caller, answer)
    tools = turn["tools"]
    latency = "no sound" if answer.latency is None else f"{1000 * answer.latency:.0f} ms"
    typer.echo(f"caller           {expected.say}")
    typer.echo(f"  understood     {answer.heard}")
    typer.echo(
        f"  agent          {' > '.join(turn['agents'])}"
        + (f", tool {', '.join(tools)}" if tools else "")
    )
    typer.echo(f"  answer         {answer.text}")
    typer.echo(f"  first sound    {latency} after the end of speech")
    faults = _faults(expected, answer, turn, heard_back)
    for fault in faults:
        typer.secho(f"  wrong          {fault}", fg="red")
    typer.echo()
    return not faults


def _faults(expected: Expected, answer: Answer, turn: dict[str, Any], heard_back: str) -> list[str]:
    faults: list[str] = []
    if turn["agents"][-1] != expected.agent:
        faults.append(f"answered by {turn['agents'][-1]}, not {expected.agent}")
    if expected.tool and expected.tool not in turn["tools"]:
        faults.append(f"the tool {expected.tool} was not called")
    for word in expected.words:
        if not re.search(word, answer.text, re.IGNORECASE):
            faults.append(f"the answer lacks {word!r}")
    share = intelligible(answer.text, heard_back)
    if share < 0.8:
        faults.append(f"only {share:.0%} of the words can be understood: {heard_back}")
    return faults


def intelligible(text: str, heard: str) -> float:
    """Share of the words of ``text`` that a transcriber heard again, in [0, 1]. Digits and
    punctuation do not count, as a transcriber writes numbers in its own way."""
    said = re.findall(r"[a-z]{2,}", text.lower())
    back = set(re.findall(r"[a-z]{2,}", heard.lower()))
    return sum(word in back for word in said) / len(said) if said else 1.0


async def _traced(server: Server, call_id: str, before: int) -> dict[str, Any]:
    """The newest answered turn as traced: which agents, which tools. ``before`` counts the
    answered turns that came earlier."""
    for _ in range(100):  # the trace is written when the answer was played out
        call = await asyncio.to_thread(server.get, f"/api/calls/{call_id}")
        turns = [turn for turn in call["turns"] if turn["end_reason"] == "completed"]
        if len(turns) > before:
            break
        await asyncio.sleep(0.1)
    else:
        raise Failure("the turn did not reach the trace store")
    turn = turns[-1]
    trace = await asyncio.to_thread(server.get, f"/api/traces/{turn['trace_id']}")
    name = "gen_ai.tool.name"
    tools = [s["attributes"][name] for s in trace["spans"] if name in s["attributes"]]
    return {"agents": turn["agents"], "tools": list(dict.fromkeys(tools))}


async def _speech(voices: VoiceModels, text: str) -> Samples:
    chunks = [chunk async for chunk in voices.tts.synthesize(text)]
    spoken = np.concatenate(chunks)
    return soxr.resample(spoken, OUTPUT_RATE * CALLER_PITCH, OUTPUT_RATE).astype(np.float32)


async def _transcribe(voices: VoiceModels, caller: Caller, answer: Answer) -> str:
    track = caller.recording.agent.samples(answer.end)[answer.start :]
    stream = voices.stt.stream()
    stream.push(soxr.resample(track, OUTPUT_RATE, INPUT_RATE).astype(np.float32))
    try:
        return (await stream.transcript()).text
    finally:
        await stream.aclose()


def _script() -> list[Expected]:
    text = resources.files("frontdesk.cli").joinpath("demo.yaml").read_text("utf-8")
    yaml: Any = YAML(typ="safe")
    turns: list[dict[str, Any]] = yaml.load(text)["turns"]
    return [Expected(t["say"], t["agent"], t.get("tool"), tuple(t.get("words", ()))) for t in turns]
