"""Whether ``tools.module:function`` exists, found by reading source, never by running it."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from frontdesk.desk.document import Document, Location, read_text
from frontdesk.desk.files import Files, files, plain, reading
from frontdesk.desk.problems import DeskError, Problem, did_you_mean
from frontdesk.desk.references import items, mapping

LARGEST_CODE = 1 << 20
_CALL = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
"""module:function"""


def check_functions(document: Document, root: Path) -> Iterator[Problem]:
    """Tools, guardrails and redactions of a team file whose module or function is not there, or
    can't be parsed."""
    for location, call in _calls(mapping(document.data)):
        if isinstance(call, str) and call.count(":") == 1:
            yield from _check_call(document, location, call, root)


def _calls(data: dict[str, Any]) -> Iterator[tuple[Location, Any]]:
    for section in ("tools", "guardrails"):
        for name, entry in mapping(data.get(section)).items():
            yield (section, name, "call"), mapping(entry).get("call")
    yield ("redact",), data.get("redact")
    for index, one in enumerate(items(data.get("redact"))):
        yield ("redact", index), one


def _check_call(document: Document, location: Location, call: str, root: Path) -> Iterator[Problem]:
    module, _, function = call.partition(":")
    source = module_file(module, root)
    if source is None:
        wanted = root.joinpath(*module.split(".")).with_suffix(".py")
        hint = did_you_mean(module, _modules(root, module))
        yield document.problem(location, f"no module `{module}`: looked for {wanted}", hint)
        return
    try:
        # Installed packages are the machine's, not the team's.
        with reading(files() if plain(source).is_relative_to(plain(root)) else Files()):
            functions = list(_functions(source))
    except DeskError as error:
        yield from error.problems
        return
    except SyntaxError as error:
        yield Problem(
            source, error.lineno or 1, error.offset or 1, f"not valid Python: {error.msg}"
        )
        return
    if function not in functions:
        hint = did_you_mean(function, functions)
        yield document.problem(location, f"no function `{function}` in {source}", hint)


def read_code(document: Document, root: Path) -> None:
    """Read the desk's own code that a team file names, and what lies beside it and may be
    imported by it, so that it is part of the team's version."""
    modules = {value.partition(":")[0] for value in _texts(document.data) if _CALL.match(value)}
    for top in sorted({module.partition(".")[0] for module in modules}):
        found = files().glob(root / top, "**/*.py")
        for source in found or [root / f"{top}.py"]:
            with suppress(DeskError):  # told already, when it is a function's own
                read_text(source, LARGEST_CODE)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a document."""
    if isinstance(value, str):
        yield value
    for inner in (*mapping(value).values(), *items(value)):
        yield from _texts(inner)


def module_file(module: str, root: Path) -> Path | None:
    """The source of ``module``: in the desk at ``root``, else among the installed packages."""
    base = root.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if files().is_file(candidate):
            return candidate
    return _installed(module)


def _installed(module: str) -> Path | None:
    # PathFinder, unlike importlib.util.find_spec, imports no parent package.
    search: list[str] | None = None
    parts = module.split(".")
    for depth in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: depth + 1]), search)
        if spec is None:
            return None
        if depth == len(parts) - 1:
            return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
        search = list(spec.submodule_search_locations or ())
    return None


def _functions(source: Path) -> Iterator[str]:
    for node in ast.parse(read_text(source, LARGEST_CODE)).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name for alias in names)
            case _:
                pass


def parameters(module: str, function: str, root: Path) -> tuple[str, ...] | None:
    """The names that a function takes; None when it is not defined in that file, or takes any."""
    source = module_file(module, root)
    try:
        body = ast.parse(read_text(source, largest=1 << 20)).body if source else []
    except (DeskError, SyntaxError):
        return None
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            arguments = node.args
            named = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            return None if arguments.kwarg else tuple(each.arg for each in named)
    return None


def _modules(root: Path, module: str) -> list[str]:
    folder = root.joinpath(*module.split(".")[:-1])
    prefix = module.rpartition(".")[0]
    stems = (file.stem for file in folder.glob("*.py")) if folder.is_dir() else ()
    return [f"{prefix}.{stem}".lstrip(".") for stem in stems]
