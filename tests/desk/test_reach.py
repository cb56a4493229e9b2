"""Agents out of reach, and loops of handoffs that callers cannot leave."""

import pytest


def team(desk, handoffs: dict[str, list[str]], able: str = "orders") -> None:
    lines = ["version: 1", "name: shop", f"entry: {next(iter(handoffs))}"]
    lines += ["tools: { f: { call: 'textwrap:dedent' } }", "agents:"]
    for name, targets in handoffs.items():
        tools = "tools: [f], " if name == able else ""
        edges = f"handoffs: [{', '.join(targets)}]"
        lines.append(f"  {name}: {{ description: d, instructions: hello.md, {tools}{edges} }}")
    desk.team("\n".join(lines) + "\n")


def warned(desk) -> list[tuple[int, str]]:
    return [(warning.line, warning.message) for warning in desk.load().warnings]


def test_a_loop_of_talkers_that_never_leads_back_is_a_warning(desk):
    team(
        desk,
        {"hello": ["orders", "chat"], "orders": ["hello"], "chat": ["jokes"], "jokes": ["chat"]},
    )
    assert warned(desk) == [
        (8, "`chat` and `jokes` hand over only to one another and have no tools")
    ]
    assert "hand back to `orders`" in str(desk.load().warnings[0])


@pytest.mark.parametrize(
    "handoffs",
    [
        {"hello": ["orders"], "orders": ["hello"]},
        {"hello": ["chat"], "chat": ["hello"]},
        {"hello": ["orders", "chat"], "orders": [], "chat": []},
        {"hello": ["orders"], "orders": ["other"], "other": ["orders"]},
        {"hello": ["orders", "chat"], "orders": [], "chat": ["jokes"], "jokes": ["chat", "hello"]},
        {
            "hello": ["orders", "chat"],
            "orders": [],
            "chat": ["jokes"],
            "jokes": ["chat", "bye"],
            "bye": [],
        },
    ],
)
def test_loops_that_callers_can_leave_or_be_served_in_are_none(desk, handoffs):
    team(desk, handoffs)
    assert [message for _, message in warned(desk) if "one another" in message] == []


def test_a_loop_that_nobody_reaches_is_reported_as_unreachable_alone(desk):
    team(desk, {"hello": [], "orders": ["chat"], "chat": ["orders"]})
    assert [message.split(":")[0] for _, message in warned(desk)] == [
        "nobody hands over to the agent `orders`",
        "nobody hands over to the agent `chat`",
    ]
