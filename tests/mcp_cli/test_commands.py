"""``frontdesk mcp``: list, add, doctor, call and login, on servers that run."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.mcp.editing import with_server


async def test_list_tells_address_access_and_users_and_no_secret(
    command: Any, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "canary")
    write(
        tools={"url": "http://x.example/mcp?k=${KEY}", "headers": {"X-Key": "${KEY}"}},
        files={"command": "files", "args": ["--key", "${KEY}"], "env": {"K": "${KEY}"}},
        shop={"url": "http://y.example/mcp", "oauth": {"clientId": "a"}},
    )
    result = await command("list")
    assert result.exit_code == 0
    assert result.output == (
        "tools  http://x.example/mcp?k=${KEY}\n"
        "       access: fixed headers (X-Key)\n"
        "       used by: support\n"
        "files  files --key ${KEY}\n"
        "       access: none: it is a child of ours\n"
        "       used by: no team\n"
        "shop   http://y.example/mcp\n"
        "       access: OAuth, authorization code\n"
        "       used by: no team\n"
    )


async def test_doctor_says_in_plain_words_that_a_server_is_well(
    command: Any, write: Callable[..., Path], tools: Any
) -> None:
    write(tools={"url": tools.url})
    result = await command("doctor", "tools")
    assert result.exit_code == 0, result.output
    for words in (
        "ms: Desk Tools 1.2",
        "speaks 2026-07-28: every request stands for itself",
        "access: none",
        "2 tools can be used: count, fail",
        "warn  tool 'fail': no description",
        "ms (p95) of 20 lists of its tools",
        "used by: support",
        "pins: not known, as no Frontdesk runs here",
    ):
        assert words in result.output


async def test_doctor_tells_what_is_wrong_with_tools(
    command: Any, write: Callable[..., Path], tools: Any
) -> None:
    def spoiled(body: bytes) -> bytes:
        return body.replace(b'"name":"fail"', b'"name":"no good"')

    tools.fiddle = spoiled
    write(tools={"url": tools.url})
    result = await command("doctor")
    assert result.exit_code == 0
    assert "1 tool can be used: count" in result.output
    assert "1 tool cannot be used:" in result.output
    assert "warn  tool 'no good' left out: a tool's name is 1 to 64" in result.output


async def test_doctor_ends_with_1_and_a_way_out_for_each_server_that_is_not_there(
    command: Any, write: Callable[..., Path], tools: Any, shop: Any, unused_tcp_port: int
) -> None:
    write(
        tools={"url": f"{tools.origin}/wrong"},
        away={"url": f"http://127.0.0.1:{unused_tcp_port}/mcp"},
        shop={"url": shop.url},
        login={"url": shop.url, "oauth": True},
        files={"command": "no-such-command-here"},
    )
    result = await command("doctor")
    assert result.exit_code == 1
    for words in (
        "there is nothing at that path: most servers are at /mcp",
        "nothing listens there: is it running, and is the address right?",
        'it takes OAuth: give it "oauth": true, and run `frontdesk mcp login shop`',
        "nobody is logged in: run `frontdesk mcp login login`",
        "The files service could not be started: No such file or directory.",
    ):
        assert words in result.output
    assert "Traceback" not in result.output


async def test_an_unknown_server_is_named_with_the_nearest(
    command: Any, write: Callable[..., Path], tools: Any
) -> None:
    write(tools={"url": tools.url})
    result = await command("doctor", "tolls")
    assert result.exit_code == 1
    assert "did you mean `tools`?" in str(result.exception)


async def test_call_prints_what_models_would_read(
    command: Any, write: Callable[..., Path], tools: Any
) -> None:
    write(tools={"url": tools.url})
    result = await command("call", "tools", "count", '{"to": 3}')
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"counted": 3}
    assert result.stderr == "[0 of 3] at 0\n[1 of 3] at 1\n[2 of 3] at 2\n"
    result = await command("call", "tools", "count", "-", input='{"to": 0}')
    assert json.loads(result.stdout) == {"counted": 0}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fail"], "Error executing tool fail"),
        (["nope"], "Unknown tool: nope"),
        (["count", "{"], "the arguments are not JSON"),
        (["count", "[]"], "must be a JSON object"),
        (["count", "{}", "--caller", "Token=x"], "--caller Token: a name is"),
    ],
)
async def test_a_call_that_fails_says_why_and_ends_with_1(
    words: list[str], told: str, command: Any, write: Callable[..., Path], tools: Any
) -> None:
    write(tools={"url": tools.url})
    result = await command("call", "tools", *words)
    assert result.exit_code == 1
    assert told in result.output + str(result.exception)


async def test_call_speaks_for_a_caller(
    command: Any, write: Callable[..., Path], shop: Any, authority: Any
) -> None:
    authority.good["of-anna"] = ("", 4e9)
    headers = {"Authorization": "Bearer ${caller:token:-of-anna}", "X-Customer": "${caller:who}"}
    write(shop={"url": shop.url, "headers": headers})
    refused = await command("call", "shop", "whoami", "{}")
    assert refused.exit_code == 1
    assert "without the caller's who" in refused.output
    told = await command("call", "shop", "whoami", "{}", "--caller", "who=anna")
    assert told.stdout == "anna\n", told.output


async def test_add_names_tries_and_writes_and_leaves_the_rest_alone(
    command: Any, desk: Path, tools: Any
) -> None:
    file = desk / "mcp_servers" / "mcp.json"
    before = '{ "note": "ours",\n   "mcpServers": {\n      "a": {"command": "x"}  } }\n'
    file.write_text(before)
    result = await command("add", "--header", "X-Key: ${KEY:-none}", tools.url)
    assert result.exit_code == 0, result.output
    assert "desk-tools is in" in result.output
    assert "with the tools count, fail." in result.output
    after = file.read_text()
    entry = {"type": "http", "url": tools.url, "headers": {"X-Key": "${KEY:-none}"}}
    assert json.loads(after)["mcpServers"] == {"a": {"command": "x"}, "desk-tools": entry}
    assert after.startswith('{ "note": "ours",\n   "mcpServers": {\n      "a": {"command": "x"},')
    assert after.endswith(" }\n")

    again = await command("add", tools.url)
    assert again.exit_code == 1
    assert "there is a server 'desk-tools' already" in str(again.exception)
    assert file.read_text() == after


async def test_add_writes_nothing_of_a_server_that_does_not_answer(
    command: Any, desk: Path, unused_tcp_port: int
) -> None:
    file = desk / "mcp_servers" / "mcp.json"
    url = f"http://127.0.0.1:{unused_tcp_port}/mcp"
    result = await command("add", url)
    assert result.exit_code == 1
    assert "nothing listens there" in str(result.exception)
    assert not file.exists()
    result = await command("add", "--untried", "--name", "later", url)
    assert result.exit_code == 0
    assert json.loads(file.read_text()) == {"mcpServers": {"later": {"type": "http", "url": url}}}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["http://a.example/mcp", "more"], "an address takes no arguments"),
        (["--header", "A: b", "npx", "server"], "a command takes no --header"),
        (["--header", "A", "http://a.example/mcp"], "expected NAME:VALUE"),
        (["--header", "A: ${NOT_SET}", "http://a.example/mcp"], "NOT_SET is not set"),
    ],
)
async def test_add_says_what_does_not_go_together(
    words: list[str], told: str, command: Any
) -> None:
    result = await command("add", *words)
    assert result.exit_code == 1
    assert told in str(result.exception)


async def test_login_keeps_tokens_that_doctor_and_call_then_use(
    command: Any,
    write: Callable[..., Path],
    shop: Any,
    desk: Path,
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []

    def browse(url: str) -> bool:
        opened.append(url)
        httpx2.get(url, follow_redirects=True, timeout=40)
        return True

    monkeypatch.setattr("webbrowser.open", browse)
    write(shop={"url": shop.url, "oauth": {"callbackPort": unused_tcp_port}})
    result = await command("login", "shop")
    assert result.exit_code == 0, f"{result.output} {result.exception!r}"
    assert result.output.endswith("Logged in to shop.\n")
    assert "code_challenge_method=S256" in opened[0]
    [file] = (desk / "data" / "mcp-tokens").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = await command("doctor", "shop")
    assert told.exit_code == 0, told.output
    assert "OAuth, authorization code; the token is good for 60 more minutes" in told.output
    called = await command("call", "shop", "whoami")
    assert called.stdout == "nobody\n"
    assert "canary" not in result.output + told.output + called.output


async def test_a_login_that_is_refused_says_so(
    command: Any,
    write: Callable[..., Path],
    shop: Any,
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back = f"http://127.0.0.1:{unused_tcp_port}/callback?error=access_denied"
    monkeypatch.setattr("webbrowser.open", lambda url: httpx2.get(back, timeout=40))  # pyright: ignore
    write(shop={"url": shop.url, "oauth": {"callbackPort": unused_tcp_port}})
    result = await command("login", "shop")
    assert result.exit_code == 1
    assert str(result.exception) == "no login: the login was refused (access_denied)"


async def test_who_needs_no_login_is_told_so(command: Any, write: Callable[..., Path]) -> None:
    client = {"grant": "client_credentials", "clientId": "a", "clientSecret": "b"}
    write(
        plain={"url": "http://a.example/mcp"},
        machine={"url": "http://a.example/mcp", "oauth": {**client, "issuer": "http://b.example"}},
    )
    for name, told in (("plain", "takes no OAuth"), ("machine", "needs no login")):
        result = await command("login", name)
        assert told in str(result.exception)


# What is written into a file

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(
    before=st.dictionaries(names, values, max_size=3),
    servers=st.dictionaries(names, values, max_size=3),
    after=st.dictionaries(names, values, max_size=3),
    indent=st.sampled_from([None, 2, 4, "\t"]),
    ascii_only=st.booleans(),
)
def test_one_more_server_changes_nothing_else_of_the_file(
    before: Any, servers: Any, after: Any, indent: Any, ascii_only: bool
) -> None:
    document = {**before, "mcpServers": servers, **after}
    if "new" in servers or "mcpServers" in after or "servers" in document:
        return
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only) + "\n"
    written = with_server(text, "new", {"url": "http://a/mcp"})
    found = json.loads(written)
    assert found["mcpServers"].pop("new") == {"url": "http://a/mcp"}
    assert found == document
    assert list(found) == list(document)
    kept = [line for line in text.splitlines() if line.strip(" \t,{}")]
    if indent and servers:
        assert not [line for line in kept if line.rstrip(",") not in written]


@pytest.mark.parametrize("text", ["[]", "{}", '{"mcpServers": []}', "nope"])
def test_a_file_that_is_no_mcp_json_is_left_alone(text: str) -> None:
    with pytest.raises(ValueError):
        with_server(text, "new", {})
