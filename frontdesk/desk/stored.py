"""The prompts of a desk by name, as a client's session may refer to them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Template

from frontdesk.desk.document import read_text
from frontdesk.desk.files import files
from frontdesk.desk.problems import DeskError, Problem, warning
from frontdesk.desk.prompts import (
    BUILT_IN,
    LARGEST_PROMPT,
    check_template,
    compile_template,
    named_variables,
)

FOLDER = "prompts"


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """One prompt file. ``version`` is 12 hex digits over its text, ``variables`` are those it
    names, ``agents`` have it as their own instructions."""

    name: str
    version: str
    template: Template
    variables: frozenset[str]
    agents: frozenset[str]


def other_prompts(
    folder: Path, own: Mapping[str, tuple[Path, str]]
) -> tuple[dict[str, str], list[Problem]]:
    """Texts by name of the prompts in ``prompts/`` beside the team file that no agent has
    (``own``: file and text by agent), and what is wrong with those that cannot be used.

    Their variables are the client's to give, so any may be named there.
    """
    taken = {path.stem for path, _ in own.values()}
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for path in files().glob(folder / FOLDER, "*.md"):
        if path.stem in taken:
            continue
        try:
            text = read_text(path, LARGEST_PROMPT)
        except DeskError as error:
            wrong = [*error.problems]
        else:
            wrong = check_template(text, named_variables(text), path)
            texts |= {} if wrong else {path.stem: text}
        problems += [warning(problem) for problem in wrong]
    return texts, problems


def stored_prompts(
    own: Mapping[str, tuple[Path, str]], others: Mapping[str, str]
) -> dict[str, StoredPrompt]:
    """All prompts by the name of their file without its ending. Where agents of a team have two
    files of one name, the first stands."""
    texts = dict(others)
    agents: dict[str, set[str]] = {}
    for agent, (path, text) in own.items():
        if texts.setdefault(path.stem, text) == text:
            agents.setdefault(path.stem, set()).add(agent)
    return {name: _stored(name, text, agents.get(name, set())) for name, text in texts.items()}


def _stored(name: str, text: str, agents: set[str]) -> StoredPrompt:
    return StoredPrompt(
        name,
        hashlib.sha256(text.encode()).hexdigest()[:12],
        compile_template(text),
        named_variables(text) - {*BUILT_IN},
        frozenset(agents),
    )
