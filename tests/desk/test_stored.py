"""Prompts by name, for sessions that refer to one."""

import hashlib


def test_prompts_are_known_by_the_names_of_their_files(desk):
    desk.write("agents/prompts/sale.md", "{{ offer }} at {{ team.name }} until {{ today }}.\n")
    stored = desk.load().stored
    assert stored.keys() == {"hello", "sale"}
    assert stored["sale"].variables == {"offer"}
    assert (stored["hello"].agents, stored["sale"].agents) == ({"hello"}, frozenset())
    text = "{{ offer }} at {{ team.name }} until {{ today }}.\n"
    assert stored["sale"].version == hashlib.sha256(text.encode()).hexdigest()[:12]


def test_a_version_changes_with_the_text_and_not_without(desk):
    before = desk.load().stored["hello"].version
    assert desk.load().stored["hello"].version == before
    desk.write("agents/hello.md", "You greet warmly.\n")
    assert desk.load().stored["hello"].version != before


def test_agents_that_share_a_file_share_its_prompt(desk):
    again = "  other: { description: Too., instructions: hello.md }\n"
    desk.team(desk.team_file.read_text() + again)
    assert desk.load().stored["hello"].agents == {"hello", "other"}


def test_the_prompt_of_an_agent_goes_before_another_file_of_its_name(desk):
    desk.write("agents/prompts/hello.md", "Another.\n")
    assert desk.load().stored["hello"].template.render() == "You greet."


def test_a_spare_prompt_that_cannot_be_used_is_a_warning_and_not_offered(desk):
    desk.write("agents/prompts/broken.md", "a\n{% if offer %}\nb")
    desk.write("agents/prompts/reaching.md", "{% include 'x' %}")
    loaded = desk.load()
    assert loaded.stored.keys() == {"hello"}
    broken, reaching = (str(warning) for warning in loaded.warnings)
    assert "broken.md:3:1: warning: not a valid template" in broken
    assert "reaching.md:1:1: warning: a template can't include" in reaching
