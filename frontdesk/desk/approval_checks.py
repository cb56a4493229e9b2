"""Rules of approval that cannot work: questions that cannot be put, globs that fit no tool; and
the globs of tools that may run twice, which fit none."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from frontdesk.desk.approvals import ASK_VARIABLES
from frontdesk.desk.document import Document, Location
from frontdesk.desk.functions import parameters
from frontdesk.desk.problems import Problem, did_you_mean
from frontdesk.desk.prompts import check_template
from frontdesk.desk.references import items, mapping


def check_approvals(document: Document, root: Path) -> Iterator[Problem]:
    """Templates that cannot be filled in, arguments that a function does not have, and globs that
    fit no tool that the team may use."""
    data = mapping(document.data)
    for at, value in _rules(data):
        yield from _check_ask(document, at, value)
        if at[0] == "tools":
            yield from _check_arguments(document, at, value, root)
    for server, use in mapping(data.get("mcp")).items():
        tools = mapping(mapping(use).get("tools"))
        renamed = mapping(tools.get("rename"))
        allowed = [str(renamed.get(name, name)) for name in items(tools.get("allow"))]
        for glob in mapping(mapping(use).get("approve")):
            if not _may_fit(glob, allowed):
                message = f"`{glob}` fits no tool that `tools.allow` has"
                at = ("mcp", server, "approve", glob)
                yield document.key_problem(at, message, did_you_mean(glob, allowed))
        for index, glob in enumerate(items(mapping(use).get("idempotent"))):
            if isinstance(glob, str) and not _may_fit(glob, allowed):
                message = f"`{glob}` fits no tool that `tools.allow` has"
                at = ("mcp", server, "idempotent", index)
                yield document.problem(at, message, did_you_mean(glob, allowed))


def _check_arguments(
    document: Document, at: Location, rule: dict[str, Any], root: Path
) -> Iterator[Problem]:
    tool = str(at[1])
    call = mapping(mapping(mapping(document.data).get("tools")).get(tool)).get("call")
    module, _, function = str(call).partition(":")
    if (known := parameters(module, function, root)) is None:
        return
    for path in mapping(mapping(rule.get("when")).get("arguments")):
        if path not in known and path.partition(".")[0] not in known:
            place = (*at, "when", "arguments", path)
            message = f"`{tool}` has no argument `{path}`"
            yield document.key_problem(place, message, did_you_mean(path, known))


def _may_fit(glob: str, allowed: list[str]) -> bool:
    """Whether some tool may have the glob's name; a glob may meet any other."""
    return not allowed or any(
        fnmatchcase(name, glob) or any(sign in name for sign in "*?[") for name in allowed
    )


def _rules(data: dict[str, Any]) -> Iterator[tuple[Location, dict[str, Any]]]:
    """Every rule in its long form, and where it stands."""
    places: list[tuple[Location, Any]] = [
        (("tools", name, "approve"), mapping(tool).get("approve"))
        for name, tool in mapping(data.get("tools")).items()
    ]
    tables: list[tuple[Location, Any]] = [
        (("mcp", name, "approve"), mapping(use).get("approve"))
        for name, use in mapping(data.get("mcp")).items()
    ]
    tables.append((("policies", "approve"), mapping(data.get("policies")).get("approve")))
    for at, table in tables:
        places += [((*at, glob), rules) for glob, rules in mapping(table).items()]
    for at, rules in places:
        if isinstance(rules, dict):
            yield at, mapping(rules)
        for index, rule in enumerate(items(rules)):
            if isinstance(rule, dict):
                yield (*at, index), mapping(rule)


def _check_ask(document: Document, at: Location, rule: dict[str, Any]) -> Iterator[Problem]:
    ask = rule.get("ask")
    if isinstance(ask, str):
        place = (*at, "ask")
        yield from check_template(ask, ASK_VARIABLES, document.file(place), document.values[place])
