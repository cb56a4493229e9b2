import importlib.util
import logging
from importlib.metadata import EntryPoint

import pytest

from frontdesk.desk.handoffs import AgentVoice
from frontdesk.desk.schema import Team
from frontdesk.desk.voice import Voice
from frontdesk.voice import registry
from frontdesk.voice.embedded import silero, smart_turn
from frontdesk.voice.instant.speech import tone_ms
from frontdesk.voice.instant.transcription import InstantTranscriber, by_length
from frontdesk.voice.models import build_voice, voice_of
from frontdesk.voice.registry import ModelMissing


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    silero.load.cache_clear()
    smart_turn.load.cache_clear()


def voice(**stt: str) -> Voice:
    return Voice.model_validate({"stt": stt, "tts": {"provider": "instant"}})


async def test_instant_replaces_every_model_and_says_so() -> None:
    models = build_voice(voice(provider="openai"), "instant")
    await models.warm_up()
    assert all(text.startswith("instant") for text in models.describe().values())
    assert set(models.describe()) == {
        "speech to text",
        "text to speech",
        "voice activity",
        "end of turn",
    }


def test_auto_is_openai_when_a_key_or_a_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert build_voice(Voice()).stt.name == "OpenAI: gpt-transcribe"
    assert "embedded" in build_voice(Voice(), "embedded").stt.name
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert build_voice(Voice()).tts.name == "127.0.0.1: gpt-4o-mini-tts, voice marin"


def test_a_provider_named_in_the_team_file_wins_over_the_process() -> None:
    models = build_voice(voice(provider="instant"), "embedded")
    assert models.stt.name.startswith("instant")


@pytest.mark.parametrize(
    ("stt", "message"),
    [
        ({"provider": "openai"}, r"voice\.stt\.api_key.*OPENAI_API_KEY"),
        ({"provider": "openai-compatible"}, r"voice\.stt\.base_url.*http://"),
    ],
)
def test_a_setting_that_is_missing_is_named(stt: dict[str, str], message: str) -> None:
    with pytest.raises(ModelMissing, match=message):
        build_voice(voice(**stt))


def without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name in missing else real(name, *a)
    )


def test_a_missing_speech_package_says_what_to_install_or_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch, "moonshine_voice", "hibari")
    with pytest.raises(ModelMissing, match=r"moonshine-voice.*voice\.stt\.provider to openai"):
        build_voice(Voice())
    with pytest.raises(ModelMissing, match=r"hibari-tts.*voice\.tts\.provider to openai"):
        build_voice(Voice.model_validate({"stt": {"provider": "instant"}}))


def test_without_the_turn_models_loudness_and_silence_take_over_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch, "pipecat")
    models = build_voice(voice(provider="instant"))
    assert models.end_of_turn is None
    assert models.describe()["voice activity"].startswith("loudness (for Silero VAD: pip install")
    assert models.describe()["end of turn"].startswith(
        "words, silence (for Smart Turn: pip install"
    )


def test_a_provider_of_another_package_is_found_like_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = EntryPoint("openai", "frontdesk.voice.instant.transcription:create", "frontdesk.stt")
    monkeypatch.setattr(registry, "entry_points", lambda group: [theirs])
    assert build_voice(voice(provider="openai")).stt.name.startswith("instant")


def test_an_unknown_or_broken_provider_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ModelMissing, match=r"voice\.stt\.provider.*'acme'.*embedded, instant"):
        registry.provider("frontdesk.stt", "acme")
    broken = EntryPoint("acme", "acme_speech:create", "frontdesk.stt")
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    with pytest.raises(ModelMissing, match="acme cannot be loaded"):
        registry.provider("frontdesk.stt", "acme")


@pytest.mark.parametrize("group", ["frontdesk.stt", "frontdesk.tts"])
def test_every_provider_of_ours_can_be_loaded(group: registry.Group) -> None:
    for name in registry.providers(group):
        assert callable(registry.provider(group, name))


def test_a_language_the_embedded_model_cannot_hear_is_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        build_voice(voice(provider="embedded", language="ko"))
    assert "hears English only" in caplog.text


async def test_the_instant_script_is_heard_line_by_line() -> None:
    stt = InstantTranscriber(["hello", "bye"])
    heard = [(await stt.stream().transcript()).text for _ in range(3)]
    assert heard == ["hello", "bye", ""]


def test_instant_figures_follow_the_input() -> None:
    assert by_length(1.2) == "one second of speech"
    assert by_length(40) == "40 seconds of speech"
    assert tone_ms("a" * 50) == 3000
    assert tone_ms("a" * 50, speed=1.5) == 2000


async def test_who_stands_in_for_a_voice_may_be_stood_in_for_itself() -> None:
    chain = {"provider": "instant", "fallback": {"fallback": {"provider": "instant"}}}
    models = build_voice(Voice.model_validate({"tts": chain}), "instant")
    assert len(models.mouths) == 3
    assert (
        models.describe()["text to speech"]
        == "instant: tone, else instant: tone, else instant: tone"
    )
    await models.warm_up()
    await models.aclose()


def test_an_agent_sounds_like_the_team_where_it_says_nothing() -> None:
    about = {"description": "", "instructions": "x.md"}
    team = Team.model_validate(
        {
            "version": 1,
            "name": "a",
            "entry": "plain",
            "voice": {"tts": {"voice": "marin", "style": "calm", "speed": 1.1}},
            "agents": {
                "plain": about,
                "named": {**about, "voice": "ash"},
                "own": {**about, "voice": {"style": "brisk", "speed": 1.2}},
            },
        }
    )
    assert voice_of(team, "plain") == AgentVoice(voice="marin", style="calm", speed=1.1)
    assert voice_of(team, "named") == AgentVoice(voice="ash", style="calm", speed=1.1)
    assert voice_of(team, "own") == AgentVoice(voice="marin", style="brisk", speed=1.2)
