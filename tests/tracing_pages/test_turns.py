"""What the pages make of a turn's spans: the graph of agents, the details, two turns compared."""

import copy
from types import SimpleNamespace
from typing import Any

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.tracing.agent_drawing import HEIGHT, drawing
from frontdesk.tracing.agent_graph import MOST, AgentGraph, agent_graph
from frontdesk.tracing.comparing import differences
from frontdesk.tracing.details import Details, details


def span(span_id: str, parent: str | None, stage: str, start: float, **more: Any) -> dict[str, Any]:
    found = {"span_id": span_id, "parent_id": parent, "stage": stage, "start": start}
    found |= {"name": f"{stage} {span_id}", "agent": None, "end": start + 0.5, "status": "ok"}
    return found | {"error": None, "events": [], "attributes": {}} | more


def tool(span_id: str, parent: str, start: float, name: str, server: str = "") -> dict[str, Any]:
    attributes = {"gen_ai.tool.name": name} | ({"voice.mcp.server": server} if server else {})
    return span(span_id, parent, "tools", start, agent="desk", attributes=attributes)


def agent(span_id: str, parent: str | None, start: float, name: str) -> dict[str, Any]:
    return span(span_id, parent, "agent", start, agent=name)


def handoff(span_id: str, start: float, source: str, target: str) -> dict[str, Any]:
    attributes = {"voice.handoff.from": source, "voice.handoff.to": target}
    return span(span_id, None, "handoff", start, agent=source, attributes=attributes)


def words(graph: AgentGraph) -> list[str]:
    return [step.words for step in graph.steps]


def test_the_graph_tells_what_happened_in_order() -> None:
    spans = [
        agent("a1", None, 1, "desk"),
        tool("t1", "a1", 1.1, "look", "orders"),
        tool("t2", "a1", 1.2, "look", "orders"),
        handoff("h1", 1.3, "desk", "billing"),
        agent("a2", None, 2, "billing"),
        handoff("h2", 2.1, "billing", "desk"),
        agent("a3", None, 3, "desk"),
    ]
    graph = agent_graph([("t", spans)])
    assert words(graph) == [
        "The caller speaks to desk",
        "desk calls look of orders",
        "desk calls look of orders",
        "desk hands over to billing",
        "billing hands over to desk",
    ]
    nodes = {node.key: node for node in graph.nodes.values()}
    assert nodes["agent", "desk"].spans == [("t", "a1"), ("t", "a3")]
    assert (nodes["server", "orders"].count, nodes["server", "orders"].ms) == (2, 1000)
    steps = {(edge.source[1], edge.target[1]): edge.steps for edge in graph.edges.values()}
    assert steps["desk", "desk\nlook"] == [2, 3]
    assert steps["billing", "desk"] == [5]


def test_an_agent_that_is_a_tool_hangs_on_that_tool() -> None:
    spans = [
        agent("a1", None, 1, "desk"),
        tool("t1", "a1", 1.1, "ask_helper"),
        agent("a2", "t1", 1.2, "helper"),
        tool("t2", "a2", 1.3, "look"),
    ]
    told = words(agent_graph([("t", spans)]))
    assert told[2:] == ["ask_helper asks helper", "helper calls look"]


def test_two_turns_make_one_graph_and_a_runaway_loop_is_cut() -> None:
    spans = [agent("a1", None, 1, "desk")]
    spans += [tool(f"t{n}", "a1", 2 + n, "look") for n in range(MOST)]
    graph = agent_graph([("one", spans), ("two", spans)])
    assert len(graph.steps) == MOST
    assert graph.left_out == MOST + 2
    assert agent_graph([("t", [])]).nodes == {}


NAMES = st.sampled_from("abcde")


@given(
    st.lists(
        st.one_of(
            st.builds(agent, st.uuids().map(str), st.none(), st.floats(0, 99), NAMES),
            st.builds(handoff, st.uuids().map(str), st.floats(0, 99), NAMES, NAMES),
            st.builds(tool, st.uuids().map(str), NAMES, st.floats(0, 99), NAMES, NAMES),
        ),
        max_size=25,
    )
)
def test_every_node_has_a_place_of_its_own_inside_the_picture(spans: list[dict[str, Any]]) -> None:
    graph = agent_graph([("t", spans)])
    picture = drawing(graph)
    assert len(picture.boxes) == len(graph.nodes)
    assert len(picture.arrows) == len(graph.edges)
    places = set()
    for box in picture.boxes:
        assert box.x >= 0 and box.x + box.width <= picture.width
        assert box.y >= 0 and box.y + HEIGHT <= picture.height
        places.add((box.x, box.y))
    for one in picture.boxes:
        for other in picture.boxes:
            apart = abs(one.y - other.y) >= HEIGHT or one.x >= other.x + other.width
            assert one is other or apart or other.x >= one.x + one.width
    assert len(places) == len(picture.boxes)


def facts(found: Details) -> dict[str, str]:
    return {
        f"{group.title}: {each.label}": each.value for group in found.groups for each in group.facts
    }


