import json
import sys
from pathlib import Path
from typing import Any

import pytest
from agents.tool import invoke_function_tool
from agents.tool_context import ToolContext
from jsonschema import Draft202012Validator

from frontdesk.desk.schema import FunctionUse
from frontdesk.team.functions import FunctionLoader, FunctionLoadError


def load(desk: Path, call: str, show_examples: bool = True, **fields: Any) -> Any:
    use = FunctionUse.model_validate({"call": call, **fields})
    return FunctionLoader(desk).load("tool", use, show_examples=show_examples)


def test_the_signature_and_the_docstring_become_the_schema(desk: Path) -> None:
    tool = load(desk, "tools.shipping:estimate")
    assert tool.name == "tool"
    assert tool.description == "Estimates the delivery time."
    assert tool.params_json_schema["required"] == ["city"]
    properties = tool.params_json_schema["properties"]
    assert properties["city"]["description"] == "Where the parcel goes."
    assert properties["express"]["default"] is False


KINDS = '''
import dataclasses, datetime, decimal, enum
from typing import Annotated, Literal, Optional

from pydantic import BaseModel, Field
from typing_extensions import TypedDict


class Size(enum.Enum):
    small = "s"
    large = "l"


class Address(BaseModel):
    street: str = Field(description="Street and number.")
    code: Annotated[str, Field(pattern=r"^\\d{5}$")]


class Line(TypedDict):
    article: str


@dataclasses.dataclass
class Slot:
    day: datetime.date
    hour: int = 9


def google(size: Size, room: Literal["bath", "hall"], count: Annotated[int, Field(ge=1, le=9)]):
    """Order lamps.

    They come soon.

    Args:
        size: How large.
        count: How many.
    """
    return [size is Size.large, room, count]


def numpy(when: datetime.date, price: decimal.Decimal, note: Optional[str] = None):
    """Order lamps.

    Parameters
    ----------
    when
        On which day.
    """
    return [type(when).__name__, type(price).__name__, note]


def sphinx(to: Address, lines: list[Line], slot: Slot, code: Annotated[str, "Of the voucher."]):
    """Order lamps.

    :param to: Where they go.
    """
    return [type(to).__name__, lines[0]["article"], type(slot).__name__, slot.hour, code]
'''


@pytest.mark.parametrize(
    ("name", "described", "given", "made_of_it"),
    [
        (
            "google",
            {"size": "How large.", "count": "How many."},
            {"size": "l", "room": "hall", "count": 2},
            [True, "hall", 2],
        ),
        (
            "numpy",
            {"when": "On which day."},
            {"when": "2026-11-22", "price": 12.5},
            ["date", "Decimal", None],
        ),
        (
            "sphinx",
            {"to": "Where they go.", "code": "Of the voucher."},
            {
                "to": {"street": "High Street 1", "code": "12345"},
                "lines": [{"article": "Aurora"}],
                "slot": {"day": "2026-11-22"},
                "code": "x",
            },
            ["Address", "Aurora", "Slot", 9, "x"],
        ),
    ],
)
async def test_parameters_of_any_kind_are_described_checked_and_made(
    desk: Path, name: str, described: dict[str, str], given: dict[str, Any], made_of_it: list[Any]
) -> None:
    (desk / "tools" / "kinds.py").write_text(KINDS)
    tool = load(desk, f"tools.kinds:{name}")
    assert tool.description.startswith("Order lamps.")
    schema = tool.params_json_schema
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(given)
    for parameter, words in described.items():
        assert schema["properties"][parameter]["description"] == words

    async def use(arguments: dict[str, Any]) -> str:
        text = json.dumps(arguments)
        context = ToolContext(None, tool_name="tool", tool_call_id="c", tool_arguments=text)
        return await invoke_function_tool(function_tool=tool, context=context, arguments=text)

    assert json.loads(await use(given)) == made_of_it
    for parameter in schema["required"]:
        less = {key: value for key, value in given.items() if key != parameter}
        assert f"'{parameter}' is a required property" in await use(less)


def test_what_a_choice_and_a_range_allow_stands_in_the_schema(desk: Path) -> None:
    (desk / "tools" / "kinds.py").write_text(KINDS)
    properties = load(desk, "tools.kinds:google").params_json_schema["properties"]
    assert properties["size"]["enum"] == ["s", "l"]
    assert properties["room"]["enum"] == ["bath", "hall"]
    assert (properties["count"]["minimum"], properties["count"]["maximum"]) == (1, 9)


