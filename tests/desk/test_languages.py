"""A team's languages: what is said in each, and what check finds."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, meta

from frontdesk.call.consent import read_consent
from frontdesk.desk.languages import (
    codes,
    goodbye_in,
    is_default,
    lines_in,
    memory_lines_in,
)
from frontdesk.desk.loader import load_team
from frontdesk.desk.memory import MemoryLines
from frontdesk.desk.problems import DeskError
from frontdesk.desk.schema import Lines, Team
from frontdesk.desk.translations import GOODBYES, LINES, MEMORY_LINES

BARE: dict[str, Any] = {
    "version": 1,
    "name": "shop",
    "entry": "desk",
    "agents": {"desk": {"description": "All.", "instructions": "desk.md"}},
}
EXPECTED = "expected a language such as en, ko or pt-BR"
HOSTED = {"OPENAI_API_KEY": "x"}


def team(**sections: Any) -> Team:
    return Team.model_validate({**BARE, **sections})


def problems(tmp_path: Path, env: dict[str, str], **sections: Any) -> list[str]:
    (tmp_path / "desk.md").write_text("Help.")
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump({**BARE, **sections}, sort_keys=False, allow_unicode=True))
    try:
        found = load_team(path, env).warnings
    except DeskError as error:
        found = error.problems
    return [f"{p.line}:{p.column}: {p.severity}: {p.message} {p.hint or ''}".strip() for p in found]


def test_every_line_is_there_in_every_language_and_asks_for_words_that_are_understood() -> None:
    assert {"ko", "ja", "zh", "es", "de", "fr"} == set(LINES) == set(MEMORY_LINES) == set(GOODBYES)
    spoken = {"ko": "네", "ja": "はい", "zh": "是", "es": "sí", "de": "ja", "fr": "oui"}
    refused = {"ko": "아니요", "ja": "いいえ", "zh": "不是", "es": "no", "de": "nein", "fr": "non"}
    wanted = meta.find_undeclared_variables(Environment().parse(Lines().ask))
    for code, lines in LINES.items():
        assert set(lines) == set(Lines.model_fields)
        assert set(MEMORY_LINES[code]) == set(MemoryLines.model_fields)
        assert meta.find_undeclared_variables(Environment().parse(lines["ask"])) == wanted
        for question in (lines["ask"], MEMORY_LINES[code]["ask"], MEMORY_LINES[code]["forget"]):
            assert read_consent(spoken[code], question) == "yes"
            assert read_consent(refused[code], question) == "no"


def test_a_team_that_names_no_language_says_what_it_says() -> None:
    plain = team(lines={"waiting": "Hm."})
    assert codes(plain) == ()
    assert lines_in(plain, None) is lines_in(plain, "en") is plain.lines
    assert lines_in(plain, "ko").waiting == LINES["ko"]["waiting"]  # the client said so


def test_a_list_is_as_good_as_a_mapping() -> None:
    assert team(languages=["en", "ko"]) == team(languages={"en": {}, "ko": {}})
    assert codes(team(languages=["en-GB", "ko-KR"])) == ("en", "ko")
    assert codes(team(voice={"stt": {"language": "ko"}})) == ("ko",)


def test_lines_are_the_teams_in_its_first_language_and_ours_in_others() -> None:
    shop = team(
        languages={"en": {}, "ko-KR": {"lines": {"waiting": "잠깐만요."}}},
        lines={"waiting": "Hm.", "sorry": "Oops."},
    )
    assert lines_in(shop, "en").waiting == "Hm."
    assert lines_in(shop, "en").unheard == Lines().unheard
    assert lines_in(shop, "ko").waiting == "잠깐만요."
    assert lines_in(shop, "ko").sorry == LINES["ko"]["sorry"]
    assert (is_default(shop, "en"), is_default(shop, "ko")) == (True, False)


def test_a_team_of_another_first_language_need_not_write_lines() -> None:
    shop = team(languages=["ko", "en"], voice={"idle": {}}, memory={"lines": {"yes": "고마워요."}})
    assert lines_in(shop, "ko").silence == LINES["ko"]["silence"]
    assert memory_lines_in(shop, "ko").yes == "고마워요."
    assert memory_lines_in(shop, "ko").no == MEMORY_LINES["ko"]["no"]
    assert memory_lines_in(shop, "en") == MemoryLines()
    assert goodbye_in(shop, "ko") == GOODBYES["ko"]
    own = team(languages=["ko"], voice={"idle": {"goodbye": "끊을게요."}})
    assert goodbye_in(own, "ko") is None


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        (
            ["en", "kr"],
            f"10:3: error: `kr`: {EXPECTED} did you mean `ko`?",
        ),
        ({"en": {}, "!": {}}, f"10:3: error: `!`: {EXPECTED}"),
        (["en", "en-GB"], "10:3: error: `en-GB`: English is there already"),
        (
            {"ko": {"lines": {"wating": "x"}}},
            "11:7: error: unknown key `wating` did you mean `waiting`?",
        ),
        ([1], f"9:3: error: `1`: {EXPECTED}"),
    ],
)
def test_what_is_no_language_is_told_with_its_place(
    tmp_path: Path, languages: Any, message: str
) -> None:
    found = problems(tmp_path, HOSTED, languages=languages)
    assert message in found, found


def test_a_language_that_the_embedded_models_do_not_know_is_a_warning(tmp_path: Path) -> None:
    found = problems(tmp_path, {}, languages=["en", "ko"])
    assert [
        f"warning: the embedded model of `{where}` cannot" in line
        for where, line in zip(("voice.stt", "voice.tts", "models"), found, strict=True)
    ] == [True] * 3
    assert all("Korean" in line and "10:3" in line for line in found)
    assert not problems(tmp_path, HOSTED, languages=["en", "ko"])
    spare = {"provider": "embedded", "fallback": {"provider": "openai"}}
    models = {"main": {"provider": "openai"}}
    voice = {"stt": spare, "tts": spare}
    assert not problems(tmp_path, {}, languages=["en", "ko"], voice=voice, models=models)


def test_a_language_without_lines_is_a_warning_until_they_are_written(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, HOSTED, languages=["en", "pl"])
    assert "there are no lines in Polish: write them under `languages.pl.lines`" in found
    lines = dict.fromkeys(Lines.model_fields, "Tak?")
    assert not problems(tmp_path, HOSTED, languages={"en": {}, "pl": {"lines": lines}})


def test_a_transcriber_of_one_language_does_not_hear_the_others(tmp_path: Path) -> None:
    voice = {"stt": {"language": "en"}}
    (found,) = problems(tmp_path, HOSTED, languages=["en", "ko"], voice=voice)
    assert "error: leave it out" in found
    assert not problems(tmp_path, HOSTED, languages=["en"], voice=voice)
