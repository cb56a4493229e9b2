"""The price table of a desk: what it says, and what is wrong with it, by line."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from frontdesk.desk.json_schema import FILES, prices_schema
from frontdesk.desk.loader import load_desk
from frontdesk.desk.prices import ModelPrice, Prices, read_prices
from frontdesk.desk.problems import DeskError
from frontdesk.desk.watch import Watch

TABLE = """version: 1
currency: EUR
models:
  talker-*: { input: 0.1, cached_input: 0.025, output: 2 }
  talker-large: { input: 1 }
  ears: { minute: 0.006 }
  at-home*: free
"""


def test_prices_are_exact_decimals(tmp_path: Path):
    (tmp_path / "prices.yaml").write_text(TABLE)
    prices = read_prices(tmp_path)
    assert prices and prices.currency == "EUR"
    price = prices.of("talker-small")
    assert isinstance(price, ModelPrice)
    assert (price.input, price.cached_input) == (Decimal("0.1"), Decimal("0.025"))


def test_a_models_own_entry_wins_over_patterns_and_longer_patterns_over_shorter():
    free = {"a*": "free", "a-b*": {"input": 1}, "a-b-c": {"input": 2}}
    prices = Prices.model_validate({"version": 1, "models": free})
    assert prices.of("a-x") == "free"
    assert prices.of("a-b-x") == ModelPrice(input=Decimal(1))
    assert prices.of("a-b-c") == ModelPrice(input=Decimal(2))
    assert prices.of("b") is None


def test_a_desk_without_a_table_has_no_prices(tmp_path: Path):
    assert read_prices(tmp_path) is None


def test_the_example_desk_has_prices_for_its_own_models_only(repository: Path):
    prices = load_desk(repository, {}).prices
    assert prices and set(prices.models) == {"embedded*", "instant*"}
    assert prices.of("embedded: Hibari, voice nova") == "free"
    path = repository / "prices.yaml"
    jsonschema.Draft202012Validator(json.loads(prices_schema())).validate(
        YAML(typ="safe").load(path)
    )
    first = path.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]
    assert (path.parent / first).resolve() == repository / "docs" / "schema" / FILES[2]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("  a: { inputs: 1 }", ":3:8: unknown key `inputs` (did you mean `input`?)"),
        ("  a: { input: -1 }", ":3:15: `input`: expected at least 0"),
        ("  a: { output: much }", ":3:16: `output`: expected a number, found text"),
        ("  a: {}", ":3:6: `a`: expected a price, such as `input: 0.5`, or `free`"),
        ("  a: fre", ":3:6: `a`: expected `free`; did you mean `free`?"),
        ("  a: free\n  a: free", ":4:3: duplicate key `a`, first on line 3"),
        ("  a: free\ncurrency: dollars", ":4:11: `currency`: expected a currency of three"),
        ("  a: free\ncurency: USD", ":4:1: unknown key `curency` (did you mean `currency`?)"),
    ],
)
def test_a_mistake_is_told_by_line(desk, wrong: str, said: str):
    desk.write("prices.yaml", f"version: 1\nmodels:\n{wrong}\n")
    with pytest.raises(DeskError) as caught:
        load_desk(desk.root, {})
    (problem,) = caught.value.problems
    assert f"{desk.root / 'prices.yaml'}{said}" in str(problem)


def test_changed_prices_are_noticed(desk):
    watch = Watch(desk.root)
    desk.write("prices.yaml", TABLE)
    assert [watch.changed(), watch.changed()] == [False, True]
