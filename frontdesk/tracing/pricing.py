"""What a span cost, by the desk's price table.

Money is counted in whole billionths of the currency: a token at 0.025 a million is 25 of them, so
sums over millions of spans stay exact. A price that is not known is never taken for nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from frontdesk.desk.prices import FREE, ModelPrice, Prices
from frontdesk.tracing import names

UNIT = 1_000_000_000
"""Billionths in one unit of a currency."""
_MILLION = 1_000_000
_BILLED = (
    names.CHAT,
    names.COMPACTION,
    names.SPECULATION,
    names.SPEECH_TO_TEXT,
    names.TEXT_TO_SPEECH,
)


@dataclass(frozen=True, slots=True)
class Bill:
    """``amount`` in billionths of ``currency``; None where the price or what was used of it is not
    known."""

    amount: int | None
    currency: str | None

    @property
    def attributes(self) -> dict[str, Any]:
        """The bill as attributes of its span."""
        if self.amount is None:
            return {}
        cost = {names.VOICE_COST: self.amount / UNIT}
        return cost | ({names.VOICE_COST_CURRENCY: self.currency} if self.currency else {})


class Pricing:
    """The price table in force, which may be replaced while spans come in."""

    def __init__(self, prices: Prices | None = None) -> None:
        self.prices = prices

    def bill(self, operation: str, attributes: Mapping[str, Any], failed: bool) -> Bill | None:
        """What a span that has ended cost; None of one that costs nothing by its nature.

        ``operation`` is the first word of its name. What another worker has reckoned stands. A
        call that failed before anything of it was counted is none that is billed.
        """
        told = attributes.get(names.VOICE_COST)
        if isinstance(told, int | float) and 0 <= told < 1e9:
            currency = attributes.get(names.VOICE_COST_CURRENCY)
            return Bill(round(told * UNIT), currency if isinstance(currency, str) else None)
        if operation not in _BILLED or attributes.get(names.VOICE_SPEECH_CACHED):
            return None
        prices = self.prices
        price = prices and _price(prices, attributes)
        if prices is None or price is None:
            return None if failed and _nothing_used(attributes) else Bill(None, None)
        if price == FREE:
            return Bill(0, prices.currency)
        amount = _amount(operation, price, attributes)
        if amount is None:
            return None if failed else Bill(None, None)
        return Bill(round(amount * UNIT), prices.currency)


def _price(prices: Prices, attributes: Mapping[str, Any]) -> Any:
    found = (prices.of(name) for name in _spellings(attributes))
    return next((price for price in found if price is not None), None)


def _spellings(attributes: Mapping[str, Any]) -> Iterator[str]:
    """What a table may call the model: by its name, or behind that of who runs it."""
    provider = attributes.get(names.GEN_AI_PROVIDER_NAME)
    for key in (names.GEN_AI_RESPONSE_MODEL, names.GEN_AI_REQUEST_MODEL):
        model = attributes.get(key)
        if isinstance(model, str):
            yield model
            yield f"{provider}: {model}"


def _amount(operation: str, price: ModelPrice, attributes: Mapping[str, Any]) -> Decimal | None:
    """In units of the currency; None where what was used, or its price, is not known."""
    seconds = _count(attributes, names.VOICE_AUDIO_DURATION)
    characters = _count(attributes, names.VOICE_SPEECH_CHARACTERS)
    spoken = operation in (names.TEXT_TO_SPEECH, names.SPECULATION)
    if spoken and price.characters is not None and characters is not None:
        return price.characters * characters / _MILLION
    if operation in (names.SPEECH_TO_TEXT, names.TEXT_TO_SPEECH) and (
        price.minute is not None and seconds is not None
    ):
        return price.minute * seconds / 60
    return _tokens(price, attributes)


def _tokens(price: ModelPrice, attributes: Mapping[str, Any]) -> Decimal | None:
    read = _count(attributes, names.GEN_AI_USAGE_INPUT_TOKENS)
    written = _count(attributes, names.GEN_AI_USAGE_OUTPUT_TOKENS)
    if read is None and written is None:
        return None
    cached = _count(attributes, names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS) or Decimal()
    heard = _count(attributes, names.GEN_AI_USAGE_AUDIO_INPUT_TOKENS) or Decimal()
    sounded = _count(attributes, names.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS) or Decimal()
    parts = (
        (max((read or Decimal()) - cached - heard, Decimal()), price.input),
        (cached, _first(price.cached_input, price.input)),
        (heard, _first(price.audio_input, price.input)),
        (max((written or Decimal()) - sounded, Decimal()), price.output),
        (sounded, _first(price.audio_output, price.output)),
    )
    total = Decimal()
    for used, each in parts:
        if used and each is None:
            return None
        total += used * (each or Decimal())
    return total / _MILLION


def _first(*prices: Decimal | None) -> Decimal | None:
    return next((price for price in prices if price is not None), None)


def _nothing_used(attributes: Mapping[str, Any]) -> bool:
    return all(_count(attributes, key) is None for key in _QUANTITIES)


_QUANTITIES = (
    names.GEN_AI_USAGE_INPUT_TOKENS,
    names.GEN_AI_USAGE_OUTPUT_TOKENS,
    names.VOICE_AUDIO_DURATION,
    names.VOICE_SPEECH_CHARACTERS,
)


def _count(attributes: Mapping[str, Any], key: str) -> Decimal | None:
    value = attributes.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Decimal(str(value)) if 0 <= value < 1e12 else None