def test_a_tools_details_say_which_server_answered_and_where_its_side_is() -> None:
    call = tool("t1", "a1", 1, "look", "orders")
    request = span(
        "m1", "t1", "mcp", 1.1, attributes={"mcp.method.name": "tools/call", "server.port": 8101}
        | {"server.address": "127.0.0.1"},
    )  # fmt: skip
    answer = span("m2", "m1", "mcp", 1.2, attributes={"mcp.protocol.version": "2026-07-28"})
    found = details(call, [call, request, answer])
    told = facts(found)
    assert told["MCP server: Server"] == "orders"
    assert told["MCP server: Host"] == "127.0.0.1:8101"
    assert told["MCP server: Protocol"] == "2026-07-28"
    assert [(other.label, other.span_id) for other in found.related] == [
        ("Request", "m1"),
        ("In the server", "m2"),
    ]
    back = details(answer, [call, request, answer]).related
    assert [(other.label, other.span_id) for other in back] == [("Tool call", "t1")]


def test_a_guardrails_details_say_what_it_did() -> None:
    attributes = {"voice.guardrail.triggered": True, "voice.guardrail.mode": "replace"}
    attributes |= {"voice.guardrail.stage": "output", "voice.guardrail.reason": "a card number"}
    told = facts(details(span("g", None, "guardrail", 1, attributes=attributes), []))
    assert told["Guardrail: Tripped"] == "yes"
    assert told["Guardrail: What it did"] == "replaced the words"
    assert told["Guardrail: Held the words for"] == "500.0 ms"
    quiet = attributes | {"voice.guardrail.triggered": False}
    told = facts(details(span("g", None, "guardrail", 1, attributes=quiet), []))
    assert told["Guardrail: What it did"] == "let it pass"


ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["voice.guardrail.triggered", "voice.mcp.waited", "gen_ai.usage.input_tokens",
         "voice.stt.confidence", "gen_ai.response.finish_reasons", "voice.turn.latency"]
    ),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
)  # fmt: skip


@given(ATTRIBUTES, st.sampled_from(["model", "tools", "mcp", "handoff", "guardrail", "other"]))
def test_details_never_fail_on_what_a_stranger_sends(
    attributes: dict[str, Any], stage: str
) -> None:
    odd = span("s", "s", stage, 1, attributes=attributes)
    details(odd, [odd])
    agent_graph([("t", [odd])])


@given(st.text(), st.text())
def test_marked_differences_leave_both_texts_whole(a: str, b: str) -> None:
    left, right = differences(a, b)
    assert "".join(each.text for each in left) == a
    assert "".join(each.text for each in right) == b
    assert a != b or not any(each.differs for each in (*left, *right))


def test_only_what_differs_is_marked() -> None:
    left, right = differences("It comes on Tuesday morning.", "It comes on Friday morning.")
    assert [each.text for each in left if each.differs] == ["Tuesday "]
    assert [each.text for each in right if each.differs] == ["Friday "]


def whole(data: Any, sample: SimpleNamespace) -> None:
    """As the store gives turns: with their facts."""
    plain = data.trace

    def trace(trace_id: str) -> dict[str, Any] | None:
        found = plain(trace_id)
        turns = (turn for turn in sample.SAMPLE_CALL["turns"] if turn["trace_id"] == trace_id)
        extra = {"call_id": sample.CALL, "team_version": "v1", "error": None}
        return found and found | {"trace": next(turns) | extra | {"end_reason": "completed"}}

    data.trace = trace


async def test_two_turns_stand_side_by_side_with_what_differs(
    client: httpx2.AsyncClient, sample: SimpleNamespace, data: Any
) -> None:
    whole(data, sample)
    a, b = sample.TURNS[1:]
    pasted = f"http://desk/traces/calls/{sample.CALL}#trace={b}&span=0123456789abcdef"
    html = (await client.get("/traces/compare", params={"a": f"trace_{a}", "b": pasted})).text
    assert "find_order" in html and "carrier_status" in html
    assert "did not answer within 2 s" in html
    assert "−260 ms" in html  # first audio, 880 and 620 ms
    assert sample.HOSTILE not in html and "&lt;script&gt;" in html


async def test_a_turn_is_compared_with_others_of_its_call(
    client: httpx2.AsyncClient, sample: SimpleNamespace, data: Any
) -> None:
    whole(data, sample)
    answer = await client.get("/traces/compare", params={"a": sample.TURNS[0]})
    assert answer.status_code == 200
    for other in sample.TURNS[1:]:
        assert f"b={other}" in answer.text
    assert f"b={sample.TURNS[0]}" not in answer.text


async def test_a_turn_that_is_not_there_is_named(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/traces/compare", params={"a": "<b>nothing"})
    assert answer.status_code == 404
    assert "There is no turn &lt;b&gt;nothing" in answer.text


async def test_a_turn_shows_the_same_as_the_turn_compared_with_itself(
    client: httpx2.AsyncClient, sample: SimpleNamespace, data: Any
) -> None:
    whole(data, sample)
    turn = sample.TURNS[1]
    data.traces[turn] = copy.deepcopy(data.traces[turn])
    html = (await client.get("/traces/compare", params={"a": turn, "b": turn})).text
    assert 'class="differs"' not in html and "<mark>" not in html
