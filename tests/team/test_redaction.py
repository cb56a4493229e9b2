"""What is left of a text by a team's ``redact``."""

import pytest

from frontdesk.desk.capture import PersonalData
from frontdesk.team.functions import FunctionLoader, FunctionLoadError
from frontdesk.team.redaction import build_redaction

CODE = """
def shout(text: str) -> str:
    return text.replace("secret", "XXX")

async def later(text: str) -> str:
    return text

def two(text: str, more: str) -> str:
    return text

def none() -> str:
    return ""
"""


@pytest.fixture
def functions(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "privacy.py").write_text(CODE)
    loader = FunctionLoader(tmp_path)
    yield loader
    loader.close()


def test_personal_data_goes_first_and_then_what_the_functions_look_for(functions):
    redact = build_redaction(("tools.privacy:shout", "card", "email"), functions)
    assert redact is not None
    said = "My secret card is 4242 4242 4242 4242, write to anna@example.com or +1 212 555 2368."
    assert redact(said) == (
        "My XXX card is [card number], write to [e-mail address] or +1 212 555 2368."
    )


def test_countries_are_those_that_are_named(functions):
    number = "주민번호 900101-1234568"
    korean = build_redaction((PersonalData(pii=("national_id",), countries=("kr",)),), functions)
    other = build_redaction((PersonalData(pii=("national_id",), countries=("br",)),), functions)
    assert korean and other
    assert "[ID number]" in korean(number)
    assert other(number) == number


def test_nothing_to_redact_is_no_function(functions):
    assert build_redaction((), functions) is None


@pytest.mark.parametrize("name", ["later", "two", "none"])
def test_a_function_that_cannot_be_used_is_told_when_the_team_comes_up(functions, name):
    with pytest.raises(FunctionLoadError, match=f"redact: tools.privacy:{name}: it"):
        build_redaction((f"tools.privacy:{name}",), functions)
