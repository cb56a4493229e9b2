import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.finished import LONGEST_MS, SHORTEST_MS, SILENCE_MS
from frontdesk.voice.turns import (
    LONGEST_TURN_MS,
    WINDOW_MS,
    Ask,
    Decision,
    Ended,
    Likely,
    Paused,
    Resumed,
    Started,
    TurnDetector,
)
from frontdesk.voice.wording import Wording

SILENCE_RULE = TurnDetection(type="server_vad", silence_duration_ms=500)
MODEL_RULE = TurnDetection(type="semantic_vad")


def run(
    detector: TurnDetector,
    *stretches: tuple[float, int],
    says: float | None = None,
    words: Wording | None = None,
):
    """Feed (probability, ms) stretches; the model answers each question at once with ``says``, and
    the words of each pause are known at once."""
    decisions: list[Decision] = []
    for probability, ms in stretches:
        for _ in range(ms // WINDOW_MS):
            new = detector.push(probability)
            for paused in of(Paused, new):
                new += detector.read(paused, words)
            for ask in of(Ask, new):
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


def test_server_vad_says_early_that_a_pause_is_likely_the_end() -> None:
    rules = TurnDetection(type="server_vad", silence_duration_ms=800)
    decisions = run(TurnDetector(rules, model=False), (0.9, 320), (0.1, 768))
    assert of(Paused, decisions) == [Paused(1, 320 + 416)]
    assert of(Likely, decisions) == [Likely(320 + 416, None)]


def test_probabilities_between_the_thresholds_keep_speech_going_but_do_not_begin_it() -> None:
    detector = TurnDetector(SILENCE_RULE, model=False)
    assert run(detector, (0.45, 960)) == []
    assert of(Ended, run(detector, (0.9, 96), (0.45, 3200))) == []


def test_a_finished_sentence_ends_the_turn_soon() -> None:
    decisions = run(TurnDetector(MODEL_RULE, model=True), (0.9, 640), (0.1, 640), says=0.99)
    assert of(Paused, decisions) == [Paused(1, 704)]
    assert of(Ask, decisions) == [Ask(1, 768)]
    assert of(Ended, decisions) == [Ended(800, 160, "model", 0.99)]


@pytest.mark.parametrize(("words", "waited"), [(Wording.CLOSED, 256), (Wording.STATED, 576)])
def test_words_that_are_whole_need_no_voice(words: Wording, waited: int) -> None:
    decisions = run(TurnDetector(MODEL_RULE, model=False), (0.9, 640), (0.1, 640), words=words)
    assert abs(of(Ended, decisions)[0].waited_ms - waited) <= WINDOW_MS


def test_silence_is_counted_from_where_the_sound_fell() -> None:
    detector = TurnDetector(MODEL_RULE, model=True)
    run(detector, (0.9, 640))
    assert not detector.falls(0.9)
    assert detector.falls(0.45)
    assert detector.push(0.45, 96) == [Paused(1, 672)]
    (ask,) = detector.read(Paused(1, 672), Wording.STATED) + detector.push(0.2)
    assert ask == Ask(1, 704)
    assert not detector.falls(0.2)
    (likely,) = detector.answer(ask, 0.99)
    assert likely == Likely(672, pytest.approx(0.89, abs=0.01))
    (ended,) = of(Ended, detector.push(0.1))
    assert (ended.end_ms, ended.waited_ms) == (736, 160)


def test_where_the_sound_fell_is_no_matter_to_a_rule_of_silence() -> None:
    detector = TurnDetector(SILENCE_RULE, model=True)
    run(detector, (0.9, 640))
    assert not detector.falls(0.1)


@pytest.mark.parametrize("eagerness", ["low", "medium", "high", "auto"])
def test_an_unfinished_sentence_waits_as_long_as_eagerness_says(eagerness: str) -> None:
    rules = TurnDetection(type="semantic_vad", eagerness=eagerness)
    decisions = run(TurnDetector(rules, model=True), (0.9, 640), (0.1, 9_000), says=0.0)
    (ended,) = of(Ended, decisions)
    assert ended.reason == "wait"
    assert 0 <= ended.waited_ms - LONGEST_MS[eagerness] < WINDOW_MS


@pytest.mark.parametrize("eagerness", ["low", "medium", "high", "auto"])
def test_open_words_outweigh_a_voice_that_falls(eagerness: str) -> None:
    rules = TurnDetection(type="semantic_vad", eagerness=eagerness)
    detector = TurnDetector(rules, model=True)
    decisions = run(detector, (0.9, 640), (0.1, 9_000), says=0.99, words=Wording.OPEN)
    (ended,) = of(Ended, decisions)
    assert abs(ended.waited_ms - 3 * SILENCE_MS[eagerness]) < WINDOW_MS


def test_open_words_save_the_question() -> None:
    decisions = run(
        TurnDetector(MODEL_RULE, model=True),
        (0.9, 640),
        (0.1, 2400),
        says=0.9,
        words=Wording.OPEN,
    )
    assert of(Ask, decisions) == []
    (ended,) = of(Ended, decisions)
    assert abs(ended.waited_ms - 2100) < WINDOW_MS


def test_words_that_take_long_do_not_hold_up_the_question() -> None:
    detector = TurnDetector(MODEL_RULE, model=True)
    run(detector, (0.9, 640))
    decisions = [d for _ in range(4) for d in detector.push(0.1)]
    assert decisions == [Paused(1, 704), Ask(1, 768)]
    assert detector.push(0.1) == []


def test_words_that_come_between_two_windows_let_the_question_be_asked_at_once() -> None:
    detector = TurnDetector(MODEL_RULE, model=True)
    run(detector, (0.9, 640))
    (paused,) = [d for _ in range(3) for d in detector.push(0.1)]
    assert of(Ask, detector.read(paused, Wording.STATED)) == []
    assert of(Ask, detector.push(0.1)) == [Ask(1, 768)]
    assert of(Ask, detector.push(0.1)) == []


def test_going_on_after_a_pause_drops_the_answer_to_it() -> None:
    detector = TurnDetector(MODEL_RULE, model=True)
    decisions = run(detector, (0.9, 320))
    decisions = [d for _ in range(4) for d in detector.push(0.1)]
    (paused,), (ask,) = of(Paused, decisions), of(Ask, decisions)
    assert detector.push(0.9) == [Resumed()]
    assert detector.answer(ask, 1.0) == []
    assert detector.read(paused, Wording.CLOSED) == []
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


RULES = st.builds(
    TurnDetection,
    type=st.sampled_from(["server_vad", "semantic_vad"]),
    threshold=st.floats(0.01, 1),
    prefix_padding_ms=st.integers(0, 2000),
    silence_duration_ms=st.integers(100, 2000),
    eagerness=st.sampled_from(list(LONGEST_MS)),
)
STRETCHES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), st.integers(1, 60)), max_size=30
)


