"""Makes SDK tools of the functions in a desk's ``tools/`` folder."""

import importlib
import inspect
import itertools
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast, get_type_hints

import pydantic_core
from agents.tool_context import ToolContext

from agents import FunctionTool, RunContextWrapper, UserError, function_tool
from frontdesk.desk.functions import module_file
from frontdesk.desk.schema import FunctionUse
from frontdesk.mcp.results import cut_text
from frontdesk.mcp.server import with_examples
from frontdesk.team.code import CodeFinder
from frontdesk.team.context import CallContext, TurnContext
from frontdesk.team.failures import tool_failure
from frontdesk.team.invocation import Invocation

_numbers = itertools.count(1)


class FunctionLoadError(ValueError):
    """A tool of the team file that cannot be loaded. The message names the tool and the mend."""


class FunctionLoader:
    """Loads functions by file from under ``desk_root``, each loader with modules of its own.
    ``sources`` are texts of files there that hold whatever those say by now.

    The desk root never goes on ``sys.path``: its folders are no packages and could shadow
    installed ones. Modules get a parent package made for this loader, so ``from .other import x``
    works between files of the folder, and a new version of a team gets new code.
    """

    def __init__(self, desk_root: Path, sources: Mapping[Path, str] | None = None) -> None:
        self._root = desk_root.resolve()
        self._package = f"_frontdesk_desk_{next(_numbers)}"
        self._add_package(self._package, self._root)
        texts = {path.resolve(): text for path, text in (sources or {}).items()}
        self._finder = CodeFinder(self._package, self._root, texts)
        sys.meta_path.insert(0, self._finder)

    def close(self) -> None:
        """Forget the modules; functions already handed out go on working."""
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        for name in [name for name in sys.modules if f"{name}.".startswith(f"{self._package}.")]:
            del sys.modules[name]

    def load(self, name: str, use: FunctionUse, *, show_examples: bool) -> FunctionTool:
        """The tool ``name`` for the function ``use`` points to.

        Parameters come from the signature, descriptions from the docstring; with
        ``show_examples`` the examples stand in the description. A function may be sync or async
        and may take a ``CallContext`` (or the SDK's own context) as its first parameter.

        Raises:
            FunctionLoadError: no such file or function, or a signature without a JSON Schema.
        """
        function = self.find(f"tools.{name}", use.call)

        def failed(context: RunContextWrapper[Any], error: Exception) -> str:
            return tool_failure(context, error, tool.params_json_schema)

        def made(*, strict: bool) -> FunctionTool:
            return function_tool(
                _as_tool_body(function),
                name_override=name,
                failure_error_function=failed,
                strict_mode=strict,
                timeout=use.timeout or None,
                timeout_error_function=tool_failure,
            )

        try:
            tool = made(strict=False)
        except UserError as error:
            raise FunctionLoadError(f"tools.{name}: {use.call}: {error}") from error
        except Exception as error:
            raise FunctionLoadError(
                f"tools.{name}: {use.call}: its parameters have no JSON Schema: {error}"
            ) from error
        # Strict schemas make every parameter required; only where that is so already.
        if _requires_all(tool.params_json_schema):
            with suppress(UserError):  # maps with any keys have no strict form
                tool = made(strict=True)
        if show_examples:
            tool.description = with_examples(tool.description, use.examples)
        return tool

    def find(self, field: str, call: str) -> Callable[..., Any]:
        """The function ``call`` points to, for the ``field`` of the team file that says so: in a
        file of the desk, else in an installed package.

        Raises:
            FunctionLoadError: no such file or function.
        """
        module_name, _, function_name = call.partition(":")
        parts = module_name.split(".")
        base = self._root.joinpath(*parts)
        ours = (base.with_suffix(".py"), base / "__init__.py")
        # Of an older version, the file need not be there any more.
        file = next(filter(self._finder.has, ours), None) or module_file(module_name, self._root)
        if file is None:
            raise FunctionLoadError(f"{field}: {call}: there is no file {base}.py")
        if file in ours:
            self._add_packages(parts[:-1])
            module_name = f"{self._package}.{module_name}"
        importlib.invalidate_caches()
        try:
            module = importlib.import_module(module_name)
        except (Exception, SystemExit) as error:
            raise FunctionLoadError(
                f"{field}: {file} cannot be loaded: {_import_problem(error, parts)}"
            ) from error
        function = getattr(module, function_name, None)
        if not inspect.isfunction(function):
            raise FunctionLoadError(f"{field}: {file} has no function {function_name}")
        return function

    def _add_packages(self, parts: list[str]) -> None:
        for depth in range(1, len(parts) + 1):
            package = ".".join([self._package, *parts[:depth]])
            if package not in sys.modules:
                self._add_package(package, self._root.joinpath(*parts[:depth]))

    def _add_package(self, name: str, folder: Path) -> None:
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


def _import_problem(error: BaseException, parts: list[str]) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        if error.name.split(".")[0] == parts[0]:
            return f"{error} (between files of the folder write: from .other import something)"
        return f"{error} (install it where frontdesk is installed)"
    return f"{type(error).__name__}: {error}"


def _requires_all(schema: Any) -> bool:
    """Whether a JSON Schema and those inside it leave nothing out."""
    if isinstance(schema, list):
        return all(map(_requires_all, cast("list[Any]", schema)))
    if not isinstance(schema, dict):
        return True
    node = cast("dict[str, Any]", schema)
    named = set(cast("dict[str, Any]", node.get("properties", {})))
    return named <= set(node.get("required", ())) and all(map(_requires_all, node.values()))


def _as_tool_body(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` as the SDK wants it: async, its context the SDK's, its result a string."""
    signature = inspect.signature(function)
    hints = get_type_hints(function, include_extras=True)
    first = next(iter(signature.parameters), "")
    wants_call = hints.get(first) is CallContext
    for name in signature.parameters:
        if name not in hints:
            raise UserError(f"parameter {name!r} needs a type annotation")

    if inspect.isasyncgenfunction(function):
        raise UserError("it yields: a tool has one result, return it")
    invocation = Invocation(function)

    async def body(*args: Any, **kwargs: Any) -> str:
        if wants_call:
            tool: ToolContext[TurnContext] = args[0]
            args = (tool.context.for_function(tool), *args[1:])
        return _as_text(await invocation(*args, **kwargs))

    if wants_call:
        hints[first] = ToolContext[Any]
    parameters = [
        parameter.replace(annotation=hints.get(name, parameter.annotation))
        for name, parameter in signature.parameters.items()
    ]
    body.__name__ = function.__name__
    body.__doc__ = function.__doc__
    body.__annotations__ = {**hints, "return": str}
    body.__signature__ = signature.replace(parameters=parameters, return_annotation=str)  # pyright: ignore[reportFunctionMemberAccess]
    return body


def _as_text(result: object) -> str:
    """A result for the model to read: strings as they are, the rest as JSON."""
    if isinstance(result, str):
        return cut_text(result)
    data = pydantic_core.to_json(result, fallback=str, bytes_mode="base64", inf_nan_mode="null")
    return cut_text(data.decode())
