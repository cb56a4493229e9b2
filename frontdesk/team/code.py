"""Imports the code of one version of a team, whatever its files hold by now."""

from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType


class CodeFinder(MetaPathFinder):
    """Finds modules below ``package`` among ``texts``, by the file below ``root`` that each was
    read from. What is not there is left to Python's own finders."""

    def __init__(self, package: str, root: Path, texts: Mapping[Path, str]) -> None:
        self._prefix = f"{package}."
        self._root = root
        self._texts = texts

    def has(self, file: Path) -> bool:
        return file in self._texts

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(self._prefix):
            return None
        base = self._root.joinpath(*fullname.removeprefix(self._prefix).split("."))
        for file, inside in ((base.with_suffix(".py"), None), (base / "__init__.py", [str(base)])):
            if file in self._texts:
                loader = _TextLoader(fullname, str(file), self._texts[file])
                return spec_from_file_location(
                    fullname, file, loader=loader, submodule_search_locations=inside
                )
        return None


class _TextLoader(SourceFileLoader):
    """Compiles the text itself. Python's cached files go by the second and the size of a source:
    of two quick edits they would run the first."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_data(self, path: str) -> bytes:
        return self._text.encode()

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)
