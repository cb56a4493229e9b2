"""What all sections of a team file are made of."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _seconds(value: object) -> object:
    """Read ``5s``, ``150ms``, ``2m`` or a plain number of seconds."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m)\s*", value)
        if not match:
            raise ValueError("expected a duration such as 5s, 150ms or 2m")
        number, unit = match.groups()
        return float(number) * {"ms": 0.001, "s": 1.0, "m": 60.0}[unit]
    return value


Duration = Annotated[
    float,
    BeforeValidator(_seconds, json_schema_input_type=str | float),
    Field(ge=0, description="A duration: 5s, 150ms, 2m."),
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Section(BaseModel):
    """A part of a team file: unknown keys are errors, values do not change after load."""

    model_config = ConfigDict(extra="forbid", frozen=True)
