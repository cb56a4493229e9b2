"""A YAML file as plain data, with the position of every key and value.

Read from ruamel.yaml's node tree (YAML 1.2, so ``no`` stays text): it has marks for keys as well
as values, keeps duplicate keys, and shows aliases before they multiply.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from frontdesk.desk.files import files
from frontdesk.desk.interpolation import UnresolvedReference
from frontdesk.desk.problems import DeskError, Problem

Location = tuple[str | int, ...]
Resolve = Callable[[str], str]
Node = Any  # ruamel.yaml's nodes carry no types: `id`, `tag`, `value`, `start_mark`

LARGEST_FILE = 256 * 1024
LARGEST_TREE = 20_000
DEEPEST_TREE = 24
_TAG = "tag:yaml.org,2002:"


@dataclass(slots=True)
class Document:
    """``data`` with, for each location in it, where (line, column) its key and value stand, and
    in which file when that is not ``path``."""

    path: Path
    text: str
    data: Any = None
    keys: dict[Location, tuple[int, int]] = field(default_factory=dict[Location, tuple[int, int]])
    values: dict[Location, tuple[int, int]] = field(default_factory=dict[Location, tuple[int, int]])
    files: dict[Location, Path] = field(default_factory=dict[Location, Path])
    references: dict[Location, str] = field(default_factory=dict[Location, str])
    """Values that ``resolve`` changed, as they are written."""
    problems: list[Problem] = field(default_factory=list[Problem])

    def file(self, location: Location) -> Path:
        """The file in which the value at ``location`` stands."""
        return self.files.get(location, self.path)

    def problem(self, location: Location, message: str, hint: str | None = None) -> Problem:
        """A problem with the value at ``location``, or with what is nearest above it."""
        return self._problem(location, self.values, message, hint)

    def key_problem(self, location: Location, message: str, hint: str | None = None) -> Problem:
        """A problem with the key at ``location``."""
        return self._problem(location, self.keys, message, hint)

    def _problem(
        self,
        location: Location,
        positions: dict[Location, tuple[int, int]],
        message: str,
        hint: str | None,
    ) -> Problem:
        ends = range(len(location), 0, -1)
        near = next((location[:end] for end in ends if location[:end] in positions), ())
        return Problem(self.file(near), *(positions[near] if near else (1, 1)), message, hint)


def read_text(path: Path, largest: int = LARGEST_FILE) -> str:
    """The text of a file that people edit; raises `DeskError` when it is not fit to read."""
    try:
        raw = files().read(path, largest)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise DeskError([Problem(path, 1, 1, f"can't be read: {reason}")]) from error
    if raw is None:
        raise DeskError([Problem(path, 1, 1, f"the file is over {largest // 1024} KiB")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        message = "the file is not UTF-8 text"
        raise DeskError([Problem(path, line, column, message, "save it as UTF-8")]) from error
    files().remember(path, text)
    return text


def read_document(path: Path, resolve: Resolve = str) -> Document:
    """Read a YAML file. ``resolve`` is put to every text value.

    Duplicate keys and unresolved references are in ``problems``; what leaves nothing to look at
    (no file, no YAML, a tree too large) raises `DeskError`.
    """
    document = Document(path, read_text(path))
    root = _compose(document)
    if root is None:
        raise DeskError([Problem(path, 1, 1, "the file is empty")])
    document.data = _Builder(document, resolve).build(root, ())
    return document


def _compose(document: Document) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    try:
        return yaml.compose(document.text)  # pyright: ignore[reportUnknownMemberType]
    except MarkedYAMLError as error:
        details = cast("Any", error)
        mark = details.problem_mark or details.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"not valid YAML: {details.problem or details.context}"
        hint = "indent with spaces, not tabs" if "\\t" in message else None
        raise DeskError([Problem(document.path, line, column, message, hint)]) from error
    except RecursionError as error:
        raise DeskError([Problem(document.path, 1, 1, "nested too deeply")]) from error
    except YAMLError as error:
        first_line = str(error).strip().splitlines()[0]
        problem = Problem(document.path, 1, 1, f"not valid YAML: {first_line}")
        raise DeskError([problem]) from error


class _Builder:
    def __init__(self, document: Document, resolve: Resolve) -> None:
        self.document = document
        self.resolve = resolve
        self.constructor: Any = YAML(typ="safe", pure=True).constructor
        self.size = 0
        self.depth = 0

    def build(self, node: Node, location: Location) -> Any:
        # An alias is the same node again, so both limits hold for what aliases expand to.
        self.size += 1
        if self.size > LARGEST_TREE:
            self._stop(node, f"more than {LARGEST_TREE} values, counting aliases")
        if self.depth == DEEPEST_TREE:
            self._stop(node, f"nested more than {DEEPEST_TREE} levels deep")
        self.document.values[location] = _position(node)
        self.depth += 1
        data = self._content(node, location)
        self.depth -= 1
        return data

    def _content(self, node: Node, location: Location) -> Any:
        if node.id == "mapping":
            return self._mapping(node, location)
        if node.id == "sequence":
            return [self.build(item, (*location, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, location)

    def _stop(self, node: Node, message: str) -> None:
        problem = Problem(self.document.path, *_position(node), message)
        raise DeskError([*self.document.problems, problem])

    def _mapping(self, node: Node, location: Location) -> dict[str, Any]:
        pairs: list[tuple[Node, Node]] = node.value
        merged: dict[str, Any] = {}
        for key_node, value_node in pairs:
            if key_node.tag == f"{_TAG}merge":
                merged |= self._merge(value_node, location)
        data: dict[str, Any] = {}
        for key_node, value_node in pairs:
            if key_node.tag != f"{_TAG}merge":
                self._pair(key_node, value_node, location, data)
        return merged | data

    def _pair(
        self, key_node: Node, value_node: Node, location: Location, data: dict[str, Any]
    ) -> None:
        key = self._key(key_node)
        here = (*location, key)
        if key in data:
            message = f"duplicate key `{key}`, first on line {self.document.keys[here][0]}"
            self._report(key_node, message)
            return
        self.document.keys[here] = _position(key_node)
        data[key] = self.build(value_node, here)
        if data[key] is None:  # nothing stands there, so its mark is past the line's end
            self.document.values[here] = _position(key_node)

    def _merge(self, node: Node, location: Location) -> dict[str, Any]:
        """What ``<<`` brings in, as if it stood in the mapping at ``location``."""
        parts = node.value if node.id == "sequence" else [node]
        position = self.document.values[location]
        merged: dict[str, Any] = {}
        for part in reversed(parts):  # the first one wins
            if part.id == "mapping":
                merged |= self.build(part, location)
            else:
                self._report(part, "`<<` needs a mapping")
        self.document.values[location] = position
        return merged

    def _report(self, node: Node, message: str) -> None:
        self.document.problems.append(Problem(self.document.path, *_position(node), message))

    def _key(self, node: Node) -> str:
        if node.id == "scalar":
            return str(node.value)
        self._report(node, "a key must be plain text")
        return f"<key on line {_position(node)[0]}>"

    def _scalar(self, node: Node, location: Location) -> Any:
        text = str(node.value)
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(self.constructor.construct_yaml_int(node))
            case "float":
                return float(self.constructor.construct_yaml_float(node))
            case "str" | "timestamp":  # YAML 1.2 has no timestamps: they stay as written
                return self._text(text, location)
            case tag:
                self._report(node, f"the tag `{tag}` has no meaning here")
                return text

    def _text(self, text: str, location: Location) -> str:
        try:
            resolved = self.resolve(text)
        except UnresolvedReference as error:
            for message in error.messages:
                self.document.problems.append(self.document.problem(location, message))
            return text
        if resolved != text:
            self.document.references[location] = text
        return resolved


def _position(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
