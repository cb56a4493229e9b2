"""Connecting: section 2.1 and the transport part of 1.3a."""

from websockets.typing import Subprotocol

from frontdesk.conformance.reply import must
from frontdesk.conformance.suite import Area, Bench
from frontdesk.conformance.verdicts import Failed, Skipped

area = Area("connect", "the socket, its first event, signing in as browsers do")


@area.scenario()
async def the_session_is_told_without_being_asked(bench: Bench) -> None:
    """session.created comes at once, without a message of the client (2.10 rule 1)."""
    async with bench.connection() as session:
        event = await session.next("session.created")
        must(event["type"] == "session.created", "session.created", event)


@area.scenario("session.type")
async def the_session_says_what_it_is(bench: Bench) -> None:
    """The server's copy carries type, object realtime.session and an id sess_… (1.3a)."""
    async with bench.session() as session:
        told = session.config
        must(told.get("type") == "realtime", "session.type realtime", told)
        must(told.get("object") == "realtime.session", "object realtime.session", told)
        must(str(told.get("id", "")).startswith("sess_"), "an id sess_…", told)


@area.scenario()
async def a_session_starts_with_the_usual_defaults(bench: Bench) -> None:
    """Audio out, PCM at 24 kHz both ways, turns detected, nothing transcribed (1.3a)."""
    async with bench.connection() as session:
        told = (await session.expect("session.created"))["session"]
        audio = told["audio"]
        must(told.get("output_modalities") == ["audio"], "output_modalities ['audio']", told)
        for way in ("input", "output"):
            format = audio[way].get("format")
            pcm = {"type": "audio/pcm", "rate": 24000}
            must(format == pcm, f"audio.{way}.format {pcm}", told)
        must(bool(audio["input"].get("turn_detection")), "turn_detection in force, whole", told)
        must(audio["input"].get("transcription") is None, "transcription null", told)
        must(told.get("tools", []) == [], "tools []", told)


@area.scenario()
async def a_browser_signs_in_by_subprotocol(bench: Bench) -> None:
    """Offered realtime and openai-insecure-api-key.KEY, the server answers realtime (1.3a)."""
    key = Subprotocol(f"openai-insecure-api-key.{bench.target.key or 'none'}")
    async with bench.connection(subprotocols=[Subprotocol("realtime"), key]) as session:
        await session.expect("session.created")


@area.scenario()
async def sessions_do_not_mix(bench: Bench) -> None:
    """Two sockets are two sessions, each with its own conversation (2.1)."""
    async with bench.session() as one, bench.session() as two:
        must(one.config["id"] != two.config["id"], "two session ids", two.config)
        await one.write("This is the first.", id="item_first")
        error = await two.refused("conversation.item.retrieve", item_id="item_first")
        must(bool(error.get("message")), "a message in the error", error.get("code"))


@area.scenario()
async def another_model_name_later_does_no_harm(bench: Bench) -> None:
    """Both Agents SDKs put a model of their own into every session.update (3.6)."""
    async with bench.session() as session:
        model = session.config.get("model")
        told = await session.configure(model="gpt-realtime-2.1", instructions="Be brief.")
        must(told.get("model") == model, f"the model of the connection, {model}", told)


@area.scenario()
async def an_update_before_the_first_event_is_answered(bench: Bench) -> None:
    """The JavaScript SDK sends session.update at open, before session.created (3.2 i)."""
    async with bench.connection() as session:
        told = await session.configure(output_modalities=["text"])
        must(told.get("output_modalities") == ["text"], "output_modalities ['text']", told)


@area.scenario()
async def a_wrong_key_is_refused(bench: Bench) -> None:
    """A key that is not one is turned away: 401, or one error and a closed socket (1.3a)."""
    if bench.target.key is None:
        raise Skipped("no key was given, so the server asks for none")
    try:
        async with bench.connection(key="sk-this-is-not-a-key") as session:
            event = await session.next("an error")
            must(event["type"] == "error", "an error", event)
            code = await session.closed(10)
            must(code is not None, "a closed socket", event)
    except Failed as failed:
        refused = isinstance(failed.seen, str) and failed.seen.startswith(("HTTP 401", "HTTP 403"))
        if not refused:
            raise
