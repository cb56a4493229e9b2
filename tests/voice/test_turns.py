import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.desk.schema import TurnDetection
from frontdesk.voice.turns import (
    LONGEST_MS,
    LONGEST_TURN_MS,
    WINDOW_MS,
    Ask,
    Decision,
    Ended,
    Paused,
    Resumed,
    Started,
    TurnDetector,
    required_silence_ms,
)

SILENCE_RULE = TurnDetection(type="server_vad", silence_duration_ms=500)
MODEL_RULE = TurnDetection(type="semantic_vad")


def run(detector: TurnDetector, *stretches: tuple[float, int], says: float | None = None):
    """Feed (probability, ms) stretches; the model answers each question at once with ``says``."""
    decisions: list[Decision] = []
    for probability, ms in stretches:
        for _ in range(ms // WINDOW_MS):
            new = detector.push(probability)
            for ask in [d for d in new if isinstance(d, Ask)]:
                new += detector.answer(ask, says)
            decisions += new
    return decisions


def of(kind, decisions):
    return [d for d in decisions if isinstance(d, kind)]


def test_a_click_of_one_window_begins_nothing() -> None:
    assert run(TurnDetector(SILENCE_RULE, model=False), (0.1, 320), (0.9, 32), (0.1, 640)) == []


def test_a_turn_begins_after_two_windows_with_the_padding_taken_off() -> None:
    decisions = run(TurnDetector(SILENCE_RULE, model=False), (0.1, 640), (0.9, 64))
    assert decisions == [Started(340)]


def test_padding_never_reaches_before_the_audio_or_into_the_last_turn() -> None:
    detector = TurnDetector(SILENCE_RULE, model=False)
    decisions = run(detector, (0.9, 320), (0.0, 512), (0.9, 320))
    starts, ends = of(Started, decisions), of(Ended, decisions)
    assert starts[0].start_ms == 0
    assert starts[1].start_ms == ends[0].end_ms


def test_server_vad_ends_a_turn_after_its_silence() -> None:
    decisions = run(TurnDetector(SILENCE_RULE, model=True), (0.9, 320), (0.1, 480))
    assert of(Ended, decisions) == []
    detector = TurnDetector(SILENCE_RULE, model=True)
    decisions = run(detector, (0.9, 320), (0.1, 512))
    assert of(Ended, decisions) == [Ended(832, 512, "silence")]
    assert of(Ask, decisions) == []


def test_server_vad_says_when_a_pause_is_likely_the_end() -> None:
    decisions = run(TurnDetector(SILENCE_RULE, model=False), (0.9, 320), (0.1, 512))
    assert of(Paused, decisions) == [Paused(320 + 256)]


def test_probabilities_between_the_thresholds_keep_speech_going_but_do_not_begin_it() -> None:
    detector = TurnDetector(SILENCE_RULE, model=False)
    assert run(detector, (0.45, 960)) == []
    assert of(Ended, run(detector, (0.9, 96), (0.45, 3200))) == []


def test_a_finished_sentence_ends_the_turn_soon() -> None:
    decisions = run(TurnDetector(MODEL_RULE, model=True), (0.9, 640), (0.1, 640), says=0.99)
    assert of(Ask, decisions) == [Ask(1, 768)]
    assert of(Ended, decisions) == [Ended(864, 224, "model", 0.99)]


@pytest.mark.parametrize("eagerness", ["low", "medium", "high", "auto"])
def test_an_unfinished_sentence_waits_as_long_as_eagerness_says(eagerness: str) -> None:
    rules = TurnDetection(type="semantic_vad", eagerness=eagerness)
    decisions = run(TurnDetector(rules, model=True), (0.9, 640), (0.1, 9_000), says=0.0)
    (ended,) = of(Ended, decisions)
    assert ended.reason == "wait"
    assert 0 <= ended.waited_ms - LONGEST_MS[eagerness] < WINDOW_MS
    assert len(of(Ask, decisions)) >= 4


def test_the_model_is_asked_again_as_the_silence_grows() -> None:
    detector, asks = TurnDetector(MODEL_RULE, model=True), []
    run(detector, (0.9, 640))
    for _ in range(12):
        for ask in of(Ask, detector.push(0.1)):
            asks.append(ask)
            answered = detector.answer(ask, 0.1 if len(asks) == 1 else 0.95)
    assert [ask.at_ms - 640 for ask in asks] == [128, 384]
    assert answered == [Ended(1024, 384, "model", 0.95)]


def test_going_on_after_a_pause_drops_the_answer_to_it() -> None:
    detector = TurnDetector(MODEL_RULE, model=True)
    decisions = run(detector, (0.9, 320))
    for _ in range(4):
        decisions = detector.push(0.1)
    (ask,) = of(Ask, decisions)
    assert detector.push(0.9) == [Resumed()]
    assert detector.answer(ask, 1.0) == []
    assert detector.start_ms is not None


@pytest.mark.parametrize(("model", "says"), [(False, None), (True, None)])
def test_without_an_answer_silence_decides(model: bool, says: float | None) -> None:
    decisions = run(TurnDetector(MODEL_RULE, model=model), (0.9, 640), (0.1, 960), says=says)
    assert of(Ended, decisions) == [Ended(640 + 704, 704, "silence", None)]


def test_a_model_that_never_answers_does_not_hold_up_the_turn() -> None:
    detector = TurnDetector(MODEL_RULE, model=True)
    decisions = [d for p in [0.9] * 20 + [0.1] * 30 for d in detector.push(p)]
    assert of(Ended, decisions) == [Ended(640 + 704, 704, "silence", None)]


def test_a_turn_is_cut_at_its_greatest_length_and_speech_goes_on_in_a_new_one() -> None:
    decisions = run(TurnDetector(MODEL_RULE, model=True), (0.9, LONGEST_TURN_MS + 960))
    (ended,) = of(Ended, decisions)
    assert ended.reason == "length"
    assert of(Started, decisions)[1].start_ms == ended.end_ms


def test_new_rules_hold_in_the_middle_of_a_turn() -> None:
    detector = TurnDetector(MODEL_RULE, model=True)
    run(detector, (0.9, 320), (0.1, 96))
    detector.rules = TurnDetection(type="server_vad", silence_duration_ms=200)
    assert of(Ended, run(detector, (0.1, 128))) == [Ended(544, 224, "silence")]


def test_forgetting_ends_a_turn_without_a_word() -> None:
    detector = TurnDetector(SILENCE_RULE, model=False)
    run(detector, (0.9, 320))
    detector.forget()
    assert run(detector, (0.1, 960)) == []


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(list(LONGEST_MS)))
def test_the_surer_the_model_the_shorter_the_wait(one: float, other: float, eager: str) -> None:
    less, more = sorted((one, other))
    assert required_silence_ms(more, eager) <= required_silence_ms(less, eager)
    assert 224 <= required_silence_ms(more, eager) <= LONGEST_MS[eager]


