"""What models cost: ``prices.yaml`` of a desk, beside ``agents/``."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from frontdesk.desk.document import read_document
from frontdesk.desk.problems import DeskError
from frontdesk.desk.references import mapping
from frontdesk.desk.section import Section
from frontdesk.desk.validation import validated

FILE = "prices.yaml"
FREE = "free"

Amount = Annotated[Decimal | None, Field(ge=0)]


class ModelPrice(Section):
    """What one model costs. Only what it is billed by; at least one of them."""

    input: Amount = Field(default=None, description="A million input tokens of text.")
    cached_input: Amount = Field(
        default=None, description="A million input tokens read from the cache; default: `input`."
    )
    output: Amount = Field(default=None, description="A million output tokens of text.")
    audio_input: Amount = Field(
        default=None, description="A million input tokens of audio; default: `input`."
    )
    audio_output: Amount = Field(
        default=None, description="A million output tokens of audio; default: `output`."
    )
    minute: Amount = Field(default=None, description="A minute of audio, heard or spoken.")
    characters: Amount = Field(default=None, description="A million characters that are spoken.")


class Prices(Section):
    """A desk's price table."""

    version: Literal[1] = Field(description="The version of this format.")
    currency: str = Field(
        default="USD", pattern="^[A-Z]{3}$", description="What the prices are in, by ISO 4217."
    )
    models: dict[str, Literal["free"] | ModelPrice] = Field(
        description="Prices by the model's name as traces show it; a `*` at its end stands for "
        "whatever follows."
    )

    def of(self, model: str) -> Literal["free"] | ModelPrice | None:
        """The price of a model: by its name, else by the longest pattern that fits."""
        if model in self.models:
            return self.models[model]
        fits = [name for name in self.models if name[-1:] == "*" and model.startswith(name[:-1])]
        return self.models[max(fits, key=len)] if fits else None


def read_prices(root: Path) -> Prices | None:
    """The prices of the desk at ``root``; None when it has no such file. Raises `DeskError`."""
    path = root / FILE
    if not path.is_file():
        return None
    document = read_document(path)
    prices, problems = validated(document, Prices)
    problems += document.problems
    for name, price in mapping(mapping(document.data).get("models")).items():
        if price == {}:
            message = f"`{name}`: expected a price, such as `input: 0.5`, or `{FREE}`"
            problems.append(document.problem(("models", name), message))
    if prices is None or problems:
        raise DeskError(problems)
    return prices
