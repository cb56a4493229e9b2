"""Which calls are listed: the same filters for the page, the API and the files to take away."""

import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from frontdesk.tracing.statistics import PERIODS


def _blank(value: object) -> object:
    """Fields that a form sends empty are not asked for."""
    return None if isinstance(value, str) and not value.strip() else value


Blank = BeforeValidator(_blank)
Text = Annotated[Annotated[str, Field(max_length=500)] | None, Blank]
Seconds = Annotated[Annotated[float, Field(ge=0)] | None, Blank]
Money = Annotated[Annotated[float, Field(ge=0, le=1e9)] | None, Blank]
Moment = Annotated[float | None, Blank]


class CallFilters(BaseModel):
    """What a query string may ask for. Times are unix seconds."""

    model_config = ConfigDict(frozen=True)

    q: Text = Field(default=None, description="Words that were said, by their beginnings.")
    agent: Text = Field(default=None, description="An agent that took part.")
    team: Text = Field(default=None, description="The team.")
    errors: Annotated[bool | None, Blank] = Field(
        default=None, description="Only calls in which something failed."
    )
    latency_min: Seconds = Field(
        default=None, description="Seconds to first audio that one turn took at least."
    )
    latency_max: Seconds = Field(
        default=None, description="Seconds to first audio that no turn exceeded."
    )
    cost_min: Money = Field(default=None, description="Least cost, as far as it is known.")
    cost_max: Money = Field(default=None, description="Most cost, as far as it is known.")
    period: Annotated[Literal["1h", "24h", "7d", "30d"] | None, Blank] = Field(
        default=None, description="Calls that began so lately."
    )
    since: Moment = Field(default=None, description="Calls that began then or later.")
    until: Moment = Field(default=None, description="Calls that began before.")

    def query(self) -> dict[str, str]:
        """The filters in force, for an address."""
        told = self.model_dump(exclude_none=True, exclude={"errors"})
        words = {name: _written(value) for name, value in told.items()}
        return words | ({"errors": "1"} if self.errors else {})

    def for_store(self) -> dict[str, Any]:
        """The filters as :func:`frontdesk.tracing.queries.calls` takes them."""
        told = self.model_dump(exclude_none=True, exclude={"q", "period", "errors"})
        if self.period:
            begin = time.time() - PERIODS[self.period][0]
            told["since"] = max(begin, self.since or begin)
        return told | {"text": self.q, "errors": bool(self.errors)}


def _written(value: str | float) -> str:
    return value.strip() if isinstance(value, str) else f"{value:.15g}"
