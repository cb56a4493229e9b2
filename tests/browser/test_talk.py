import base64
import re
import time
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page, expect

SPEAKS = re.compile("Speaking|speaks")

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def started(page: Page, site: Any) -> Any:
    await page.goto("/talk")
    await page.get_by_role("button", name="Start talking").click()
    return await site.peer()


async def listened(page: Page) -> None:
    """Write down what the status says: an answer may be over before anybody looks."""
    await page.evaluate(
        """() => {
            const phase = document.getElementById("phase");
            window.statuses = [];
            new MutationObserver(() => window.statuses.push(phase.textContent))
                .observe(phase, {childList: true, characterData: true, subtree: true});
        }"""
    )


HAS_SPOKEN = "window.statuses.some((each) => /Speaking|speaks/.test(each))"


async def test_it_sets_up_a_session_and_sends_the_microphone_in_frames(
    page: Page, site: Any
) -> None:
    peer = await started(page, site)
    session = (await peer.until("session.update"))[0]["session"]
    assert session["type"] == "realtime"
    assert session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
    assert session["audio"]["input"]["transcription"]["model"]
    frames = [
        np.frombuffer(base64.b64decode(event["audio"]), "<i2")
        for event in await peer.until("input_audio_buffer.append", 100)
    ]
    assert {len(frame) for frame in frames} == {480}  # 20 ms at 24 kHz
    assert max(np.abs(frame).max() for frame in frames) > 1000  # the fake microphone beeps
    await expect(page.get_by_role("status")).to_have_text("Listening")
    assert peer.subprotocols == ["realtime"]


async def test_both_sides_of_the_talk_are_written_down(page: Page, site: Any) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await peer.hear("item_1", site.names.FIRST)
    await peer.speak("item_2", f"Gladly. {site.names.HOSTILE}", seconds=0.3)
    lines = page.locator("#log li")
    await expect(lines).to_have_count(2)
    await expect(lines.nth(0)).to_have_class("caller")
    await expect(lines.nth(0).locator(".words")).to_have_text(site.names.FIRST)
    await expect(lines.nth(1).locator(".words")).to_have_text(f"Gladly. {site.names.HOSTILE}")
    assert await page.locator("#log script, #log img").count() == 0


