import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.audio import AUDIBLE
from frontdesk.voice.base import INPUT_RATE, Samples, SpeechError, Transcript
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.instant.speech import InstantSpeech
from frontdesk.voice.instant.transcription import InstantTranscriber
from frontdesk.voice.instant.turns import AlwaysFinished
from frontdesk.voice.listener import Listener
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.segment import (
    ListenerEvent,
    Segment,
    SpeechStarted,
    SpeechStopped,
    TurnLikely,
    TurnWentOn,
)

MS = INPUT_RATE // 1000
SERVER_VAD = {"type": "server_vad", "silence_duration_ms": 500, "create_response": True}
SEMANTIC_VAD = {"type": "semantic_vad", "eagerness": "auto"}


class Transcriber:
    """Counts what is asked of it; each transcript waits for ``release``."""

    name = "counting"

    def __init__(self, *, fails: int = 0) -> None:
        self.asked: list[int] = []
        self.done: list[int] = []
        self.closed = 0
        self.release = asyncio.Event()
        self.fails = fails
        self.opened: list[tuple[str | None, str | None]] = []
        self.pushed: list[int] = []

    def stream(self, *, language: str | None = None, prompt: str | None = None) -> "Stream":
        self.opened.append((language, prompt))
        return Stream(self)

    async def warm_up(self) -> None: ...