RULES = st.builds(
    TurnDetection,
    type=st.sampled_from(["server_vad", "semantic_vad"]),
    threshold=st.floats(0, 1),
    prefix_padding_ms=st.integers(0, 2000),
    silence_duration_ms=st.integers(100, 2000),
    eagerness=st.sampled_from(list(LONGEST_MS)),
)
STRETCHES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), st.integers(1, 60)), max_size=30
)


@given(RULES, STRETCHES, st.booleans(), st.lists(st.none() | st.floats(0, 1)), st.data())
def test_turns_alternate_and_never_overlap(rules, stretches, model, answers, data) -> None:
    detector, open_asks, events = TurnDetector(rules, model=model), [], []
    answer = iter(answers)
    for probability, windows in stretches:
        for _ in range(windows):
            decisions = detector.push(probability)
            open_asks += of(Ask, decisions)
            if open_asks and data.draw(st.booleans()):
                decisions += detector.answer(open_asks.pop(0), next(answer, None))
            events += [(detector.now_ms, d) for d in decisions]
    last_end, running = 0, None
    for now, decision in events:
        if isinstance(decision, Started):
            assert running is None
            assert last_end <= decision.start_ms < now
            running = decision.start_ms
        elif isinstance(decision, Ended):
            assert running is not None
            assert running < decision.end_ms == now
            assert 0 <= decision.waited_ms <= decision.end_ms - running
            last_end, running = now, None
        else:
            assert running is not None
