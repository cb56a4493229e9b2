"""REST beside the socket: models, speech, transcriptions (section 5)."""

import base64
import json
from io import BytesIO
from typing import Any

import soundfile

from frontdesk.conformance import audio
from frontdesk.conformance.areas.audio import level
from frontdesk.conformance.http import Rest, rest
from frontdesk.conformance.reply import must
from frontdesk.conformance.suite import Area, Bench

area = Area("rest", "models, speech, transcriptions, error bodies")

SPEECH: dict[str, Any] = {
    "model": "gpt-4o-mini-tts",
    "voice": "alloy",
    "input": "The desk is open.",
}
WRITTEN = "/audio/transcriptions"


def recording() -> dict[str, Any]:
    """The recorded sentence as a WAV file to upload."""
    target = BytesIO()
    soundfile.write(target, audio.speech(), audio.RATE, format="WAV")  # pyright: ignore[reportUnknownMemberType]
    return {"file": ("speech.wav", target.getvalue(), "audio/wav")}


def events(body: str) -> list[dict[str, Any]]:
    """The data of server-sent events."""
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@area.scenario()
async def models_are_listed(bench: Bench) -> None:
    """GET /models: a list of objects of kind model, with id and created (section 5)."""
    async with rest(bench.target) as client:
        told = (await client.request("GET", "/models")).json()
        must(told.get("object") == "list", "object list", str(told)[:300])
        must(bool(told["data"]), "one model at least", str(told)[:300])
        for model in told["data"]:
            whole = model.get("object") == "model" and isinstance(model.get("id"), str)
            must(whole and isinstance(model.get("created"), int), "id, object, created", str(model))


@area.scenario()
async def one_model_is_told_or_not_found(bench: Bench) -> None:
    """GET /models/ID: the model of the list; 404 with an error body for another (section 5)."""
    async with rest(bench.target) as client:
        listed = (await client.request("GET", "/models")).json()["data"][0]
        told = (await client.request("GET", f"/models/{listed['id']}")).json()
        must(told.get("id") == listed["id"], f"the model {listed['id']}", str(told)[:300])
        error = await client.refused("GET", "/models/no-such-model-at-all")
        must(bool(error["message"]), "a message", str(error))


@area.scenario()
async def text_is_spoken_as_pcm(bench: Bench) -> None:
    """response_format pcm: 24 kHz, 16 bit, no header (5.6)."""
    async with rest(bench.target) as client:
        body = {**SPEECH, "response_format": "pcm"}
        answer = await client.request("POST", "/audio/speech", json=body)
        level(answer.content, audio.PCM)


@area.scenario()
async def text_is_spoken_as_a_wav_file(bench: Bench) -> None:
    """response_format wav: a file that can be read (5.6)."""
    async with rest(bench.target) as client:
        body = {**SPEECH, "response_format": "wav"}
        answer = await client.request("POST", "/audio/speech", json=body)
        must(answer.content[:4] == b"RIFF", "a WAV file", repr(answer.content[:16]))


@area.scenario()
async def speech_is_streamed_as_events(bench: Bench) -> None:
    """stream_format sse: speech.audio.delta with base64, speech.audio.done with usage (5.6)."""
    async with rest(bench.target) as client:
        body = {**SPEECH, "response_format": "pcm", "stream_format": "sse"}
        answer = await client.request("POST", "/audio/speech", json=body)
        told = events(answer.text)
        kinds = [event["type"] for event in told]
        must(kinds[-1:] == ["speech.audio.done"], "speech.audio.done last", str(kinds[-3:]))
        must(kinds.count("speech.audio.done") == 1, "one speech.audio.done", str(kinds))
        usage = told[-1]["usage"]
        total = usage["input_tokens"] + usage["output_tokens"]
        must(usage["total_tokens"] == total, f"total_tokens {total}", str(usage))
        level(b"".join(base64.b64decode(event["audio"]) for event in told[:-1]), audio.PCM)


@area.scenario()
async def speech_is_written_down(bench: Bench) -> None:
    """json: text and usage (5.5)."""
    async with rest(bench.target) as client:
        told = (await _write(client, response_format="json")).json()
        must(bool(told["text"].strip()), "some words", str(told))
        must(told["usage"]["type"] in ("tokens", "duration"), "usage with its type", str(told))


@area.scenario()
async def speech_is_written_down_as_plain_text(bench: Bench) -> None:
    """text: the words and nothing else (5.5)."""
    async with rest(bench.target) as client:
        answer = await _write(client, response_format="text", model="whisper-1")
        words = answer.text.strip()
        must(bool(words) and not words.startswith("{"), "plain words", answer.text[:200])


@area.scenario()
async def speech_is_written_down_with_times(bench: Bench) -> None:
    """verbose_json: duration, language, segments beside the text (5.5)."""
    async with rest(bench.target) as client:
        told = (await _write(client, response_format="verbose_json", model="whisper-1")).json()
        spoken = len(audio.speech()) / audio.RATE
        near = abs(float(told["duration"]) - spoken) < 0.5
        must(near, f"a duration near {spoken:.1f} s", str(told)[:300])
        must(isinstance(told.get("language"), str), "a language", str(told)[:300])


@area.scenario()
async def words_are_streamed_as_events(bench: Bench) -> None:
    """stream: transcript.text.delta, whose sum is transcript.text.done (5.5)."""
    async with rest(bench.target) as client:
        told = events((await _write(client, stream="true")).text)
        must(told[-1]["type"] == "transcript.text.done", "transcript.text.done last", str(told[-1]))
        joined = "".join(e["delta"] for e in told if e["type"] == "transcript.text.delta")
        must(joined == told[-1]["text"], f"the joined deltas: {joined!r}", str(told[-1]))


@area.scenario()
async def bad_requests_have_error_bodies(bench: Bench) -> None:
    """4xx with {"error": {"message", "type", "param", "code"}} (section 5)."""
    async with rest(bench.target) as client:
        await client.request("POST", "/audio/speech", json={**SPEECH, "response_format": "pcm"})
        error = await client.refused("POST", "/audio/speech", json={"model": "tts-1"})
        must(error.get("param") in ("input", "voice"), "param input or voice", str(error))
        too_long = {**SPEECH, "input": "a" * 5000}
        await client.refused("POST", "/audio/speech", json=too_long)
        await client.refused("POST", "/audio/speech", json={**SPEECH, "response_format": "tape"})


async def _write(client: Rest, **fields: str) -> Any:
    data = {"model": "gpt-4o-mini-transcribe", **fields}
    return await client.request("POST", WRITTEN, data=data, files=recording())
