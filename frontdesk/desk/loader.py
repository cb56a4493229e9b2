"""A desk folder to validated teams, with every mistake found at once."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Template

from frontdesk.desk.document import Document, read_document, read_text
from frontdesk.desk.functions import check_functions
from frontdesk.desk.interpolation import interpolate
from frontdesk.desk.problems import DeskError, Problem, did_you_mean, in_order
from frontdesk.desk.prompts import (
    ANSWER_VARIABLES,
    BUILT_IN,
    LARGEST_PROMPT,
    check_rendering,
    check_template,
    compile_template,
    prompt_variables,
)
from frontdesk.desk.references import check_references, check_servers, mapping
from frontdesk.desk.schema import Team
from frontdesk.desk.servers import read_server_names
from frontdesk.desk.stored import StoredPrompt, other_prompts, stored_prompts
from frontdesk.desk.validation import validate


@dataclass(frozen=True, slots=True)
class LoadedTeam:
    """A team that may take calls. ``version`` is 12 hex digits over its YAML and prompts;
    ``root`` is the desk's folder, from which ``tools.module:function`` is found."""

    team: Team
    path: Path
    root: Path
    version: str
    prompts: Mapping[str, Template]
    warnings: tuple[Problem, ...] = ()
    stored: Mapping[str, StoredPrompt] = field(default_factory=dict[str, StoredPrompt])
    """Prompts by the name of their file, for sessions that refer to one."""

    def prompt(self, agent: str, variables: Mapping[str, Any] | None = None) -> str:
        """The instructions of ``agent``, with ``variables`` over those of the team file.

        Raises ``KeyError`` for an unknown agent and ``jinja2.TemplateError`` when ``variables``
        do not suit the template.
        """
        values = prompt_variables(self.team, agent, variables or {})
        return self.prompts[agent].render(values).strip()


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with ``agents/``, ``tools/`` and ``mcp_servers/``."""

    root: Path
    teams: Mapping[str, LoadedTeam]
    mcp_config: Path | None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return in_order(warning for team in self.teams.values() for warning in team.warnings)

    def team(self, name: str | None = None) -> LoadedTeam:
        """The team called ``name``, or the only one. Raises ``LookupError`` with what there is."""
        if name is None and len(self.teams) == 1:
            return next(iter(self.teams.values()))
        there_are = f"this desk has {', '.join(self.teams)}"
        if name is None:
            raise LookupError(f"say which team: {there_are}")
        if name in self.teams:
            return self.teams[name]
        raise LookupError(f"no team {name!r}: {did_you_mean(name, self.teams) or there_are}")


def load_team(path: Path, env: Mapping[str, str] = os.environ) -> LoadedTeam:
    """Read, check and build one team file. Raises `DeskError` with all problems found.

    The desk is the folder that holds ``agents/``, or the file's own when it lies elsewhere.
    """
    root = path.parent.parent if path.parent.name == "agents" else path.parent
    document = read_document(path, lambda text: interpolate(text, env, path.parent))
    team, invalid = validate(document)
    prompts = _read_prompts(document)
    others, unusable = other_prompts(path.parent, prompts.texts)
    problems = [
        *document.problems,
        *invalid,
        *check_references(document),
        *_check_servers(document, root),
        *check_functions(document, root),
        *_check_answers(document),
        *prompts.problems,
        *unusable,
    ]
    if team and not any(problem.severity == "error" for problem in problems):
        problems += _check_filled_in(team, prompts)
        if not any(problem.severity == "error" for problem in problems):
            version = _version(document, prompts)
            warnings = in_order(problems)
            stored = stored_prompts(prompts.texts, others)
            return LoadedTeam(team, path, root, version, prompts.compiled(), warnings, stored)
    raise DeskError(problems)


def load_desk(root: Path, env: Mapping[str, str] = os.environ) -> Desk:
    """Load every team of the desk at ``root``. Raises `DeskError` with the problems of all."""
    teams: dict[str, LoadedTeam] = {}
    problems: list[Problem] = []
    for path in _team_files(root):
        try:
            loaded = load_team(path, env)
        except DeskError as error:
            problems += error.problems
            continue
        if first := teams.get(loaded.team.name):
            message = f"the name `{loaded.team.name}` is taken by {first.path}"
            problems.append(Problem(path, 1, 1, message))
        teams.setdefault(loaded.team.name, loaded)
    if problems:
        raise DeskError(problems)
    config = _mcp_config(root)
    return Desk(root, teams, config if config.is_file() else None)


def _team_files(root: Path) -> list[Path]:
    agents = root / "agents"
    if not agents.is_dir():
        hint = "`frontdesk init FOLDER` makes a desk"
        raise DeskError([Problem(agents, 1, 1, "there is no such folder: not a desk", hint)])
    files = sorted([*agents.glob("*.yaml"), *agents.glob("*.yml")])
    if not files:
        raise DeskError([Problem(agents, 1, 1, "there is no team in it: expected a .yaml file")])
    return files


def _mcp_config(root: Path) -> Path:
    return root / "mcp_servers" / "mcp.json"


def _check_servers(document: Document, root: Path) -> Iterator[Problem]:
    if not mapping(mapping(document.data).get("mcp")):
        return
    config = _mcp_config(root)
    try:
        names = read_server_names(config)
    except DeskError as error:
        yield from error.problems
    else:
        yield from check_servers(document, names, str(config))


class _Prompts:
    """The prompt files of a document: text by agent, and what is wrong with them."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[Path, str]] = {}
        self.problems: list[Problem] = []

    def compiled(self) -> dict[str, Template]:
        return {agent: compile_template(text) for agent, (_, text) in self.texts.items()}


