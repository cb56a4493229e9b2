"""Responses in audio, and the formats of audio both ways: sections 1.3a and 2.4."""

from functools import partial
from typing import Any

import numpy as np

from frontdesk.conformance import audio
from frontdesk.conformance.reply import must
from frontdesk.conformance.suite import Area, Bench

area = Area("audio", "responses in audio, PCM and G.711 both ways")

FORMATS: dict[str, dict[str, Any]] = {
    "audio/pcm": {"type": "audio/pcm", "rate": 24000},
    "audio/pcmu": {"type": "audio/pcmu"},
    "audio/pcma": {"type": "audio/pcma"},
}
SAY = "Say exactly: The desk is open from nine to five."


@area.scenario("response.create")
async def a_response_in_audio_opens_and_closes_in_order(bench: Bench) -> None:
    """The events of section 2.4, in that order."""
    async with bench.session() as session:
        reply = await session.ask(SAY)
        opening = [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
        ]
        closing = [
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        for kind in ("output_audio", "output_audio_transcript"):
            within = [f"response.{kind}.delta", f"response.{kind}.done"]
            reply.in_order([*opening, *within, *closing])
        reply.must_be("completed")


@area.scenario()
async def what_is_spoken_is_told_in_words(bench: Bench) -> None:
    """Part {audio, transcript ''}; content output_audio with the words of the deltas (1.3a)."""
    async with bench.session() as session:
        reply = await session.ask(SAY)
        for event in reply.of("response.content_part.added"):
            must(event["part"].get("type") == "audio", "part of type audio", event)
            must(event["part"].get("transcript") == "", "part.transcript ''", event)
        content = reply.item("message")["content"][0]
        must(content.get("type") == "output_audio", "output_audio", reply.done_event)
        words = reply.joined("response.output_audio_transcript.delta")
        must(content.get("transcript") == words, f"transcript {words!r}", reply.done_event)
        must(bool(words.strip()), "some words", reply.done_event)


async def _output(format: str, bench: Bench) -> None:
    output = {"format": FORMATS[format]}
    async with bench.session(audio={"output": output}) as session:
        told = session.config["audio"]
        must(told["output"]["format"] == FORMATS[format], f"output {format}", told)
        must(told["input"]["format"]["type"] == "audio/pcm", "the input stays audio/pcm", told)
        reply = await session.ask(SAY)
        level(reply.audio, format)


for _format in FORMATS:
    area.add(
        f"speech comes as {_format}",
        "audio.output.format holds for what is sent, whatever the input (1.3a).",
        partial(_output, _format),
        ("session.audio.output.format",),
    )


async def _input(format: str, bench: Bench) -> None:
    given = {"format": FORMATS[format], "transcription": {"model": "whisper-1"}}
    async with bench.session(audio={"input": given}) as session:
        told = session.config["audio"]["input"]["format"]
        must(told == FORMATS[format], f"input {format}", told)
        await session.append(audio.speech(), format)
        await session.send("input_audio_buffer.commit")
        kind = "conversation.item.input_audio_transcription.completed"
        event = await session.expect(kind)
        usage = event["usage"]
        if usage.get("type") == "duration":
            seconds, real = usage["seconds"], len(audio.speech()) / audio.RATE
            near = abs(seconds - real) <= 1
            must(near, f"usage.seconds near the {real:.1f} s spoken", event)


for _format in FORMATS:
    area.add(
        f"speech is taken as {_format}",
        "audio.input.format holds for what is appended, whatever the output (1.3a).",
        partial(_input, _format),
        ("session.audio.input.format",),
    )


@area.scenario("response.audio.output.format")
async def one_response_may_have_a_format_of_its_own(bench: Bench) -> None:
    """response.audio.output.format overrides the session's for that response (1.3a)."""
    async with bench.session() as session:
        reply = await session.ask(SAY, audio={"output": {"format": FORMATS["audio/pcmu"]}})
        told = reply.done.get("audio", {}).get("output", {}).get("format", {})
        must(told.get("type") == "audio/pcmu", "audio.output.format audio/pcmu", reply.done_event)
        level(reply.audio, "audio/pcmu")


@area.scenario("session.audio.output.voice")
async def the_voice_stays_once_it_was_heard(bench: Bench) -> None:
    """After audio was sent another voice is accepted and not taken, or refused by name (1.3a)."""
    async with bench.session() as session:
        await session.ask(SAY)
        voice = session.config["audio"]["output"].get("voice")
        other = "ash" if voice != "ash" else "alloy"
        patch = {"type": "realtime", "audio": {"output": {"voice": other}}}
        await session.send("session.update", session=patch)
        event = (await session.until("session.updated", "error"))[-1]
        if event["type"] == "error":
            param = event["error"].get("param")
            named = param == "session.audio.output.voice"
            must(named, "param session.audio.output.voice", event)
        else:
            told = event["session"]["audio"]["output"].get("voice")
            must(told == voice, f"the voice in force, {voice}", event)


@area.scenario("session.audio.output.speed")
async def a_slower_voice_takes_longer(bench: Bench) -> None:
    """speed changes how long the same words take (1.3a)."""
    async with bench.session() as session:
        lengths: dict[float, float] = {}
        for speed in (1.5, 0.5):
            told = await session.configure(audio={"output": {"speed": speed}})
            must(told["audio"]["output"].get("speed") == speed, f"speed {speed}", told)
            reply = await session.ask(SAY)
            lengths[speed] = len(reply.audio)
        longer = lengths[0.5] > 1.5 * lengths[1.5]
        must(longer, "at speed 0.5 much more audio than at 1.5", f"bytes: {lengths}")


def level(sound: bytes, format: str) -> None:
    """Audio of this format is there, and is neither silence nor noise of a wrong format."""
    samples = audio.decoded(sound, format)
    seconds = len(samples) / audio.rate(format)
    must(seconds > 0.2, "some audio", f"{seconds:.2f} s of {format}")
    loud = float(np.sqrt(np.mean(samples**2)))
    must(loud > 0.001, "audio that can be heard", f"level {loud:.4f} of full scale")
    # Speech moves slowly against the sample rate; another format's bytes read as this one do not.
    rough = float(np.mean(np.abs(np.diff(samples)))) / max(float(np.mean(np.abs(samples))), 1e-6)
    must(rough < 1.2, f"audio in {format}", f"roughness {rough:.2f}: noise has 1.3 or so")