WORDINGS = st.none() | st.sampled_from(Wording)
ANSWERS = st.none() | st.floats(0, 1)


@given(RULES, STRETCHES, st.booleans(), st.data())
def test_turns_alternate_and_a_likely_end_comes_true_or_goes_on(
    rules, stretches, model, data
) -> None:
    detector, waiting, events = TurnDetector(rules, model=model), [], []
    for probability, windows in stretches:
        for _ in range(windows):
            decisions = detector.push(probability)
            waiting += [d for d in decisions if isinstance(d, Ask | Paused)]
            if waiting and data.draw(st.booleans()):
                known = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
                if isinstance(known, Ask):
                    decisions += detector.answer(known, data.draw(ANSWERS))
                else:
                    decisions += detector.read(known, data.draw(WORDINGS))
            events += [(detector.now_ms, d) for d in decisions]
    last_end, running, likely = 0, None, False
    for now, decision in events:
        if isinstance(decision, Started):
            assert running is None
            assert last_end <= decision.start_ms < now
            running = decision.start_ms
            continue
        assert running is not None
        if isinstance(decision, Likely):
            assert not likely
            assert running < decision.at_ms <= now
            likely = True
        elif isinstance(decision, Resumed):
            likely = False
        elif isinstance(decision, Ended):
            assert running < decision.end_ms == now
            assert 0 <= decision.waited_ms <= decision.end_ms - running
            if decision.reason != "length":
                assert decision.waited_ms >= shortest(rules)
            last_end, running, likely = now, None, False


def shortest(rules: TurnDetection) -> int:
    by_model = SHORTEST_MS - WINDOW_MS // 2 + 1
    return by_model if rules.type == "semantic_vad" else rules.silence_duration_ms


@given(RULES, st.booleans(), ANSWERS, WORDINGS)
def test_a_turn_always_ends_in_silence(rules, model, says, words) -> None:
    longest = LONGEST_MS[rules.eagerness]
    if rules.type == "server_vad":
        longest = rules.silence_duration_ms
    detector = TurnDetector(rules, model=model)
    speech = (1.0, 640)
    decisions = run(detector, speech, (0.0, longest + 2 * WINDOW_MS), says=says, words=words)
    assert len(of(Ended, decisions)) == 1
