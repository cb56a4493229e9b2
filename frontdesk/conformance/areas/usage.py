"""What a response says it used: ``response.done.usage`` (section 1.3a)."""

from typing import Any

from frontdesk.conformance import audio
from frontdesk.conformance.reply import Reply, must
from frontdesk.conformance.suite import Area, Bench

area = Area("usage", "token counts that add up")


@area.scenario()
async def a_text_response_counts_its_tokens(bench: Bench) -> None:
    """usage is null until done; totals are the sums of their parts (1.3a)."""
    async with bench.session(output_modalities=["text"]) as session:
        reply = await session.ask("Say exactly: The desk is open.")
        must(reply.created.get("usage") is None, "usage null when created", reply.events[0])
        usage = _sums(reply)
        must(usage["output_tokens"] > 0, "some output tokens", str(usage))
        must(usage["output_token_details"]["text_tokens"] > 0, "text tokens of output", str(usage))
        silent = not usage["output_token_details"].get("audio_tokens")
        must(silent, "no audio tokens in text", str(usage))


@area.scenario()
async def a_spoken_response_counts_its_audio(bench: Bench) -> None:
    """Audio out is counted as audio tokens, beside the words of its transcript (1.3a)."""
    async with bench.session() as session:
        reply = await session.ask("Say exactly: The desk is open.")
        usage = _sums(reply)
        must(
            usage["output_token_details"]["audio_tokens"] > 0, "audio tokens of output", str(usage)
        )


@area.scenario()
async def spoken_input_counts_as_audio(bench: Bench) -> None:
    """Audio that a response answers is counted as audio tokens of its input (1.3a)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.append(audio.speech())
        await session.send("input_audio_buffer.commit")
        await session.expect("conversation.item.done")
        reply = await session.ask()
        usage = _sums(reply)
        must(usage["input_token_details"]["audio_tokens"] > 0, "audio tokens of input", str(usage))


@area.scenario()
async def a_cancelled_response_has_its_usage_too(bench: Bench) -> None:
    """Exactly one response.done, with usage, however the response ends (2.10 rule 3)."""
    async with bench.session(output_modalities=["text"]) as session:
        await session.write("Count from one to two hundred in words.")
        await session.send("response.create")
        await session.send("response.cancel")
        _sums(await session.reply())


def _sums(reply: Reply) -> dict[str, Any]:
    """The usage, if its parts add up."""
    usage: dict[str, Any] = reply.done.get("usage") or {}
    must(bool(usage), "usage in response.done", reply.done_event)
    total = usage["input_tokens"] + usage["output_tokens"]
    must(usage["total_tokens"] == total, f"total_tokens {total}", str(usage))
    for way in ("input", "output"):
        details = usage[f"{way}_token_details"]
        kinds = ("text_tokens", "audio_tokens", "image_tokens")
        whole = sum(details.get(kind) or 0 for kind in kinds)
        whole_told = usage[f"{way}_tokens"]
        expected = f"{way}_tokens {whole}, the sum of its details"
        must(whole_told == whole, expected, str(usage))
    return usage
