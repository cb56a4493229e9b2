"""Reads ``mcp_servers/mcp.json``: the ``mcpServers`` form that every MCP host understands."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from frontdesk.desk.problems import Problem
from frontdesk.desk.servers import SECTIONS, URLS, section_of
from frontdesk.mcp.caller import CallerHeader, read_header
from frontdesk.mcp.oauth_config import OAuth, read_oauth

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_OTHER_REFERENCE = re.compile(r"\$\{(?!\{)[^{}]*\}")
_HTTP_TYPES = {"http", "streamable-http", "streamable_http", "streamableHttp", "remote"}
_STDIO_TYPES = {"stdio", "local"}
_UNREAD = {
    "envFile": "is not read: put its variables into the environment of Frontdesk, and the names "
    "of those that the server needs under env",
    "headersHelper": "is not run: give the headers themselves, with ${VARIABLE} for secrets",
}
"""Keys of other hosts without which a server would not be what was meant."""


class McpConfigError(ValueError):
    """The file says something we cannot use. The message names the file, line, server and field;
    ``problems`` has the same, one a server."""

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A server on Streamable HTTP. ``headers`` go with every request (bearer tokens, usually),
    ``caller_headers`` with those of a call whose caller has what is in them."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    caller_headers: Mapping[str, CallerHeader] = field(
        default_factory=dict[str, CallerHeader], repr=False
    )
    oauth: OAuth | None = None

    @property
    def address(self) -> tuple[str | None, int | None]:
        """Host and port, without what else may stand in a URL: for the trace."""
        parts = urlsplit(self.url)
        try:
            return parts.hostname, parts.port
        except ValueError:  # a port that is none: connecting says so
            return parts.hostname, None


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A server that we start as a child process and talk to over its stdin and stdout."""

    name: str
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cwd: Path | None = None
    address: ClassVar[tuple[None, None]] = (None, None)


ServerConfig = HttpServer | StdioServer


