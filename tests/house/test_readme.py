"""The README in both languages says the same, and what it names exists."""

import re
from pathlib import Path

import pytest

from frontdesk.settings import Settings

ROOT = Path(__file__).parent.parent.parent
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
KOREAN = (ROOT / "README.ko.md").read_text(encoding="utf-8")


def headings(text: str) -> list[int]:
    """The depth of each heading, in order."""
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [len(marks) for marks in re.findall(r"^(#+) ", outside, flags=re.MULTILINE)]


def blocks(text: str) -> list[str]:
    return re.findall(r"```.*?```", text, flags=re.DOTALL)


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", text)


def test_both_languages_have_the_same_headings():
    assert headings(ENGLISH) == headings(KOREAN)


def test_both_languages_have_the_same_commands():
    assert blocks(ENGLISH) == blocks(KOREAN)


def test_both_languages_name_the_same_settings():
    pattern = r"`((?:FRONTDESK|OPENAI|OTEL)_[A-Z_]+)`"
    assert re.findall(pattern, ENGLISH) == re.findall(pattern, KOREAN)


def test_every_setting_named_exists():
    for name in re.findall(r"`FRONTDESK_([A-Z_]+)`", ENGLISH):
        assert name.lower() in Settings.model_fields


@pytest.mark.parametrize("text", [ENGLISH, KOREAN], ids=["English", "Korean"])
def test_every_link_leads_somewhere(text):
    assert links(text)
    for link in links(text):
        assert (ROOT / link).exists(), link


def test_both_languages_have_the_same_links():
    assert links(ENGLISH) == links(KOREAN)