def _read_prompts(document: Document) -> _Prompts:
    prompts = _Prompts()
    data = mapping(document.data)
    known = (*BUILT_IN, *mapping(data.get("variables")))
    for name, agent in mapping(data.get("agents")).items():
        relative = mapping(agent).get("instructions")
        if not isinstance(relative, str):
            continue
        path = document.path.parent / relative
        if not path.is_file():
            location = ("agents", name, "instructions")
            message = f"the prompt file {path} does not exist"
            hint = did_you_mean(path.name, [near.name for near in path.parent.glob("*.md")])
            prompts.problems.append(document.problem(location, message, hint))
            continue
        try:
            text = read_text(path, LARGEST_PROMPT)
        except DeskError as error:
            prompts.problems += error.problems
            continue
        prompts.texts[name] = path, text
        prompts.problems += check_template(text, known, path)
    return prompts


def _check_answers(document: Document) -> Iterator[Problem]:
    """The answer templates beside tools, the team's own and those of MCP servers."""
    data = mapping(document.data)
    places = [("tools", name) for name in mapping(data.get("tools"))]
    for server, use in mapping(data.get("mcp")).items():
        names = mapping(mapping(use).get("phrases"))
        places += [("mcp", server, "phrases", name) for name in names]
    for place in places:
        node: Any = data
        for part in (*place, "answer"):
            node = mapping(node).get(part)
        if isinstance(node, str):
            position = document.values[(*place, "answer")]
            yield from check_template(node, ANSWER_VARIABLES, document.path, position)


def _check_filled_in(team: Team, prompts: _Prompts) -> Iterator[Problem]:
    for agent, template in prompts.compiled().items():
        path, _ = prompts.texts[agent]
        yield from check_rendering(template, prompt_variables(team, agent, {}), path)


def _version(document: Document, prompts: _Prompts) -> str:
    digest = hashlib.sha256(document.text.encode())
    for agent, (_, text) in sorted(prompts.texts.items()):
        digest.update(f"\0{agent}\0{text}".encode())
    return digest.hexdigest()[:12]
