"""What two versions of a team differ in, in meaning.

Compared are the validated teams, so neither layout, comments, order nor a default that is written
out makes a difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import BaseModel, SecretStr

from frontdesk.desk.document import Document, Location
from frontdesk.desk.handoffs import AgentVoice, Handoff
from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.references import items, mapping

Sign = Literal["+", "-", "~"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is there no more (``-``), new (``+``) or other (``~``): ``where`` in the team,
    as ``agents.orders.model``. ``before`` and ``after`` are values; texts of several lines for
    prompts."""

    sign: Sign
    where: str
    before: str | None = None
    after: str | None = None


def changes(before: LoadedTeam, after: LoadedTeam) -> list[Change]:
    """All differences, section by section."""
    found = list(_compare("", _meaning(before), _meaning(after)))
    for agent in sorted(before.prompt_files.keys() & after.prompt_files.keys()):
        old, new = (_text(loaded.prompt_files[agent][1]) for loaded in (before, after))
        if old != new:
            found.append(Change("~", f"agents.{agent}.instructions", old, new))
    found += _stored(before, after)
    return found


def server_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Differences of the ``mcpServers`` of two desks."""
    old, new = ({name: _veiled(server) for name, server in m.items()} for m in (before, after))
    return list(_compare("mcpServers", old, new))


def _veiled(server: Any) -> dict[str, Any]:
    """A server with what may be a secret veiled; references are none."""
    entry = mapping(server)
    veiled = {key: _all_veiled(entry[key]) for key in ("headers", "env") if key in entry}
    if secret := mapping(entry.get("oauth")).get("clientSecret"):
        veiled["oauth"] = entry["oauth"] | _all_veiled({"clientSecret": secret})
    return entry | veiled


def _all_veiled(values: Any) -> dict[str, Any]:
    return {
        name: value if "${" in str(value) else SecretStr(str(value))
        for name, value in mapping(values).items()
    }


def _meaning(loaded: LoadedTeam) -> dict[str, Any]:
    team = loaded.team
    plain = cast("dict[str, Any]", _plain(team, loaded.document, ()))
    del plain["include"]
    main = next(iter(team.models))
    for agent in mapping(plain["agents"]).values():
        agent["model"] = agent["model"] or main  # the first one stands for none
        if isinstance(agent["voice"], str):
            agent["voice"] = {**AgentVoice().model_dump(), "voice": agent["voice"]}
        del agent["instructions"]  # compared by its text, not by its file's name
    return plain


def _plain(value: Any, document: Document, at: Location) -> Any:
    """``value`` as maps (also of handoffs, by agent), lists and text, where a reference as it is
    written stands for what it stands for: no secret shows, and no machine makes a difference."""
    if at in document.references:
        return document.references[at]
    match value:
        case BaseModel():
            fields = type(value).model_fields
            return {name: _plain(getattr(value, name), document, (*at, name)) for name in fields}
        case dict():
            pairs = mapping(cast("Any", value)).items()
            return {key: _plain(inner, document, (*at, key)) for key, inner in pairs}
        case tuple() | list():
            entries = list(cast("tuple[Any, ...]", value))
            if at and at[-1] == "handoffs":
                return dict(map(_handoff, entries))
            return [_plain(inner, document, (*at, index)) for index, inner in enumerate(entries)]
        case _:
            return value


def _handoff(edge: str | Handoff) -> tuple[str, dict[str, Any]]:
    full = Handoff(to=edge) if isinstance(edge, str) else edge
    return full.to, full.model_dump(exclude={"to"})


def _compare(where: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _compare_maps(where, mapping(before), mapping(after))
    elif isinstance(before, list) and isinstance(after, list):
        old, new = items(before), items(after)
        yield from (Change("-", where, before=_shown(item)) for item in old if item not in new)
        yield from (Change("+", where, after=_shown(item)) for item in new if item not in old)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Change("~", where, _shown(before), _shown(after))


def _compare_maps(
    where: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Change]:
    for key in [*before, *(key for key in after if key not in before)]:
        here = f"{where}.{key}" if where else key
        if key not in after:
            yield Change("-", here)
        elif key not in before:
            yield Change("+", here)
        else:
            yield from _compare(here, before[key], after[key])


def _shown(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case SecretStr():
            return "a secret"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case dict():
            pairs = mapping(cast("Any", value)).items()
            return ", ".join(f"{key}: {_shown(inner)}" for key, inner in pairs)
        case list():
            return "; ".join(_shown(inner) for inner in items(cast("Any", value)))
        case _:
            return str(value)


def _stored(before: LoadedTeam, after: LoadedTeam) -> Iterator[Change]:
    """Prompts that no agent has, which clients may name."""
    old, new = (
        {name: prompt.version for name, prompt in loaded.stored.items() if not prompt.agents}
        for loaded in (before, after)
    )
    yield from _compare_maps("prompts", old, new)


def _text(text: str) -> str:
    """Without what Markdown does not show: spaces at line ends, empty lines at both ends."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
