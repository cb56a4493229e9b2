"""What traces keep, in a team file: each mistake is found where it is."""

import pytest

from frontdesk.desk.capture import PersonalData

TEAM = """\
version: 1
name: shop
entry: hello
{capture}
agents:
  hello: {{ description: Greets., instructions: hello.md }}
"""


@pytest.fixture
def shop(desk):
    """A team that says this of capture, and its folder of functions."""

    def shop(capture):
        desk.write("tools/privacy.py", "def hide(text: str) -> str: return text\n")
        desk.team(TEAM.format(capture=capture))
        return desk

    return shop


@pytest.mark.parametrize(
    ("capture", "message"),
    [
        ("capture: txt", "4:10: `capture`: expected `all`, `text` or `none`; did you mean `text`?"),
        ("captur: text", "4:1: unknown key `captur` (did you mean `capture`?)"),
        ("redact: crad", "4:9: `redact`: expected `card`, `iban`, `phone`, `email` or"),
        ("redact: crad", "or module:function; did you mean `card`?"),
        ("redact: [card, fone]", "4:16: `redact`: expected"),
        ("redact: tools.privacy:hid", "4:9: no function `hid` in"),
        ("redact: tools.privacy:hid", "(did you mean `hide`?)"),
        ("redact: [card, tools.secrecy:hide]", "4:16: no module `tools.secrecy`"),
        ("redact: ['tools:privacy:hide']", "expected module:function, such as"),
        ("redact: 5", "4:9: `redact`: expected a list, found a number"),
        ("redact: [{ pii: [crad] }]", "4:18: `pii`: expected"),
        ("redact: [{ pi: [card] }]", "unknown key `pi` (did you mean `pii`?)"),
        ("redact: { pii: [phone], countries: [kp] }", "`countries`: expected"),
    ],
)
def test_each_mistake_is_found_where_it_is(shop, capture, message):
    assert any(message in problem for problem in shop(capture).found())


@pytest.mark.parametrize(
    ("capture", "kept", "redacted"),
    [
        ("", "all", ()),
        ("capture: none", "none", ()),
        ("redact: card", "text", ("card",)),
        ("redact: [email, tools.privacy:hide]", "text", ("email", "tools.privacy:hide")),
        (
            "redact: { pii: [phone], countries: [br] }",
            "text",
            (PersonalData(pii=("phone",), countries=("br",)),),
        ),
        ("capture: all\nredact: card", "all", ("card",)),
    ],
)
def test_sound_is_kept_beside_redacted_words_only_when_that_is_said(shop, capture, kept, redacted):
    team = shop(capture).load().team
    assert (team.captured, team.redact) == (kept, redacted)


def test_what_the_words_are_rid_of_stays_in_recordings_and_that_is_told(shop):
    (told,) = shop("capture: all\nredact: card").load().warnings
    assert "4:10: warning: recordings are kept as well" in str(told)
    (told,) = shop("capture: none\nredact: card").load().warnings
    assert "5:1: warning: `redact` has nothing to do" in str(told)


def test_a_function_that_redacts_is_part_of_the_teams_version(shop):
    desk = shop("redact: tools.privacy:hide")
    before = desk.load().version
    desk.write("tools/privacy.py", "def hide(text: str) -> str: return ''\n")
    assert desk.load().version != before
