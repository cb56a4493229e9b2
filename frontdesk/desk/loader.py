"""A desk folder to validated teams, with every mistake found at once."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path
from typing import Any

from jinja2 import Template

from frontdesk.desk.approval_checks import check_approvals
from frontdesk.desk.background import check_background
from frontdesk.desk.capture import check_capture
from frontdesk.desk.context import check_context
from frontdesk.desk.document import Document, read_text
from frontdesk.desk.files import Files, files, plain, reading
from frontdesk.desk.functions import check_functions, read_code
from frontdesk.desk.guarding import check_guardrails, read_judges
from frontdesk.desk.languages import check_languages
from frontdesk.desk.layers import ENDINGS, is_overlay, overlays, read_layers, team_of_overlay
from frontdesk.desk.memory import check_memory
from frontdesk.desk.models import check_models
from frontdesk.desk.prices import Prices, read_prices
from frontdesk.desk.problems import DeskError, Problem, did_you_mean, in_order
from frontdesk.desk.prompts import (
    ANSWER_VARIABLES,
    BUILT_IN,
    LARGEST_PROMPT,
    check_rendering,
    check_template,
    compile_template,
    prompt_variables,
    template_values,
)
from frontdesk.desk.reach import check_reach
from frontdesk.desk.realtime import check_realtime
from frontdesk.desk.references import check_references, check_servers, mapping
from frontdesk.desk.renames import check_renames
from frontdesk.desk.schema import Team
from frontdesk.desk.servers import read_server_names
from frontdesk.desk.stored import StoredPrompt, other_prompts, stored_prompts
from frontdesk.desk.validation import validate


@dataclass(frozen=True, slots=True)
class LoadedTeam:
    """A team that may take calls. ``version`` is 12 hex digits over its YAML, prompts and code;
    ``root`` is the desk's folder, from which ``tools.module:function`` is found."""

    team: Team
    path: Path
    root: Path
    version: str
    prompts: Mapping[str, Template]
    document: Document
    prompt_files: Mapping[str, tuple[Path, str]]
    """Where each agent's prompt stands, and its text."""
    warnings: tuple[Problem, ...] = ()
    stored: Mapping[str, StoredPrompt] = field(default_factory=dict[str, StoredPrompt])
    """Prompts by the name of their file, for sessions that refer to one."""
    judges: Mapping[str, str] = field(default_factory=dict[str, str])
    """What models watch for, by guardrail."""
    sources: Mapping[Path, str] = field(default_factory=dict[Path, str])
    """All that the team was read from: its files, their prompts, the code of its functions."""
    secrets: Mapping[Path, str] = field(default_factory=dict[Path, str])
    """The files with secrets, and hashes of those."""

    def prompt(self, agent: str, variables: Mapping[str, Any] | None = None) -> str:
        """The instructions of ``agent``, with ``variables`` over those of the team file.

        Raises ``KeyError`` for an unknown agent and ``jinja2.TemplateError`` when ``variables``
        do not suit the template.
        """
        values = prompt_variables(self.team, agent, variables or {})
        return self.prompts[agent].render(values).strip()


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with ``agents/``, ``tools/`` and ``mcp_servers/``, and maybe ``prices.yaml``."""

    root: Path
    teams: Mapping[str, LoadedTeam]
    mcp_config: Path | None
    prices: Prices | None = None

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


def load_team(
    path: Path,
    env: Mapping[str, str] = os.environ,
    overlay: str | None = None,
    source: Files | None = None,
) -> LoadedTeam:
    """Read, check and build one team file. Raises `DeskError` with all problems found.

    The desk is the folder that holds ``agents/``, or the file's own when it lies elsewhere.
    ``overlay`` is the name of one that goes over the file, where it has one of that name; the
    ``path`` of an overlay stands for its team with it. ``source`` is where to read from when it is
    not the disk; secrets are always from there.
    """
    with reading(source or Files()) as read:
        return _load(path, env, overlay, read)


def _load(path: Path, env: Mapping[str, str], overlay: str | None, read: Files) -> LoadedTeam:
    root = path.parent.parent if path.parent.name == "agents" else path.parent
    above = overlays(path).get(overlay) if overlay else None
    if is_overlay(path) and files().is_file(path):
        path, above = _team_file(path), path
    document = read_layers(path, env, above)
    team, invalid = validate(document)
    prompts, judges = _read_prompts(document), read_judges(document)
    others, unusable = other_prompts(path.parent, prompts.texts)
    problems = [
        *document.problems,
        *invalid,
        *check_references(document),
        *check_renames(document),
        *check_models(document),
        *check_reach(document),
        *check_guardrails(document, env),
        *check_memory(document, env),
        *check_languages(document, env),
        *check_context(document, env),
        *check_capture(document),
        *check_realtime(document, env),
        *_check_servers(document, root),
        *check_functions(document, root),
        *_check_answers(document),
        *check_approvals(document, root),
        *check_background(document),
        *prompts.problems,
        *judges.problems,
        *_check_filled_in(document, prompts),
        *unusable,
    ]
    read_code(document, root)
    if team is None or any(problem.severity == "error" for problem in problems):
        raise DeskError(problems)
    return LoadedTeam(
        team,
        path,
        root,
        _version(document, root, read),
        {agent: compile_template(text) for agent, (_, text) in prompts.texts.items()},
        document,
        prompts.texts,
        in_order(problems),
        stored_prompts(prompts.texts, others),
        judges.texts,
        read.texts,
        read.secrets,
    )


def load_desk(root: Path, env: Mapping[str, str] = os.environ, overlay: str | None = None) -> Desk:
    """Load every team of the desk at ``root``, with the ``overlay`` of those that have one of that
    name. Raises `DeskError` with the problems of all."""
    read = read_teams(root, env, overlay)
    problems = [problem for found in read.problems.values() for problem in found]
    prices = None
    try:
        prices = read_prices(root)
    except DeskError as error:
        problems += error.problems
    if problems:
        raise DeskError(problems)
    config = mcp_config(root)
    return Desk(root, read.teams, config if config.is_file() else None, prices)


@dataclass(frozen=True, slots=True)
class ReadTeams:
    """What the files of a desk say: teams by name, and what is wrong with the others, by file."""

    teams: dict[str, LoadedTeam]
    problems: dict[Path, tuple[Problem, ...]]


def read_teams(
    root: Path, env: Mapping[str, str] = os.environ, overlay: str | None = None
) -> ReadTeams:
    """As :func:`load_desk`, with the right teams beside the wrong ones. Raises `DeskError` when
    there is no team to look at, or no such ``overlay``."""
    read = ReadTeams({}, {})
    for path in _team_files(root, overlay):
        try:
            loaded = load_team(path, env, overlay)
        except DeskError as error:
            read.problems[path] = error.problems
            continue
        if first := read.teams.get(loaded.team.name):
            message = f"the name `{loaded.team.name}` is taken by {first.path}"
            read.problems[path] = (Problem(path, 1, 1, message),)
        read.teams.setdefault(loaded.team.name, loaded)
    return read


def _team_files(root: Path, overlay: str | None) -> list[Path]:
    agents = root / "agents"
    if not agents.is_dir():
        hint = "`frontdesk init FOLDER` makes a desk"
        raise DeskError([Problem(agents, 1, 1, "there is no such folder: not a desk", hint)])
    found = sorted(file for ending in ENDINGS for file in agents.glob(f"*{ending}"))
    files = [file for file in found if not is_overlay(file)]
    for file in found:
        if is_overlay(file):
            _team_file(file)
    if not files:
        raise DeskError([Problem(agents, 1, 1, "there is no team in it: expected a .yaml file")])
    there_are = {name for file in files for name in overlays(file)}
    if overlay and overlay not in there_are:
        hint = did_you_mean(overlay, there_are) or f"there are {', '.join(sorted(there_are))}"
        message = f"no team has an overlay `{overlay}`: expected a file TEAM.{overlay}.yaml"
        raise DeskError([Problem(agents, 1, 1, message, hint if there_are else None)])
    return files


def _team_file(overlay: Path) -> Path:
    """The team file of an overlay; `DeskError` when it has none."""
    if (team := team_of_overlay(overlay)) is None:
        name = overlay.stem.partition(".")[0] + overlay.suffix
        message = f"named as an overlay of {name}, which does not exist"
        hint = "a team's own file has no dot in its name"
        raise DeskError([Problem(overlay, 1, 1, message, hint)])
    return team


def mcp_config(root: Path) -> Path:
    """Where a desk names its MCP servers."""
    return root / "mcp_servers" / "mcp.json"


def _check_servers(document: Document, root: Path) -> Iterator[Problem]:
    if not mapping(mapping(document.data).get("mcp")):
        return
    config = mcp_config(root)
    try:
        with reading(Files()):  # the connections are the process's, whatever the team's version
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


def _read_prompts(document: Document) -> _Prompts:
    prompts = _Prompts()
    data = mapping(document.data)
    known = (*BUILT_IN, *mapping(data.get("variables")))
    for name, agent in mapping(data.get("agents")).items():
        relative = mapping(agent).get("instructions")
        if not isinstance(relative, str):
            continue
        location = ("agents", name, "instructions")
        path = Path(normpath(document.file(location).parent / relative))  # one name for one file
        if not files().is_file(path):
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
            at = (*place, "answer")
            yield from check_template(
                node, ANSWER_VARIABLES, document.file(at), document.values[at]
            )


def _check_filled_in(document: Document, prompts: _Prompts) -> Iterator[Problem]:
    # From the plain data, so that a mistake elsewhere does not hide those that show only now.
    data = mapping(document.data)
    about = {key: data.get(key, "") for key in ("name", "description")}
    wrong = {problem.file for problem in prompts.problems}
    for agent, (path, text) in prompts.texts.items():
        if path not in wrong:
            description = mapping(mapping(data["agents"])[agent]).get("description", "")
            about_agent = {"name": agent, "description": description}
            values = template_values(mapping(data.get("variables")), about, about_agent)
            yield from check_rendering(compile_template(text), values, path)


def _version(document: Document, root: Path, read: Files) -> str:
    digest = hashlib.sha256(document.text.encode())
    texts = {os.path.relpath(path, plain(root)): text for path, text in read.texts.items()}
    for place, text in sorted(texts.items()):
        digest.update(f"\0{place}\0{text}".encode())
    return digest.hexdigest()[:12]