class Stream:
    def __init__(self, owner: Transcriber) -> None:
        self.owner, self.length = owner, 0

    def push(self, samples: Samples) -> None:
        self.length += len(samples)
        self.owner.pushed.append(len(samples) // MS)

    async def transcript(self) -> Transcript:
        self.owner.asked.append(self.length)
        await self.owner.release.wait()
        if self.owner.fails:
            self.owner.fails -= 1
            raise SpeechError("no words today")
        self.owner.done.append(self.length)
        return Transcript(f"{self.length // MS} ms", self.length / INPUT_RATE)

    async def aclose(self) -> None:
        self.owner.closed += 1


class Ear:
    """A listener with its events, fed in 20 ms chunks."""

    def __init__(self, detection, *, stt=None, end_of_turn=None, activity=None, **options) -> None:
        self.events: list[ListenerEvent] = []
        stt = stt or InstantTranscriber()
        make = EnergyActivity if activity is None else lambda: activity
        models = VoiceModels(stt, InstantSpeech(), make, end_of_turn)
        self.listener = Listener(models, detection, self.events.append, **options)

    async def hear(self, samples: Samples, chunk_ms: int = 20) -> None:
        for at in range(0, len(samples), chunk_ms * MS):
            self.listener.push(samples[at : at + chunk_ms * MS])
            await asyncio.sleep(0)
        await settle()

    @property
    def turns(self) -> list[SpeechStarted | SpeechStopped]:
        return [e for e in self.events if isinstance(e, SpeechStarted | SpeechStopped)]

    @property
    def guesses(self) -> list[TurnLikely | TurnWentOn]:
        return [e for e in self.events if isinstance(e, TurnLikely | TurnWentOn)]

    @property
    def segments(self) -> list[Segment]:
        return [event.segment for event in self.events if isinstance(event, SpeechStopped)]


class Judge:
    """Says these probabilities in turn, the last one for good."""

    name = "scripted"

    def __init__(self, *says: float) -> None:
        self.says = [*says]
        self.heard_ms: list[int] = []

    async def probability(self, speech: Samples) -> float:
        self.heard_ms.append(len(speech) // MS)
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    async def warm_up(self) -> None: ...


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


Sound = Callable[..., Samples]


async def test_a_spoken_turn_is_one_start_one_stop_and_a_transcript(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    await ear.hear(sound("hush 500", "talk 2000", "hush 800"))
    started, stopped = ear.turns
    assert isinstance(started, SpeechStarted)
    assert abs(started.start_ms - 200) <= 32
    assert isinstance(stopped, SpeechStopped)
    assert abs(stopped.end_ms - 3000) <= 64
    segment = stopped.segment
    assert (segment.start_ms, segment.end_ms) == (started.start_ms, stopped.end_ms)
    assert len(segment.audio) == (segment.end_ms - segment.start_ms) * MS
    assert (await segment.transcript).text == "two seconds of speech"


async def test_the_transcriber_listens_along_while_somebody_speaks(sound: Sound) -> None:
    ear, words = Ear(SERVER_VAD, stt=(stt := Transcriber())), sound("hush 500", "talk 2000")
    await ear.hear(words)
    assert len(stt.pushed) >= 8
    assert max(stt.pushed[1:]) < 260
    await ear.hear(sound("hush 200"))
    before = [*stt.pushed]
    await ear.hear(sound("hush 240"))
    assert stt.pushed == before
    await ear.listener.aclose()


async def test_the_segment_holds_the_samples_of_its_times(sound: Sound) -> None:
    heard = sound("hush 700", "talk 1000", "hush 700")
    ear = Ear(SERVER_VAD)
    await ear.hear(heard, chunk_ms=7)
    (segment,) = ear.segments
    assert np.array_equal(segment.audio, heard[segment.start_ms * MS : segment.end_ms * MS])


async def test_a_sure_model_ends_the_turn_long_before_silence_would(sound: Sound) -> None:
    ear = Ear(SEMANTIC_VAD, end_of_turn=AlwaysFinished())
    await ear.hear(sound("hush 500", "talk 1000", "hush 400"))
    (segment,) = ear.segments
    assert segment.reason == "model"
    assert segment.eot_probability is not None
    assert segment.eot_probability > 0.7
    assert segment.waited_ms <= 256


async def test_the_model_hears_the_turn_up_to_the_pause(sound: Sound) -> None:
    judge = Judge(0.0)
    ear = Ear({**SEMANTIC_VAD, "prefix_padding_ms": 0}, end_of_turn=judge)
    await ear.hear(sound("hush 500", "talk 1000", "hush 200", "talk 9000", "hush 200"))
    assert 1100 <= judge.heard_ms[0] <= 1200
    assert judge.heard_ms[1] == 8000


async def test_a_model_that_breaks_leaves_the_end_to_silence(sound: Sound) -> None:
    class Broken(AlwaysFinished):
        async def probability(self, speech: Samples) -> float:
            raise SpeechError("broken")

    ear = Ear(SEMANTIC_VAD, end_of_turn=Broken())
    await ear.hear(sound("hush 500", "talk 1000", "hush 900"))
    (segment,) = ear.segments
    assert segment.reason == "silence"
    assert abs(segment.waited_ms - 704) <= 32


async def test_a_detector_that_breaks_is_replaced_by_loudness(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)

    def broken(_: Samples) -> float:
        raise RuntimeError("bad weights")

    broken.window = 512
    ear.listener._activity = broken
    await ear.hear(sound("hush 500", "talk 1000", "hush 900"))
    assert len(ear.segments) == 1


async def test_transcription_begins_in_the_pause_and_is_used_when_the_turn_ends(
    sound: Sound,
) -> None:
    stt = Transcriber()
    ear = Ear(SERVER_VAD, stt=stt)
    await ear.hear(sound("hush 500", "talk 1000", "hush 350"))
    assert len(stt.asked) == 1
    assert ear.segments == []
    stt.release.set()
    await ear.hear(sound("hush 300"))
    (segment,) = ear.segments
    assert segment.speculated
    assert len(stt.asked) == 1
    assert (await segment.transcript).text == f"{stt.asked[0] // MS} ms"
    await settle()
    assert stt.closed == 1


async def test_transcription_is_dropped_when_the_caller_goes_on(sound: Sound) -> None:
    stt = Transcriber()
    ear = Ear(SERVER_VAD, stt=stt)
    await ear.hear(sound("hush 500", "talk 1000", "hush 350", "talk 500"))
    stt.release.set()
    await ear.hear(sound("hush 700"))
    (segment,) = ear.segments
    first, whole = stt.asked
    assert stt.done == [whole]
    assert whole > first + 500 * MS
    assert (await segment.transcript).seconds == whole / INPUT_RATE


async def test_a_failed_guess_is_tried_again_at_the_end(sound: Sound) -> None:
    stt = Transcriber(fails=1)
    stt.release.set()
    ear = Ear(SERVER_VAD, stt=stt)
    await ear.hear(sound("hush 500", "talk 1000", "hush 700"))
    (segment,) = ear.segments
    assert not segment.speculated
    assert (await segment.transcript).text


async def test_a_transcriber_that_fails_is_an_error_of_the_transcript_alone(sound: Sound) -> None:
    stt = Transcriber(fails=9)
    stt.release.set()
    ear = Ear(SERVER_VAD, stt=stt)
    await ear.hear(sound("hush 500", "talk 1000", "hush 700"))
    (segment,) = ear.segments
    with pytest.raises(SpeechError, match="no words today"):
        await segment.transcript
    await ear.hear(sound("talk 1000", "hush 700"))
    assert len(ear.segments) == 2


async def test_a_likely_end_is_told_before_it_is_sure_with_the_words_on_their_way(
    sound: Sound,
) -> None:
    stt = Transcriber()
    ear = Ear(SERVER_VAD, stt=stt)
    await ear.hear(sound("hush 500", "talk 1000", "hush 350"))
    (likely,) = ear.guesses
    assert isinstance(likely, TurnLikely)
    assert likely.end_ms * MS == stt.asked[0] + ear.turns[0].start_ms * MS
    stt.release.set()
    await ear.hear(sound("hush 300"))
    (segment,) = ear.segments
    assert segment.guess == likely.guess
    assert await likely.transcript is await segment.transcript
    assert ear.guesses == [likely]


async def test_a_caller_who_goes_on_makes_the_guess_void_and_the_next_has_a_new_number(
    sound: Sound,
) -> None:
    ear = Ear(SEMANTIC_VAD, stt=Transcriber(), end_of_turn=Judge(0.6, 0.99))
    await ear.hear(sound("hush 500", "talk 1000", "hush 180", "talk 500", "hush 400"))
    first, void, second = ear.guesses
    assert isinstance(first, TurnLikely)
    assert isinstance(second, TurnLikely)
    assert void == TurnWentOn(first.guess)
    assert first.transcript.cancelled()
    assert second.guess != first.guess
    assert [segment.guess for segment in ear.segments] == [second.guess]


async def test_a_pause_that_is_probably_none_is_no_likely_end_until_it_lasts(sound: Sound) -> None:
    patient = {"type": "semantic_vad", "eagerness": "low"}
    ear = Ear(patient, end_of_turn=Judge(0.1))
    await ear.hear(sound("hush 500", "talk 1000", "hush 300"))
    assert ear.guesses == []
    await ear.hear(sound("hush 200"))
    (likely,) = ear.guesses
    assert isinstance(likely, TurnLikely)
    assert ear.segments == []
    await ear.hear(sound("hush 400"))
    (segment,) = ear.segments
    assert segment.guess == likely.guess


async def test_words_that_failed_make_the_guess_void_before_the_turn_stops(sound: Sound) -> None:
    stt = Transcriber(fails=1)
    stt.release.set()
    ear = Ear(SERVER_VAD, stt=stt)
    await ear.hear(sound("hush 500", "talk 1000", "hush 700"))
    (likely, void), (segment,) = ear.guesses, ear.segments
    assert void == TurnWentOn(likely.guess)
    assert ear.events.index(void) < ear.events.index(ear.turns[1])
    assert segment.guess is None


@pytest.mark.parametrize("how", ["commit", "clear", "off"])
async def test_a_guess_does_not_outlive_its_turn(sound: Sound, how: str) -> None:
    ear = Ear(SERVER_VAD)
    await ear.hear(sound("hush 500", "talk 1000", "hush 350"))
    if how == "commit":
        segment = ear.listener.commit()
        assert segment is not None
        assert segment.guess is None
    elif how == "clear":
        ear.listener.clear()
    else:
        ear.listener.configure(None)
    assert [type(event) for event in ear.guesses] == [TurnLikely, TurnWentOn]


async def test_push_to_talk_has_no_events_and_commit_takes_all(sound: Sound) -> None:
    ear = Ear(None)
    heard = sound("hush 100", "talk 900", "hush 1000")
    await ear.hear(heard)
    segment = ear.listener.commit()
    assert ear.events == []
    assert segment is not None
    assert segment.reason == "commit"
    assert np.array_equal(segment.audio, heard)
    assert (await segment.transcript).text == "two seconds of speech"
    assert ear.listener.commit() is None
    await ear.hear(sound("talk 1000"))
    again = ear.listener.commit()
    assert again is not None
    assert (again.start_ms, again.end_ms) == (2000, 3000)


async def test_commit_ends_a_running_turn_without_a_stop_event(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    await ear.hear(sound("hush 500", "talk 1000"))
    segment = ear.listener.commit()
    assert segment is not None
    assert segment.start_ms == ear.events[0].start_ms
    await ear.hear(sound("hush 1000"))
    assert len(ear.events) == 1


async def test_clear_forgets_the_audio_and_the_turn(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    await ear.hear(sound("hush 500", "talk 1000"))
    ear.listener.clear()
    assert not ear.listener.speaking
    assert ear.listener.commit() is None
    await ear.hear(sound("hush 1000", "talk 500", "hush 700"))
    assert [type(event) for event in ear.turns] == [SpeechStarted, SpeechStarted, SpeechStopped]
    assert ear.segments[0].start_ms >= 1500


async def test_detection_can_be_turned_off_and_on_within_a_call(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    ear.listener.configure(None)
    await ear.hear(sound("talk 1000", "hush 1000"))
    assert ear.events == []
    ear.listener.configure({"type": "server_vad", "silence_duration_ms": 200})
    await ear.hear(sound("hush 500", "talk 500", "hush 300"))
    assert [type(event) for event in ear.turns] == [SpeechStarted, SpeechStopped]


async def test_a_bad_rule_is_named_and_changes_nothing(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    with pytest.raises(ValueError, match="threshold"):
        ear.listener.configure({"type": "server_vad", "threshold": 7})
    await ear.hear(sound("hush 500", "talk 500", "hush 600"))
    assert len(ear.segments) == 1


async def test_language_and_prompt_reach_the_transcriber(sound: Sound) -> None:
    stt = Transcriber()
    ear = Ear(SERVER_VAD, stt=stt, language="ko", prompt="names")
    await ear.hear(sound("hush 500", "talk 500"))
    ear.listener.language = "ja"
    await ear.hear(sound("hush 700", "talk 500"))
    assert stt.opened == [("ko", "names"), ("ja", "names")]
    await ear.listener.aclose()


async def test_a_minute_in_one_chunk_lets_other_tasks_run(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    talk = sound("hush 500", *["talk 2000", "hush 700"] * 20)
    ear.listener.push(talk)
    assert len(ear.events) < 4
    turns = 0
    while len(ear.segments) < 20:
        await asyncio.sleep(0)
        turns += 1
    assert turns > 20


async def test_a_stream_far_ahead_of_real_time_is_held_up(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    ear.listener.push(sound("hush 60000"))
    held = asyncio.create_task(ear.listener.caught_up())
    await asyncio.sleep(0)
    assert not held.done()
    await held
    ear.listener.push(sound("hush 500"))
    async with asyncio.timeout(0):  # not ahead any more: nothing to wait for
        await ear.listener.caught_up()
    await ear.listener.aclose()


async def test_endless_silence_keeps_memory_small(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    hush = sound("hush 1000")
    for _ in range(300):
        await ear.hear(hush, chunk_ms=200)
    buffer = ear.listener._buffer
    assert buffer.end == 300 * INPUT_RATE
    assert buffer.end - buffer.start < INPUT_RATE


async def test_push_to_talk_keeps_the_last_two_minutes(sound: Sound) -> None:
    ear = Ear(None)
    for _ in range(130):
        ear.listener.push(sound("talk 1000"))
    segment = ear.listener.commit()
    assert segment is not None
    assert (segment.start_ms, segment.end_ms) == (10_000, 130_000)


async def test_closing_stops_transcripts_under_way(sound: Sound) -> None:
    stt = Transcriber()
    ear = Ear(SERVER_VAD, stt=stt)
    await ear.hear(sound("hush 500", "talk 1000", "hush 700"))
    (segment,) = ear.segments
    await ear.listener.aclose()
    assert segment.transcript.cancelled()
    assert stt.closed == 1


async def test_closing_in_the_middle_of_a_turn_closes_its_stream(sound: Sound) -> None:
    stt = Transcriber()
    ear = Ear(SERVER_VAD, stt=stt)
    await ear.hear(sound("hush 500", "talk 1000"))
    await ear.listener.aclose()
    assert stt.closed == 1
    assert stt.asked == []


PARTS = st.lists(
    st.tuples(st.sampled_from(["talk", "hush"]), st.integers(20, 1500)), min_size=1, max_size=8
)


@settings(deadline=None, max_examples=40)
@given(PARTS, st.sampled_from([SERVER_VAD, SEMANTIC_VAD]), st.integers(5, 400))
def test_segments_are_the_audio_at_their_times_in_order(parts, detection, chunk_ms) -> None:
    async def run() -> None:
        noise = np.random.default_rng(3)
        levels = [(0.2 if kind == "talk" else 0.0004, ms) for kind, ms in parts]
        heard = np.concatenate([noise.normal(0, level, ms * MS) for level, ms in levels])
        heard = (np.rint(heard * 32768) / 32768).astype(np.float32)
        ear = Ear(TurnDetection(**{k: v for k, v in detection.items() if k != "create_response"}))
        await ear.hear(heard, chunk_ms)
        expected = [SpeechStarted, SpeechStopped] * (len(ear.turns) // 2 + 1)
        assert [type(event) for event in ear.turns] == expected[: len(ear.turns)]
        last = 0
        for segment in ear.segments:
            assert last <= segment.start_ms < segment.end_ms
            assert np.array_equal(segment.audio, heard[segment.start_ms * MS : segment.end_ms * MS])
            last = segment.end_ms
        await ear.listener.aclose()

    asyncio.run(run())


async def test_the_wait_counts_from_the_last_sound_that_can_be_heard(sound: Sound) -> None:
    class Lingering(EnergyActivity):
        """Still hears a voice for 60 ms more than there is one."""

        def __call__(self, window: Samples) -> float:
            self.recent = [*getattr(self, "recent", ())[-2:], super().__call__(window)]
            return max(self.recent)

    ear = Ear(SERVER_VAD)
    ear.listener._activity = Lingering()
    await ear.hear(sound("hush 500", "talk 1000", "hush 900"))
    (segment,) = ear.segments
    spoken = np.flatnonzero(np.abs(segment.audio) >= AUDIBLE)[-1] + 1
    assert segment.waited_ms == pytest.approx((len(segment.audio) - spoken) / MS, abs=1)


class Shared(EnergyActivity):
    """Voice activity that answers when the test says so, as one that many calls share."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Samples, asyncio.Future[float]]] = []

    def soon(self, window: Samples, *, late: bool = False) -> asyncio.Future[float]:
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.asked.append((window, future))
        self.late = late
        return future

    def answer(self) -> None:
        waiting, self.asked = self.asked, []
        for window, future in waiting:
            if not future.cancelled():
                future.set_result(self(window))


async def hear_together(ear: Ear, shared: Shared, samples: Samples) -> None:
    for at in range(0, len(samples), 20 * MS):
        ear.listener.push(samples[at : at + 20 * MS])
        shared.answer()
        await settle()


@pytest.fixture
def shared() -> Shared:
    return Shared()


@pytest.fixture
def sharing(shared: Shared) -> Ear:
    return Ear(SERVER_VAD, activity=shared)


async def test_shared_activity_finds_the_turn_that_its_own_would(
    sound: Sound, sharing: Ear, shared: Shared
) -> None:
    heard = sound("hush 500", "talk 2000", "hush 800")
    alone = Ear(SERVER_VAD)
    await alone.hear(heard)
    await hear_together(sharing, shared, heard)
    (one,), (other,) = alone.segments, sharing.segments
    assert (one.start_ms, one.end_ms) == (other.start_ms, other.end_ms)


async def test_a_recording_is_not_held_up_for_the_sake_of_others(
    sound: Sound, sharing: Ear, shared: Shared
) -> None:
    sharing.listener.push(sound("hush 300", "talk 3500"))
    assert [type(event) for event in sharing.turns] == [SpeechStarted]
    assert len(shared.asked) == 1
    while shared.asked:  # the last three seconds
        shared.answer()
        await settle()
    assert sharing.listener._seen + 512 > sharing.listener._buffer.end


async def test_sound_that_is_late_is_heard_with_what_is_there_and_waits_for_no_other(
    sound: Sound, sharing: Ear, shared: Shared
) -> None:
    sharing.listener.push(sound("hush 300", "talk 500"))
    lateness: list[bool] = []
    while shared.asked:
        lateness.append(shared.late)
        shared.answer()
        await settle()
    assert lateness == [True] * 17 + [False] * 8
    assert [type(event) for event in sharing.turns] == [SpeechStarted]


async def test_an_answer_about_audio_that_was_cleared_is_dropped(
    sound: Sound, sharing: Ear, shared: Shared
) -> None:
    await hear_together(sharing, shared, sound("hush 512", "talk 32"))
    sharing.listener.push(sound("talk 32"))
    assert shared.asked
    sharing.listener.clear()
    shared.answer()
    await settle()
    assert sharing.events == []
    await hear_together(sharing, shared, sound("hush 500", "talk 500", "hush 700"))
    assert [type(event) for event in sharing.turns] == [SpeechStarted, SpeechStopped]


async def test_shared_activity_that_breaks_is_replaced_by_loudness(
    sound: Sound, sharing: Ear, shared: Shared
) -> None:
    sharing.listener.push(sound("hush 40"))
    ((_, future),) = shared.asked
    future.set_exception(RuntimeError("bad weights"))
    await settle()
    await sharing.hear(sound("hush 500", "talk 1000", "hush 900"))
    assert len(sharing.segments) == 1


async def test_nothing_is_asked_once_the_listener_is_closed(
    sound: Sound, sharing: Ear, shared: Shared
) -> None:
    sharing.listener.push(sound("talk 40"))
    await sharing.listener.aclose()
    assert all(future.cancelled() for _, future in shared.asked)


async def test_sound_may_come_in_larger_pieces_while_nobody_speaks(sound: Sound) -> None:
    ear = Ear(SERVER_VAD)
    await ear.hear(sound("hush 320"))
    assert ear.listener.wants_ms == 64
    ear.listener.lookout.interrupts = lambda: True
    assert ear.listener.wants_ms <= 32
    ear.listener.lookout.interrupts = lambda: False
    await ear.hear(sound("talk 320"))
    assert ear.listener.speaking
    assert ear.listener.wants_ms <= 32
