"""The call of ``frontdesk demo``: three spoken turns, and whether they were answered rightly."""

import asyncio
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import typer
from ruamel.yaml import YAML

from frontdesk.cli.failures import Failure
from frontdesk.cli.server import Server
from frontdesk.client.caller import Answer, Caller, CallFailed, place
from frontdesk.desk.voice import SpeechToTextChoice, TextToSpeechChoice, Voice
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples
from frontdesk.voice.models import build_voice

CALLER_PITCH = 0.9
"""The caller has the agent's voice, played a tenth slower, so that ears can tell them apart."""

INTELLIGIBLE = 0.8
"""Share of an answer's words that must be understood when it is transcribed back."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A turn of the demo: what is said, and what a right answer has."""

    say: str
    agent: str
    tool: str | None
    words: tuple[str, ...]


class DemoCaller:
    """Somebody with a mouth, and with an ear to check the answers with."""

    def __init__(self) -> None:
        voice = Voice(
            stt=SpeechToTextChoice(provider="embedded"), tts=TextToSpeechChoice(provider="embedded")
        )
        self._voices = build_voice(voice, "embedded")
        self._script: list[tuple[Expected, Samples]] = []

    async def prepare(self) -> None:
        """Learn the lines. The ear is loaded when it is first needed, in the call: now the server
        needs the machine."""
        self._script = [(turn, await self._speech(turn.say)) for turn in script()]

    async def call(self, server: Server, out: Path) -> bool:
        """Place the call, print it as it goes and record it in ``out``; returns whether every
        turn was answered rightly. Raises :class:`Failure`."""
        right = True
        checks: list[asyncio.Task[str | None]] = []
        try:
            async with place(
                f"{server.url}/v1", model="support", api_key=server.key, tls=server.tls
            ) as caller:
                typer.echo(f"\nCalling {server.url}/v1/realtime …\n")
                for before, (expected, speech) in enumerate(self._script):
                    await caller.say(speech)
                    answer = await caller.answer()
                    turn = await _traced(server, caller.call_id, before)
                    right &= _report(expected, answer, turn)
                    # Listened to again in the time in which the caller speaks.
                    sound = caller.recording.agent.samples(answer.end)[answer.start :]
                    checks.append(asyncio.create_task(self._check(before + 1, answer.text, sound)))
                seconds = caller.clock
        except CallFailed as error:
            raise Failure(str(error)) from error
        caller.recording.write(out)
        for fault in filter(None, await asyncio.gather(*checks)):
            right = False
            typer.secho(f"wrong            {fault}", fg="red")
        typer.echo(f"recording        {out}  (left: caller, right: agent)")
        typer.echo(f"trace            {server.url}/traces/calls/{caller.call_id}")
        typer.echo(f"time             {self._seconds(seconds, caller)}")
        return right

    async def _speech(self, text: str) -> Samples:
        chunks = [chunk async for chunk in self._voices.tts.synthesize(text)]
        spoken = np.concatenate(chunks)
        return soxr.resample(spoken, OUTPUT_RATE * CALLER_PITCH, OUTPUT_RATE).astype(np.float32)

    async def _check(self, turn: int, text: str, sound: Samples) -> str | None:
        """What is wrong with ``sound`` as ``text`` spoken, if anything."""
        stream = self._voices.stt.stream()
        stream.push(soxr.resample(sound, OUTPUT_RATE, INPUT_RATE).astype(np.float32))
        try:
            heard = (await stream.transcript()).text
        finally:
            await stream.aclose()
        share = intelligible(text, heard)
        if share >= INTELLIGIBLE:
            return None
        return f"answer {turn}: only {share:.0%} of the words can be understood: {heard}"

    def _seconds(self, whole: float, caller: Caller) -> str:
        """Where the call's time went."""
        asking = sum(len(speech) for _, speech in self._script) / OUTPUT_RATE
        answering = caller.recording.agent.sound / OUTPUT_RATE
        return (
            f"{whole:.1f} s on the phone: the caller spoke for {asking:.1f} s, the agent for "
            f"{answering:.1f} s, nobody for {whole - asking - answering:.1f} s"
        )


def _report(expected: Expected, answer: Answer, turn: dict[str, Any]) -> bool:
    """Print a turn, and say whether it was answered rightly."""
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
    faults = _faults(expected, answer, turn)
    for fault in faults:
        typer.secho(f"  wrong          {fault}", fg="red")
    typer.echo()
    return not faults


def _faults(expected: Expected, answer: Answer, turn: dict[str, Any]) -> list[str]:
    faults: list[str] = []
    if turn["agents"][-1] != expected.agent:
        faults.append(f"answered by {turn['agents'][-1]}, not {expected.agent}")
    if expected.tool and expected.tool not in turn["tools"]:
        faults.append(f"the tool {expected.tool} was not called")
    for word in expected.words:
        if not re.search(word, answer.text, re.IGNORECASE):
            faults.append(f"the answer lacks {word!r}")
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


def script() -> list[Expected]:
    text = resources.files("frontdesk.cli").joinpath("demo.yaml").read_text("utf-8")
    yaml: Any = YAML(typ="safe")
    turns: list[dict[str, Any]] = yaml.load(text)["turns"]
    return [Expected(t["say"], t["agent"], t.get("tool"), tuple(t.get("words", ()))) for t in turns]
