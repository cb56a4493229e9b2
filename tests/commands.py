"""Which commands a server was sent, by clients and scripts, and since when Redis has them."""

import re
import socket
from collections.abc import Iterator
from typing import Any

from redis import Redis

from tests.stores import Server

LAST = "the last word"
MOST = 8192
"""Bytes of a line that are looked at: scripts and content come behind."""

Version = tuple[int, ...]

_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')


class Watch:
    """All that a server is sent from now on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._redis = Redis(port=server.port, decode_responses=True)
        self._line = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self._line.sendall(b"MONITOR\r\n")
        assert self._line.recv(5) == b"+OK\r\n"

    def newer_than(self, version: Version) -> set[str]:
        """Commands, and options of commands, that came later. Ends the watch."""
        sent = set(self._sent())
        if "redis_version:6.2" in self._server.ask("INFO", "server"):
            return set()  # it would have refused them, and cannot tell
        docs = self._redis.execute_command("COMMAND DOCS")
        newer: set[str] = set()
        for words in sent:
            name = words[0].lower()
            newer |= set(_newer(docs.get(name, {"since": "99"}), words, version))
        self._redis.close()
        return newer

    def _sent(self) -> Iterator[tuple[str, ...]]:
        """The words of each command, but for what is long: that is content, and no option."""
        self._redis.echo(LAST)
        with self._line, self._line.makefile("rb") as told:
            for line in told:
                words = [word.decode(errors="replace") for word in _QUOTED.findall(line[:MOST])]
                if LAST in words:
                    return
                if words:
                    yield tuple(word for word in words if len(word) < 32)


def _newer(docs: dict[str, Any], words: tuple[str, ...], version: Version) -> Iterator[str]:
    name = words[0].upper()
    if len(words) > 1:
        subcommand = docs.get("subcommands", {}).get(f"{name}|{words[1]}".lower())
        if subcommand is not None:
            yield from _newer(subcommand, words[1:], version)
            return
    if _version(docs["since"]) > version:
        yield name
    given = {word.upper() for word in words[1:]}
    for option, since in _options(docs.get("arguments", [])):
        if option in given and since > version:
            yield f"{name} {option}"


def _options(arguments: list[dict[str, Any]], since: Version = (0,)) -> Iterator[tuple[str, Any]]:
    for argument in arguments:
        own = max(since, _version(argument.get("since", "0")))
        if "token" in argument:
            yield argument["token"].upper(), own
        yield from _options(argument.get("arguments", []), own)


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.split(".")[:2])
