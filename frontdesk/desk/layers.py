"""A team file with what it includes beneath it and an overlay above it.

One rule for both: maps merge, lists and single values replace, nothing (``null``) removes. Each
key and value keeps the file and the line it came from.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from frontdesk.desk.document import Document, Location, read_document
from frontdesk.desk.files import files, same
from frontdesk.desk.interpolation import interpolate
from frontdesk.desk.problems import DeskError, Problem, did_you_mean
from frontdesk.desk.references import items, mapping

ENDINGS = (".yaml", ".yml")
MOST_FILES = 50


def read_layers(path: Path, env: Mapping[str, str], overlay: Path | None = None) -> Document:
    """Read a team file over its includes, and ``overlay`` (over its own) over that.

    What is wrong with an included file is in ``problems``; what leaves nothing to look at in the
    team file or the overlay raises `DeskError`.
    """
    reader = _Reader(path, env)
    document = reader.read(path)
    return document if overlay is None else _stacked(path, [document, reader.read(overlay)])


def is_overlay(path: Path) -> bool:
    """Whether a file is named like an overlay, ``TEAM.OVERLAY.yaml``, and so is no team."""
    return path.suffix in ENDINGS and "." in path.stem


def overlays(path: Path) -> dict[str, Path]:
    """The overlays of the team file at ``path``, by name."""
    before = f"{path.stem}."
    found = [file for file in files().glob(path.parent, "*.y*ml") if is_overlay(file)]
    return {file.stem.removeprefix(before): file for file in found if file.stem.startswith(before)}


def team_of_overlay(path: Path) -> Path | None:
    """The team file that the overlay at ``path`` belongs to."""
    name = path.stem.partition(".")[0]
    possible = (path.with_name(name + ending) for ending in ENDINGS)
    return next((file for file in possible if files().is_file(file)), None)


class _Reader:
    """Reads files with their includes; knows which are being read, so as to see a circle."""

    def __init__(self, team: Path, env: Mapping[str, str]) -> None:
        self._team = team
        self._env = env
        self._open: list[Path] = []
        self._read = 0

    def read(self, path: Path) -> Document:
        document = read_document(path, lambda text: interpolate(text, self._env, path.parent))
        if "include" not in (sections := mapping(document.data)):
            return document
        self._open.append(path)
        beneath = list(self._included(document, sections.pop("include")))
        self._open.pop()
        return _stacked(path, [*beneath, document])

    def _included(self, document: Document, names: Any) -> Iterator[Document]:
        if not isinstance(names, list):
            message = "`include`: expected a list of files"
            document.problems.append(document.problem(("include",), message))
            return
        for index, name in enumerate(items(names)):
            path = document.path.parent / str(name)
            problem = self._problem(document, index, path)
            if problem:
                document.problems.append(problem)
                continue
            self._read += 1
            try:
                part = self.read(path)
            except DeskError as error:
                document.problems += error.problems
                continue
            yield part

    def _problem(self, document: Document, index: int, path: Path) -> Problem | None:
        at = ("include", index)
        if not files().is_file(path):
            near = [file.name for ending in ENDINGS for file in path.parent.glob(f"*{ending}")]
            hint = did_you_mean(path.name, near)
            return document.problem(at, f"the included file {path} does not exist", hint)
        circle = [*self._open, path]
        if any(same(path, file) for file in self._open):
            names = " → ".join(file.name for file in circle)
            return document.problem(at, f"files include one another in a circle: {names}")
        if same(path.parent, self._team.parent):
            message = f"{path.name} would count as a team of its own"
            return document.problem(at, message, "include files from a folder such as common/")
        if self._read == MOST_FILES:
            return document.problem(at, f"more than {MOST_FILES} files are included")
        return None


def _stacked(path: Path, layers: list[Document]) -> Document:
    """``layers`` as one document of the file at ``path``, the last one on top."""
    stacked = Document(path, "\0".join(layer.text for layer in layers), data={})
    for layer in layers:
        stacked.problems += layer.problems
        sections: Any = layer.data
        if isinstance(sections, dict):
            stacked.values[()] = layer.values[()]
            _merge(stacked, layer, (), stacked.data, mapping(sections))
        else:
            stacked.problems.append(layer.problem((), "expected sections of a team"))
    return stacked


def _merge(
    stacked: Document,
    layer: Document,
    location: Location,
    beneath: dict[str, Any],
    above: dict[str, Any],
) -> None:
    for key, value in above.items():
        here = (*location, key)
        under = beneath.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            _merge(stacked, layer, here, mapping(under), mapping(value))
            continue
        for place in _places(under, here):
            stacked.references.pop(place, None)
        if value is None and key in beneath:
            del beneath[key]
        else:
            beneath[key] = value
            for place in _places(value, here):
                _adopt(stacked, layer, place)


def _adopt(stacked: Document, layer: Document, place: Location) -> None:
    """What stands at ``place`` is the layer's."""
    for own, theirs in ((stacked.keys, layer.keys), (stacked.values, layer.values)):
        if place in theirs:
            own[place] = theirs[place]
    if place in layer.references:
        stacked.references[place] = layer.references[place]
    stacked.files[place] = layer.file(place)


def _places(value: Any, here: Location) -> Iterator[Location]:
    yield here
    for key, inner in mapping(value).items():
        yield from _places(inner, (*here, key))
    for index, inner in enumerate(items(value)):
        yield from _places(inner, (*here, index))