def load_servers(path: Path, environ: Mapping[str, str] | None = None) -> dict[str, ServerConfig]:
    """Read the servers of ``path`` by name; no file means no servers.

    ``${X}``, ``${env:X}`` and ``${X:-default}`` are filled in from ``environ`` (the process's own
    by default). Keys that other hosts use and we don't are left alone, where a server can do
    without; ``"disabled": true`` or ``"enabled": false`` leaves the server out.

    Raises:
        McpConfigError: not JSON, wrong shape, ``type: sse``, a variable that is not set, or
            another kind of reference.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(path, 1, 1, f"cannot be read: {error}")
        raise McpConfigError(f"{path}: {problem.message}", [problem]) from error
    reader = _Reader(path, text, os.environ if environ is None else environ)
    return reader.servers()


class _Reader:
    """One file being read; it knows where each value stands, for the error messages."""

    def __init__(self, path: Path, text: str, environ: Mapping[str, str]) -> None:
        self._path = path
        self._text = text
        self._environ = environ
        self._section = SECTIONS[0]

    def servers(self) -> dict[str, ServerConfig]:
        try:
            document: Any = json.loads(self._text, object_pairs_hook=self._no_duplicates)
        except json.JSONDecodeError as error:
            place = f"{self._path}:{error.lineno}:{error.colno}"
            message = f"not valid JSON: {error.msg}"
            raise self._mistake(place, error.lineno, error.colno, message) from error
        top = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
        self._section = section_of(top)
        entries: Any = top.get(self._section)
        if not isinstance(entries, dict):
            raise self._error((), 'expected {"mcpServers": {"NAME": {…}}}')
        servers: dict[str, ServerConfig] = {}
        errors: list[McpConfigError] = []
        for name, entry in cast("dict[str, Any]", entries).items():
            if not isinstance(entry, dict):
                errors.append(self._error((name,), "expected an object with url or command"))
            elif _is_wanted(cast("dict[str, Any]", entry)):
                try:
                    servers[name] = self._server(name, cast("dict[str, Any]", entry))
                except McpConfigError as error:
                    errors.append(error)
        if errors:
            problems = (problem for error in errors for problem in error.problems)
            raise McpConfigError("\n".join(map(str, errors)), problems)
        return servers

    def _server(self, name: str, entry: dict[str, Any]) -> ServerConfig:
        key = "transport" if "transport" in entry and "type" not in entry else "type"
        kind = entry.get(key)
        if kind == "sse":
            raise self._error(
                (name, key),
                "the HTTP+SSE transport is deprecated and not supported: give the server's "
                'Streamable HTTP address as "url", with "type": "http"',
            )
        if kind is not None and kind not in _STDIO_TYPES | _HTTP_TYPES:
            raise self._error((name, key), f"unknown type {kind!r}: use http or stdio")
        for other, words in _UNREAD.items():
            if other in entry:
                raise self._error((name, other), words)
        given = [where for where in (*URLS, "command") if where in entry]
        if len(given) != 1:
            raise self._error((name,), "give either url or command")
        if kind is not None and (given == ["command"]) != (kind in _STDIO_TYPES):
            raise self._error((name, key), f"type {kind!r} does not go with {given[0]}")
        if given != ["command"]:
            url = self._string((name, given[0]), entry[given[0]])
            if not re.match(r"https?://[^/\s]+", url):
                raise self._error((name, given[0]), f"not an http(s) address: {url!r}")
            return self._http_server(name, url, entry)
        cwd = entry.get("cwd")
        return StdioServer(
            name,
            self._string((name, "command"), entry["command"]),
            tuple(self._arguments((name, "args"), entry.get("args"))),
            self._strings((name, "env"), entry.get("env")),
            None if cwd is None else self._path.parent / self._string((name, "cwd"), cwd),
        )

    def _http_server(self, name: str, url: str, entry: dict[str, Any]) -> HttpServer:
        at = (name, "headers")
        headers = {
            key: read_header((*at, key), _written(value), string=self._string, mistake=self._error)
            for key, value in self._object(at, entry.get("headers")).items()
        }
        oauth = read_oauth(
            name,
            entry.get("oauth"),
            folder=self._path.parent,
            string=self._string,
            mistake=self._error,
        )
        twice = next((key for key in headers if key.lower() == "authorization"), None)
        if oauth and twice:
            raise self._error((*at, twice), "oauth makes this header: give one of them")
        fixed = {key: value for key, value in headers.items() if isinstance(value, str)}
        callers = {key: value for key, value in headers.items() if not isinstance(value, str)}
        return HttpServer(name, url, fixed, callers, oauth)

    def _arguments(self, where: tuple[str, ...], value: object) -> list[str]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._error(where, "expected a list of strings")
        return [self._string(where, item) for item in cast("list[object]", value)]

    def _strings(self, where: tuple[str, ...], value: object) -> dict[str, str]:
        found = self._object(where, value).items()
        return {key: self._string((*where, key), _written(item)) for key, item in found}

    def _object(self, where: tuple[str, ...], value: object) -> dict[str, object]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._error(where, "expected an object of strings")
        return cast("dict[str, object]", value)

    def _string(self, where: tuple[str, ...], value: object) -> str:
        if not isinstance(value, str) or not value:
            raise self._error(where, f"expected a string, found {json.dumps(value)}")

        def fill(match: re.Match[str]) -> str:
            name, default = match.group(1), match.group(2)
            found = self._environ.get(name)
            if found is None and default is None:
                raise self._error(
                    where,
                    f"the environment variable {name} is not set: set it, or write "
                    f"${{env:{name}:-default}}",
                )
            return found if found is not None else default

        if other := _OTHER_REFERENCE.search(_VARIABLE.sub("", value)):
            raise self._error(
                where,
                f"{other.group()} is nothing that we know: write ${{NAME}} or ${{NAME:-default}} "
                "for a variable of the environment",
            )
        return _VARIABLE.sub(fill, value)

    def _no_duplicates(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for key in names if names.count(key) > 1)
            message = f"{twice!r} stands twice in the same object"
            raise self._mistake(str(self._path), 1, 1, message)
        return found

    def _error(self, where: tuple[str, ...], message: str) -> McpConfigError:
        line, column = self._position((self._section, *where)) if where else (None, 1)
        place = str(self._path) if line is None else f"{self._path}:{line}"
        named = f"{self._section}.{'.'.join(where)}: " if where else ""
        return self._mistake(place, line or 1, column, named + message)

    def _mistake(self, place: str, line: int, column: int, message: str) -> McpConfigError:
        return McpConfigError(f"{place}: {message}", [Problem(self._path, line, column, message)])

    def _position(self, where: tuple[str, ...]) -> tuple[int | None, int]:
        """Line and column of a key. JSON is YAML, and the YAML reader keeps positions (tabs defeat
        it)."""
        try:
            node: Any = YAML(typ="rt").load(StringIO(self._text))  # pyright: ignore[reportUnknownMemberType]
            line, column = None, 1
            for key in where:
                line, column = (int(number) + 1 for number in node.lc.key(key))
                node = node[key]
        except (YAMLError, KeyError, TypeError, AttributeError):
            return None, 1
        return line, column


def _is_wanted(entry: dict[str, Any]) -> bool:
    return entry.get("disabled") is not True and entry.get("enabled") is not False


def _written(value: object) -> object:
    """Numbers and truths as a variable or a header has them."""
    return json.dumps(value) if isinstance(value, int | float) else value
