"""Prompts: Markdown files that are sandboxed Jinja2 templates.

Their values come from the team file and the call; they are data to the template, never source.
"""

import traceback
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from frontdesk.desk.problems import Problem, did_you_mean
from frontdesk.desk.schema import Agent, Team

BUILT_IN = ("team", "agent", "today")
ANSWER_VARIABLES = ("result", "args")
LARGEST_PROMPT = 64 * 1024
MAPPING_METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))

_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def prompt_variables(team: Team, agent_name: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What an agent's prompt can use.

    The team's own variables, ``extra`` over them, and ``team`` and ``agent`` (each with ``name``
    and ``description``) and ``today`` (as ``Sunday, 22 November 2026``).
    """
    agent: Agent = team.agents[agent_name]
    now = datetime.now().astimezone()
    return {
        **team.variables,
        **extra,
        "team": {"name": team.name, "description": team.description},
        "agent": {"name": agent_name, "description": agent.description},
        "today": f"{now:%A}, {now.day} {now:%B %Y}",
    }


def compile_template(source: str) -> Template:
    """A sandboxed template in which an unknown variable is an error, not empty text."""
    return _environment.from_string(source)


def named_variables(source: str) -> frozenset[str]:
    """The variables that a template names, the built-in ones too; none when it is not valid."""
    try:
        return frozenset(meta.find_undeclared_variables(_environment.parse(source)))
    except TemplateSyntaxError:
        return frozenset()


def check_template(
    source: str, known: Collection[str], file: Path, first: tuple[int, int] = (1, 1)
) -> list[Problem]:
    """Syntax errors, unknown variables and includes of a template.

    ``first`` is where the template begins in ``file`` when it is a value of a team file: then all
    problems are reported there.
    """
    try:
        tree = _environment.parse(source)
        unknown = meta.find_undeclared_variables(tree) - set(known)  # compiles: finds bad filters
    except TemplateSyntaxError as error:
        message = f"not a valid template: {error.message}"
        return [Problem(file, *_place(first, error.lineno), message)]
    problems = [
        _unknown(source, node, known, file, first)
        for node in tree.find_all(nodes.Name)
        if node.name in unknown
    ]
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        message = "a template can't include or import other files"
        problems.append(Problem(file, *_place(first, node.lineno), message))
    called = [id(call.node) for call in tree.find_all(nodes.Call)]
    for node in tree.find_all(nodes.Getattr):
        if node.attr in MAPPING_METHODS and id(node) not in called:
            message = f"`.{node.attr}` is a method of every mapping, not a value in it"
            hint = f'write ["{node.attr}"]'
            problems.append(Problem(file, *_place(first, node.lineno), message, hint))
    return problems


def check_rendering(template: Template, variables: Mapping[str, Any], file: Path) -> list[Problem]:
    """Mistakes that show only when a template is filled in: a wrong attribute, an unsafe one."""
    try:
        template.render(variables)
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == "<template>"]
        line = lines[-1] if lines else 1
        return [Problem(file, line or 1, 1, f"the template can't be filled in: {error}")]
    return []


def _unknown(
    source: str, node: nodes.Name, known: Collection[str], file: Path, first: tuple[int, int]
) -> Problem:
    line, column = _place(first, node.lineno)
    if first == (1, 1):
        column = max(source.splitlines()[line - 1].find(node.name), 0) + 1
    hint = did_you_mean(node.name, known) or f"there are {', '.join(sorted(known))}"
    return Problem(file, line, column, f"unknown variable `{node.name}`", hint)


def _place(first: tuple[int, int], line: int) -> tuple[int, int]:
    return (line, 1) if first == (1, 1) else first
