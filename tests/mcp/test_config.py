import json
from pathlib import Path
from typing import Any

import pytest

from frontdesk.desk.servers import read_server_names
from frontdesk.mcp.config import HttpServer, McpConfigError, StdioServer, load_servers


def written(folder: Path, text: str) -> Path:
    file = folder / "mcp.json"
    file.write_text(text, encoding="utf-8")
    return file


def servers(folder: Path, entries: dict[str, Any], **environ: str) -> dict[str, Any]:
    return load_servers(written(folder, json.dumps({"mcpServers": entries}, indent=2)), environ)


def test_both_kinds_of_server_are_read(tmp_path: Path) -> None:
    found = servers(
        tmp_path,
        {
            "orders": {"type": "http", "url": "http://h/mcp", "headers": {"a": "Bearer ${env:T}"}},
            "files": {"command": "npx", "args": ["x", "${env:DIR:-/tmp}"], "env": {"K": "v"}},
        },
        T="token",
    )
    assert found == {
        "orders": HttpServer("orders", "http://h/mcp", {"a": "Bearer token"}),
        "files": StdioServer("files", "npx", ("x", "/tmp"), {"K": "v"}),
    }


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "http://h/mcp"},
        {"serverUrl": "http://h/mcp"},
        {"httpUrl": "http://h/mcp"},
        {"type": "streamable-http", "url": "http://h/mcp"},
        {"type": "streamableHttp", "url": "http://h/mcp", "disabled": False},
        {"transport": "http", "url": "http://h/mcp"},
        {"type": "remote", "url": "http://h/mcp", "enabled": True},
        {"url": "http://${HOST}/mcp"},
        {"url": "http://${HOST:-g}/${PATH_:-mcp}"},
    ],
)
def test_the_ways_that_hosts_write_an_address(tmp_path: Path, entry: Any) -> None:
    assert servers(tmp_path, {"o": entry}, HOST="h") == {"o": HttpServer("o", "http://h/mcp")}


def test_the_servers_may_stand_where_vs_code_has_them(tmp_path: Path) -> None:
    text = '{"inputs": [], "servers": {"o": {"type": "stdio", "command": "x", "env": {"N": 7}}}}'
    found = load_servers(written(tmp_path, text))
    assert found == {"o": StdioServer("o", "x", env={"N": "7"})}
    assert tuple(found) == read_server_names(tmp_path / "mcp.json")


def test_a_folder_of_a_server_is_relative_to_the_file(tmp_path: Path) -> None:
    found = servers(tmp_path, {"files": {"command": "x", "cwd": "here"}})
    assert found["files"].cwd == tmp_path / "here"


def test_keys_of_other_hosts_are_left_alone(tmp_path: Path) -> None:
    found = servers(tmp_path, {"o": {"url": "http://h", "autoApprove": ["x"], "timeout": 60}})
    assert found == {"o": HttpServer("o", "http://h")}


def test_a_disabled_server_is_left_out(tmp_path: Path) -> None:
    assert servers(tmp_path, {"o": {"url": "http://h", "disabled": True}}) == {}
    assert servers(tmp_path, {"o": {"url": "http://h", "enabled": False}}) == {}


def test_no_file_means_no_servers(tmp_path: Path) -> None:
    assert load_servers(tmp_path / "mcp.json") == {}


def test_secrets_do_not_show(tmp_path: Path) -> None:
    found = servers(tmp_path, {"o": {"url": "http://h", "headers": {"a": "hunter2"}}})
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "sse", "url": "http://h"}, r":\d+: mcpServers\.o\.type: .*deprecated"),
        ({"type": "carrier-pigeon", "url": "http://h"}, "unknown type 'carrier-pigeon'"),
        ({}, r"mcp\.json:3: mcpServers\.o: give either url or command"),
        ({"url": "http://h", "command": "x"}, "give either url or command"),
        ({"url": "ftp://h"}, "not an http"),
        ({"url": 7}, "expected a string, found 7"),
        ({"url": "http://h", "headers": {"a": "${env:NOPE}"}}, r"o\.headers\.a: .*NOPE is not set"),
        ({"command": "${NOPE}"}, r"o\.command: .*NOPE is not set"),
        ({"url": "http://h", "headers": {"a": "${input:key}"}}, r"\$\{input:key\} is nothing that"),
        ({"url": "http://h", "serverUrl": "http://g"}, "give either url or command"),
        ({"url": "http://h", "type": "stdio"}, "type 'stdio' does not go with url"),
        ({"command": "x", "type": "http"}, "type 'http' does not go with command"),
        ({"command": "x", "envFile": ".env"}, r"o\.envFile: is not read"),
        ({"command": "x", "args": "y"}, r"mcpServers\.o\.args: expected a list"),
        ([], "expected an object"),
    ],
)
def test_an_error_names_the_line_the_server_and_the_field(
    tmp_path: Path, entry: Any, message: str
) -> None:
    with pytest.raises(McpConfigError, match=message):
        servers(tmp_path, {"o": entry})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"mcp\.json:1:2: not valid JSON"),
        ("[]", "expected .*mcpServers"),
        ('{"mcpServers": {"o": {"url": "http://a", "url": "http://b"}}}', "'url' stands twice"),
    ],
)
def test_a_file_of_the_wrong_shape_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(McpConfigError, match=message):
        load_servers(written(tmp_path, text))


def test_tabs_cost_no_more_than_the_line_number(tmp_path: Path) -> None:
    text = '{\n\t"mcpServers": {\n\t\t"o": {\n\t\t\t"url": 7\n\t\t}\n\t}\n}'
    with pytest.raises(McpConfigError, match=r"mcpServers\.o\.url: expected a string"):
        load_servers(written(tmp_path, text))


def test_every_server_that_is_wrong_is_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    text = '{"mcpServers": {\n "a": {"url": 7},\n "b": {"url": "http://h"},\n "c": {}\n}}'
    with pytest.raises(McpConfigError) as caught:
        load_servers(written(tmp_path, text))
    places = [(problem.line, problem.column) for problem in caught.value.problems]
    assert places == [(2, 8), (4, 2)]
    assert str(caught.value).count("mcp.json:") == 2