async def test_the_state_follows_the_talk(page: Page, site: Any, until: Any) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await listened(page)
    status = page.get_by_role("status")
    await peer.send("input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=0)
    await expect(status).to_have_text("Hearing you")
    await peer.send("input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=9)
    await expect(status).to_have_text("Thinking")
    await peer.speak("item_2", "Here I am.", seconds=0.8)
    await until(page, HAS_SPOKEN)
    await expect(status).to_have_text("Listening")


async def test_speaking_over_the_agent_stops_it_and_tells_what_was_heard(
    page: Page, site: Any, until: Any
) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await peer.speak("item_2", "A very long answer that goes on and on.", seconds=60)
    await expect(page.get_by_role("status")).to_have_text(SPEAKS)
    await until(page, "document.getElementById('voice').value > 0.2")
    await peer.send("input_audio_buffer.speech_started", item_id="item_3", audio_start_ms=0)
    cut = (await peer.until("conversation.item.truncate"))[0]
    assert (cut["item_id"], cut["content_index"]) == ("item_2", 0)
    assert 0 < cut["audio_end_ms"] < 60_000
    await expect(page.locator('#log [data-item="item_2"] .badge')).to_have_text("cut off")
    await until(page, "document.getElementById('voice').value === 0")
    await peer.send(
        "response.output_audio.delta",
        item_id="item_2",
        content_index=0,
        response_id="r",
        delta=base64.b64encode(b"\0\x20" * 24_000).decode(),
    )
    await peer.send("input_audio_buffer.speech_stopped", item_id="item_3", audio_end_ms=9)
    await expect(page.get_by_role("status")).to_have_text("Thinking")


async def test_speech_after_the_answer_was_heard_in_full_truncates_nothing(
    page: Page, site: Any, until: Any
) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await listened(page)
    await peer.speak("item_2", "Yes.", seconds=0.8)
    await until(page, HAS_SPOKEN)
    await expect(page.get_by_role("status")).to_have_text("Listening")
    await peer.hear("item_3", "Thank you.")
    await expect(page.locator('#log [data-item="item_3"]')).to_contain_text("Thank you.")
    assert peer.sent("conversation.item.truncate") == []


async def test_typing_starts_a_call_without_a_microphone(page: Page, site: Any) -> None:
    await page.goto("/talk")
    await page.get_by_label("Type instead of speaking").fill("Where is my order?")
    await page.keyboard.press("Enter")
    peer = await site.peer()
    created = (await peer.until("conversation.item.create"))[0]
    await peer.until("response.create")
    assert created["item"]["content"] == [{"type": "input_text", "text": "Where is my order?"}]
    assert peer.sent("input_audio_buffer.append") == []
    await peer.send("conversation.item.added", item={"id": "item_1", **created["item"]})
    await expect(page.locator("#log li")).to_contain_text("Where is my order?")


async def test_typing_over_the_agent_cuts_it_off(page: Page, site: Any, until: Any) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await peer.speak("item_2", "A long answer.", seconds=60)
    await until(page, "document.getElementById('voice').value > 0.2")
    await page.get_by_label("Type instead of speaking").fill("Stop, please.")
    await page.get_by_role("button", name="Send").click()
    await peer.until("response.create")
    kinds = [e["type"] for e in peer.events if not e["type"].startswith("input_audio")]
    assert kinds[-3:] == [
        "conversation.item.truncate",
        "conversation.item.create",
        "response.create",
    ]


async def test_after_an_answer_the_agent_its_tools_and_times_stand_beside(
    page: Page, site: Any
) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await peer.speak("item_2", "Gladly.", seconds=0.2)
    aside = page.get_by_role("complementary")
    await expect(aside).to_contain_text("find_order")
    await expect(aside).to_contain_text("620 ms")
    link = aside.get_by_role("link", name="Open the trace")
    assert await link.get_attribute("href") == f"/traces/calls/{site.names.CALL}"
    call = site.names.CALL
    full = site.data.full[call]
    turn = {**full["turns"][-1], "agents": ["orders", "billing"], "latency_ms": None}
    site.data.full[call] = {**full, "turns": [*full["turns"], turn]}
    await peer.speak("item_4", "More.", seconds=20)
    await expect(aside.locator(".turnlist li").last).to_contain_text("–")
    done = {**turn, "latency_ms": 345}
    site.data.full[call] = {**full, "turns": [*full["turns"], done]}
    await expect(aside.locator(".turnlist li").last).to_contain_text("345 ms")


async def test_an_answer_that_follows_another_at_once_is_shown_as_spoken(
    page: Page, site: Any, until: Any
) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await listened(page)
    await peer.speak("item_2", "Gladly.", seconds=0.5)
    await peer.speak("item_4", "More.", seconds=3)
    shown = "document.getElementById('stage').dataset.phase"
    await until(page, f"{HAS_SPOKEN} && {shown} === 'speaking'")
    await expect(page.get_by_role("status")).to_have_text("Listening")


class Turn:
    """The spans of a turn, as the feed tells them."""

    def __init__(self, site: Any, trace_id: str) -> None:
        self.site, self.trace_id = site, trace_id
        self.span("root", "invoke_workflow support", "turn", parent=None)

    def span(
        self,
        span_id: str,
        name: str,
        stage: str,
        *,
        parent: str | None = "root",
        agent: str | None = None,
        seconds: float | None = None,
        **attributes: Any,
    ) -> None:
        now = time.time()
        where = {"call_id": self.site.names.CALL, "trace_id": self.trace_id}
        what = {"name": name, "stage": stage, "agent": agent, "error": None, "events": []}
        ids = {"span_id": span_id, "parent_id": parent, "attributes": attributes}
        end = None if seconds is None else now + seconds
        self.site.feed.send("span", {**where, **what, **ids, "start": now, "end": end})

    def clause(self, span_id: str, agent: str, seconds: float) -> None:
        spoken = {"voice.audio.duration": seconds}
        self.span(
            span_id, "text_to_speech tone", "text_to_speech", agent=agent, seconds=0.1, **spoken
        )


async def test_who_speaks_is_named_and_changes_where_the_other_agent_goes_on(
    page: Page, site: Any
) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await site.feed.joined.wait()
    status, by = page.get_by_role("status"), page.locator('#log [data-item="item_2"] .by')
    await peer.speak("item_2", "I pass you on. Orders here.", seconds=60)
    await expect(status).to_have_text("Speaking")  # nothing is known yet
    turn = Turn(site, "a" * 32)
    turn.span("s1", "invoke_agent frontdesk", "agent", agent="frontdesk")
    await expect(status).to_have_text("frontdesk speaks")
    turn.span("s2", "invoke_agent orders", "agent", agent="orders")
    turn.clause("s3", "frontdesk", 0.0)
    turn.clause("s4", "orders", 59.9)
    await expect(status).to_have_text("orders speaks")
    await expect(by).to_have_text("frontdesk → orders")


async def test_the_trace_of_the_turn_grows_beside_the_talk(page: Page, site: Any) -> None:
    await started(page, site)
    await site.feed.joined.wait()
    turn = Turn(site, "b" * 32)
    rows = page.get_by_role("list", name="What the turn is made of").get_by_role("listitem")
    turn.span("s1", "invoke_agent orders", "agent", agent="orders")
    turn.span("s2", "run support", "step", parent="s1")
    turn.span("s3", "execute_tool find_order", "tools", parent="s2")
    await expect(rows).to_have_count(2)  # brackets are left out
    await expect(rows.nth(1)).to_contain_text("execute tool find_order")
    await expect(rows.nth(1)).to_contain_text("…")
    turn.span("s3", "execute_tool find_order", "tools", parent="s2", seconds=0.25)
    await expect(rows.nth(1)).to_contain_text("250 ms")
    turn.span("s4", f"guardrail {site.names.HOSTILE}", "guardrail", seconds=0.1)
    await expect(rows.nth(2)).to_contain_text("guardrail")
    Turn(site, "c" * 32).span("s1", "invoke_agent advice", "agent", agent="advice")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("advice")


async def test_mute_sends_silence(page: Page, site: Any) -> None:
    peer = await started(page, site)
    await peer.until("input_audio_buffer.append", 5)
    await page.get_by_role("button", name="Mute").click()
    await expect(page.get_by_role("button", name="Unmute")).to_be_visible()
    await page.get_by_label("Type instead of speaking").fill("Now I am muted.")
    await page.keyboard.press("Enter")  # what was on its way before comes before it
    [typed] = await peer.until("conversation.item.create")
    before = len(peer.sent("input_audio_buffer.append"))
    await peer.until("input_audio_buffer.append", before + 80)
    later = peer.events[peer.events.index(typed) :]
    frames = [event["audio"] for event in later if event["type"] == "input_audio_buffer.append"]
    assert len(frames) >= 80
    assert not any(any(base64.b64decode(frame)) for frame in frames)


async def test_a_refused_microphone_is_explained_and_text_still_works(
    page: Page, site: Any
) -> None:
    await page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () =>"
        " Promise.reject(new DOMException('no', 'NotAllowedError'));"
    )
    peer = await started(page, site)
    await expect(page.get_by_role("alert")).to_contain_text("Allow it beside the address")
    await page.get_by_label("Type instead of speaking").fill("Hello?")
    await page.keyboard.press("Enter")
    await peer.until("response.create")


async def test_a_lost_connection_is_told_and_can_be_mended(page: Page, site: Any) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await peer.socket.close(1011, "server restarts")
    await expect(page.get_by_role("alert")).to_contain_text("server restarts")
    await expect(page.get_by_role("status")).to_have_text("Not connected")
    await page.get_by_role("button", name="Start").click()
    again = await site.peer()
    await again.until("session.update")
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_connection_that_broke_is_made_again_where_it_was(page: Page, site: Any) -> None:
    site.token = "sess_1.secret"
    peer = await started(page, site)
    await peer.until("session.update")
    await peer.hear("u1", "Where is my order?")
    await peer.send("response.created", response={"id": "resp_1", "status": "in_progress"})
    said = {"item_id": "a1", "content_index": 0, "response_id": "resp_1"}
    await peer.send("response.output_audio_transcript.delta", delta="It is ", **said)
    await expect(page.get_by_role("log")).to_contain_text("It is")
    seen = peer.last
    site.closed.set()  # the server is away for a while
    await peer.socket.close(1012, "restart")
    await expect(page.get_by_role("status")).to_have_text("Connection lost")
    site.closed.clear()
    back = await site.peer()
    assert back.query["resume"] == "sess_1.secret"
    assert back.query["after"] == seen
    await back.send("response.output_audio_transcript.delta", delta="on its way.", **said)
    await back.send("response.done", response={"id": "resp_1", "status": "completed"})
    await expect(page.get_by_text("It is on its way.")).to_be_visible()
    await expect(page.get_by_text("The call goes on.")).to_be_visible()
    await expect(page.get_by_role("status")).to_have_text("Listening")
    await back.until("input_audio_buffer.append")  # the microphone is still open
    assert back.sent("session.update") == []
    await page.get_by_role("button", name="End call").click()
    await back.gone.wait()


async def test_a_call_that_went_on_elsewhere_is_not_taken_back(page: Page, site: Any) -> None:
    site.token = "sess_1.secret"
    peer = await started(page, site)
    await peer.socket.close(4001, "the call goes on at another connection")
    await expect(page.get_by_role("alert")).to_contain_text("at another connection")
    await expect(page.get_by_role("status")).to_have_text("Not connected")


async def test_a_server_error_is_shown_and_the_call_goes_on(page: Page, site: Any) -> None:
    peer = await started(page, site)
    await peer.until("session.update")
    await peer.send("error", error={"type": "server_error", "message": "The model is down."})
    await expect(page.get_by_role("alert")).to_have_text("The model is down.")
    await expect(page.get_by_role("status")).to_have_text("Listening")


async def test_ending_the_call_closes_socket_and_microphone(page: Page, site: Any) -> None:
    peer = await started(page, site)
    await peer.until("input_audio_buffer.append", 3)
    await page.get_by_role("button", name="End call").click()
    await peer.gone.wait()
    await expect(page.get_by_role("status")).to_have_text("Ready")
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_it_fits_the_width_of_a_phone(page: Page, site: Any) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in (
        "/talk",
        "/traces",
        f"/traces/calls/{site.names.CALL}#trace={site.names.TURNS[2]}",
    ):
        await page.goto(path)
        await page.wait_for_load_state("networkidle") if "calls" in path else None
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
