"""Other agents use the desk: each of its agents is a tool of an MCP server."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from frontdesk.team.instant import REPLY


def texts(result: Any) -> list[str]:
    return [block.text for block in result.content]


def get(server: Any, key: str, path: str) -> Any:
    answer = httpx2.get(server.url + path, headers={"authorization": f"Bearer {key}"}, timeout=40)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ended_turn(server: Any, key: str, call_id: str) -> Any:
    """The one turn of a call, from the trace store, which is written behind."""
    url = f"{server.url}/api/calls/{call_id}"
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=40) as http:
        while True:
            answer = await http.get(url)
            found: Any = answer.json() if answer.status_code == 200 else {"turns": []}
            if found["turns"] and found["turns"][0]["end_reason"]:
                [turn] = found["turns"]
                return turn
            await asyncio.sleep(0.02)


async def test_each_agent_of_each_team_is_a_tool(connect: Any, agents_server: Any) -> None:
    async with connect(agents_server) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert client.server_info.name == "frontdesk"
    assert sorted(tools) == ["sales_clerk", "sales_front", "support_clerk", "support_front"]
    tool = tools["support_clerk"]
    assert tool.description == (
        "Ask the agent 'clerk' of the team 'support'. Works. Answers for a shop."
    )
    assert tool.input_schema["required"] == ["request"]
    assert tool.output_schema["required"] == ["answer", "conversation_id", "agent"]


async def test_a_request_is_answered_in_words_and_the_conversation_goes_on(
    connect: Any, agents_server: Any, patience: Any, key: str
) -> None:
    heard: list[str | None] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with connect(agents_server) as client:
        arguments = {"request": "Where is my order?"}
        first = await client.call_tool("support_clerk", arguments, progress_callback=progress)
        assert not first.is_error
        told = first.structured_content
        assert told["answer"] == REPLY
        assert told["agent"] == "clerk"
        assert texts(first) == [REPLY, f"(conversation_id: {told['conversation_id']})"]
        assert heard == ["used wait"]

        arguments = {"request": "And now?", "conversation_id": told["conversation_id"]}
        second = await client.call_tool("support_clerk", arguments)
        assert second.structured_content == told

    call_id = told["conversation_id"].split(".")[0]
    kept = get(agents_server, key, f"/api/calls/{call_id}/conversation")
    said = [
        part["text"]
        for stored in kept["items"]
        if stored["item"].get("role") == "user"
        for part in stored["item"]["content"]
    ]
    assert said == ["Where is my order?", "And now?"]
    assert (kept["team"], kept["agent"]) == ("support", "clerk")


async def test_a_request_is_traced_as_a_turn(
    connect: Any, agents_server: Any, patience: Any, key: str
) -> None:
    async with connect(agents_server) as client:
        told = await client.call_tool("support_clerk", {"request": "Look at my trace."})
    call_id = told.structured_content["conversation_id"].split(".")[0]
    turn = await ended_turn(agents_server, key, call_id)
    assert (turn["caller"], turn["agent"]) == ("Look at my trace.", REPLY)
    assert turn["end_reason"] == "completed"
    trace = get(agents_server, key, f"/api/traces/{turn['trace_id']}")
    spans = {span["name"]: span for span in trace["spans"]}
    assert "execute_tool wait" in spans
    assert spans["invoke_workflow support"]["attributes"]["voice.transport"] == "mcp"


async def test_the_tool_says_who_gets_the_floor(
    connect: Any, agents_server: Any, patience: Any
) -> None:
    async with connect(agents_server) as client:
        told = (await client.call_tool("sales_front", {"request": "Hi."})).structured_content
        assert told["agent"] == "front"
        arguments = {"request": "Hi.", "conversation_id": told["conversation_id"]}
        told = (await client.call_tool("sales_clerk", arguments)).structured_content
        assert told["agent"] == "clerk"
        assert told["conversation_id"].endswith(".clerk")


async def test_a_cancelled_request_cancels_the_turn_and_its_tools(
    connect: Any, agents_server: Any, patience: Any
) -> None:
    patience.reset(may_end=False)
    async with connect(agents_server) as client:
        asking = asyncio.create_task(client.call_tool("support_clerk", {"request": "Wait."}))
        await patience.until("began")
        asking.cancel()
        await patience.until("cancelled")
        await asyncio.gather(asking, return_exceptions=True)
        patience.reset(may_end=True)
        assert not (await client.call_tool("support_clerk", {"request": "Again."})).is_error


async def test_requests_run_side_by_side_but_one_at_a_time_in_a_conversation(
    connect: Any, agents_server: Any, patience: Any
) -> None:
    async with connect(agents_server) as client:
        told = (await client.call_tool("support_clerk", {"request": "Hi."})).structured_content
        patience.reset(may_end=False)
        arguments = {"request": "Wait.", "conversation_id": told["conversation_id"]}
        waiting = asyncio.create_task(client.call_tool("support_clerk", arguments))
        await patience.until("began")
        refused = await client.call_tool("support_clerk", arguments)
        assert refused.is_error
        assert texts(refused) == ["This conversation has a request under way: wait for its answer."]
        assert not (await client.call_tool("support_front", {"request": "Hello."})).is_error
        patience.let_end()
        assert (await waiting).structured_content == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "The arguments are wrong: $: 'request' is a required property."),
        ({"request": ""}, "The arguments are wrong: $.request: '' should be non-empty."),
        ({"request": " "}, "The arguments are wrong: $.request: it has no words."),
        ({"request": "x", "conversation_id": "sess_0"}, "There is no conversation 'sess_0'"),
        ({"request": "x", "conversation_id": "../.."}, "There is no conversation '../..'"),
        ({"request": "x", "id": 1}, "'id' was unexpected"),
    ],
)
async def test_wrong_arguments_are_an_answer_that_says_what_to_mend(
    arguments: Any, told: str, connect: Any, agents_server: Any
) -> None:
    async with connect(agents_server) as client:
        result = await client.call_tool("support_front", arguments)
    assert result.is_error
    assert told in texts(result)[0]


async def test_an_unknown_tool_is_an_error_that_names_those_there_are(
    connect: Any, agents_server: Any
) -> None:
    async with connect(agents_server) as client:
        with pytest.raises(MCPError, match=r"Unknown tool: clerk\. There are: sales_front,"):
            await client.call_tool("clerk", {"request": "x"})


async def test_a_call_of_somebody_at_the_phone_is_no_conversation_to_go_on_with(
    connect: Any, agents_server: Any, key: str
) -> None:
    from websockets.asyncio.client import connect as dial

    headers = {"authorization": f"Bearer {key}"}
    async with dial(f"{agents_server.ws}/v1/realtime", additional_headers=headers) as phone:
        session = json.loads(await phone.recv())["session"]
        async with connect(agents_server) as client:
            arguments = {"request": "x", "conversation_id": session["id"]}
            result = await client.call_tool("support_front", arguments)
    assert "There is no conversation" in texts(result)[0]


LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer fd-not-a-key-of-this-server"}, 401),
        ({"authorization": "SECRET"}, 403),
    ],
)
async def test_who_has_no_key_stays_out(
    headers: dict[str, str], status: int, agents_server: Any, key: str
) -> None:
    async with httpx2.AsyncClient(base_url=agents_server.url, timeout=40) as http:
        made = await http.post(
            "/v1/realtime/client_secrets", json={}, headers={"authorization": f"Bearer {key}"}
        )
        secret = {"SECRET": f"Bearer {made.json()['value']}"}
        headers = {name: secret.get(value, value) for name, value in headers.items()}
        answer = await http.post("/mcp", json=LIST, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("header", ["host", "origin"])
async def test_without_keys_pages_of_other_sites_stay_out(header: str, server: Any) -> None:
    value = "evil.example.com" if header == "host" else "https://evil.example.com"
    async with httpx2.AsyncClient(timeout=40) as http:
        answer = await http.post(f"{server.url}/mcp", json=LIST, headers={header: value})
    assert answer.status_code == 403


async def test_a_request_under_way_is_waited_for_when_the_server_is_told_to_stop(
    connect: Any, server_process: Any, desk: Any, tmp_path: Any, patience: Any, key: str
) -> None:
    patience.reset(may_end=False)
    environ = {"FRONTDESK_API_KEYS": key, "FRONTDESK_DRAIN_SECONDS": "60"}
    running = server_process(tmp_path, desk=desk, environ=environ)
    async with connect(running) as client:
        await client.list_tools()  # or it asks for them when it has the answer
        asking = asyncio.create_task(client.call_tool("support_clerk", {"request": "Wait."}))
        await patience.until("began")
        running.process.terminate()
        done, _ = await asyncio.wait({asking}, timeout=1)  # streams ended in it once
        assert not done
        patience.let_end()
        assert (await asking).structured_content["answer"] == REPLY
    assert await asyncio.to_thread(running.process.wait, 40) == 0


async def test_a_request_that_lasts_longer_than_the_drain_is_answered_in_words(
    connect: Any,
    server_process: Any,
    desk: Any,
    tmp_path: Any,
    patience: Any,
    key: str,
) -> None:
    patience.reset(may_end=False)
    running = server_process(tmp_path, desk=desk, environ={"FRONTDESK_API_KEYS": key})
    async with connect(running) as client:
        asking = asyncio.create_task(client.call_tool("support_clerk", {"request": "Wait."}))
        await patience.until("began")
        running.process.terminate()
        told = await asking
        assert told.is_error and "this worker is restarted" in told.content[0].text
        await patience.until("cancelled")
        assert await asyncio.to_thread(running.process.wait, 40) == 0
    log = running.log.read_text()
    assert "ERROR" not in log
    assert "Traceback" not in log