def test_the_context_is_no_parameter_for_the_model(desk: Path) -> None:
    for name in ("whose", "whose_too"):
        properties = load(desk, f"tools.shipping:{name}").params_json_schema["properties"]
        assert set(properties) <= {"greeting"}


def test_examples_are_shown_to_hosted_models_only(desk: Path) -> None:
    said = {"examples": ["how long does it take", "when does it come"]}
    shown = load(desk, "tools.shipping:estimate", **said)
    assert shown.description.endswith("for example: how long does it take; when does it come")
    hidden = load(desk, "tools.shipping:estimate", show_examples=False, **said)
    assert hidden.description == "Estimates the delivery time."


def test_each_loader_has_code_of_its_own(desk: Path) -> None:
    before = set(sys.modules)
    (desk / "tools" / "new.py").write_text("def f() -> str:\n    return 'old'\n")
    loaders = [FunctionLoader(desk), FunctionLoader(desk)]
    for loader in loaders:
        loader.load("f", FunctionUse(call="tools.new:f"), show_examples=False)
    assert len([name for name in sys.modules if name.endswith("tools.new")]) == 2
    assert "tools" not in set(sys.modules) - before
    for loader in loaders:
        loader.close()
    assert not [name for name in set(sys.modules) - before if name.startswith("_frontdesk_desk")]


def test_a_function_may_lie_in_a_package_of_the_desk_or_in_an_installed_one(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for root in (desk / "tools", installed := tmp_path / "installed"):
        (root / "lamps").mkdir(parents=True)
        (root / "lamps" / "__init__.py").write_text(f"def f() -> str:\n    return {root.name!r}\n")
    monkeypatch.syspath_prepend(installed)
    assert FunctionLoader(desk).find("x", "tools.lamps:f")() == "tools"
    assert FunctionLoader(desk).find("x", "lamps:f")() == "installed"


@pytest.mark.parametrize(
    ("source", "call", "message"),
    [
        ("", "tools.gone:f", "there is no file"),
        ("", "tools.new:f", "has no function f"),
        ("f = 7", "tools.new:f", "has no function f"),
        ("import tools.other", "tools.new:f", "write: from .other import something"),
        ("import no_such_package", "tools.new:f", "install it where frontdesk is installed"),
        ("def f(:", "tools.new:f", "SyntaxError"),
        ("1/0", "tools.new:f", "ZeroDivisionError"),
        ("import sys; sys.exit(3)", "tools.new:f", "SystemExit: 3"),
        ("def f(x):\n    pass", "tools.new:f", "parameter 'x' needs a type annotation"),
        ("def f(x: object()):\n    pass", "tools.new:f", "no JSON Schema"),
        ("async def f():\n    yield 1", "tools.new:f", "it yields: a tool has one result"),
    ],
)
def test_what_cannot_be_loaded_is_told_with_its_mend(
    desk: Path, source: str, call: str, message: str
) -> None:
    (desk / "tools" / "new.py").write_text(source)
    with pytest.raises(FunctionLoadError, match=message) as failed:
        load(desk, call)
    assert str(failed.value).startswith("tools.tool: ")


def test_the_code_of_a_version_is_run_whatever_its_files_hold_by_now(desk: Path) -> None:
    sources = {path: path.read_text() for path in (desk / "tools").glob("*.py")}
    (desk / "tools" / "places.py").unlink()
    (desk / "tools" / "shipping.py").write_text("not even Python")
    loader = FunctionLoader(desk, sources)
    use = FunctionUse(call="tools.shipping:estimate")
    assert loader.load("tool", use, show_examples=False).params_json_schema["required"] == ["city"]
    finders = [*sys.meta_path]
    loader.close()
    assert len(sys.meta_path) == len(finders) - 1


def test_of_two_edits_within_a_second_the_last_counts(desk: Path) -> None:
    file = (desk / "tools" / "quick.py").resolve()
    for word in ("one", "two"):  # of one size, so that Python's cached files could not tell them
        text = f'def say() -> str:\n    """Says {word}."""\n    return "{word}"\n'
        file.write_text(text)
        loader = FunctionLoader(desk, {file: text})
        tool = loader.load("tool", FunctionUse(call="tools.quick:say"), show_examples=False)
        assert tool.description == f"Says {word}."
    assert not list((desk / "tools").rglob("quick*.pyc"))
