"""What the guardrails of a team file lead to: names, functions, prompts, models that can judge."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path
from typing import Any

from frontdesk.desk.document import Document, Location, read_text
from frontdesk.desk.files import files
from frontdesk.desk.problems import DeskError, Problem, did_you_mean, warning
from frontdesk.desk.prompts import (
    LARGEST_PROMPT,
    check_rendering,
    check_template,
    compile_template,
    template_values,
)
from frontdesk.desk.references import items, mapping

NO_JUDGE = "the embedded model cannot judge: a guardrail with a `prompt` needs a hosted model"


def check_guardrails(document: Document, env: Mapping[str, str]) -> Iterator[Problem]:
    """Dangling names, guardrails nobody uses or that cannot work where they are used, and models
    that cannot judge."""
    known = mapping(mapping(document.data).get("guardrails"))
    used: set[str] = set()
    for location, name in _uses(document):
        used.add(name)
        if name not in known:
            hint = did_you_mean(name, known)
            yield document.problem(location, f"no guardrail `{name}` under `guardrails`", hint)
        elif problem := _misused(mapping(known[name]), location):
            yield document.problem(location, f"`{name}` {problem}")
    for name, guardrail in known.items():
        if name not in used:
            message = f"nothing uses the guardrail `{name}`"
            yield warning(document.key_problem(("guardrails", name), message))
        if "prompt" in mapping(guardrail):
            yield from _check_judge(document, name, mapping(guardrail), env)


def _uses(document: Document) -> Iterator[tuple[Location, str]]:
    """Each place that names a guardrail."""
    data = mapping(document.data)
    holders: list[tuple[Location, Any]] = [(("defaults",), data.get("defaults"))]
    for section in ("agents", "tools", "mcp"):
        holders += [((section, name), entry) for name, entry in mapping(data.get(section)).items()]
    for holder, entry in holders:
        for side, names in mapping(mapping(entry).get("guardrails")).items():
            for index, name in enumerate(items(names)):
                if isinstance(name, str):
                    yield (*holder, "guardrails", side, index), name


def _misused(guardrail: dict[str, Any], location: Location) -> str | None:
    if guardrail.get("mode") != "replace":
        return None
    side = location[-2]
    if side == "arguments":
        return "has `mode: replace`: arguments can be refused (block) or noted (audit)"
    if side == "input" and ("call" in guardrail or "prompt" in guardrail):
        return "has `mode: replace`: of what a caller says only pii, words and pattern are replaced"
    return None


def _check_judge(
    document: Document, name: str, guardrail: dict[str, Any], env: Mapping[str, str]
) -> Iterator[Problem]:
    data = mapping(document.data)
    models = mapping(data.get("models", {"main": None}))
    model = guardrail.get("model", next(iter(models), None))
    at: Location = ("guardrails", name, "model" if "model" in guardrail else "prompt")
    if not isinstance(model, str):
        return  # the schema says so
    if model not in models:
        hint = did_you_mean(model, models)
        yield document.problem(at, f"no model `{model}` under `models`", hint)
        return
    provider = mapping(models[model]).get("provider", "auto")
    if provider == "embedded":
        yield document.problem(at, f"`{model}`: {NO_JUDGE}")
    elif provider == "auto" and not (env.get("OPENAI_API_KEY") or env.get("OPENAI_BASE_URL")):
        message = f"`{model}` is the embedded model where OPENAI_API_KEY is not set; {NO_JUDGE}"
        yield warning(document.problem(at, message))


@dataclass(slots=True)
class Judges:
    """What models have to watch for, filled in, by guardrail, and what is wrong with it."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[Problem] = field(default_factory=list[Problem])


def read_judges(document: Document) -> Judges:
    """The prompts of guardrails. They may use the team's variables."""
    judges, data = Judges(), mapping(document.data)
    about = {key: data.get(key, "") for key in ("name", "description")}
    values = template_values(mapping(data.get("variables")), about, {})
    del values["agent"], values["today"]
    for name, guardrail in mapping(data.get("guardrails")).items():
        relative = mapping(guardrail).get("prompt")
        if isinstance(relative, str):
            location = ("guardrails", name, "prompt")
            _read(judges, name, document, location, relative, values)
    return judges


def _read(
    judges: Judges,
    name: str,
    document: Document,
    location: Location,
    relative: str,
    values: Mapping[str, Any],
) -> None:
    path = Path(normpath(document.file(location).parent / relative))
    if not files().is_file(path):
        message = f"the prompt file {path} does not exist"
        hint = did_you_mean(path.name, [near.name for near in files().glob(path.parent, "*.md")])
        judges.problems.append(document.problem(location, message, hint))
        return
    try:
        text = read_text(path, LARGEST_PROMPT)
    except DeskError as error:
        judges.problems += error.problems
        return
    known: Collection[str] = values.keys()
    found = [*check_template(text, known, path)]
    found = found or [*check_rendering(compile_template(text), values, path)]
    judges.problems += found
    if not found:
        judges.texts[name] = compile_template(text).render(values).strip()
