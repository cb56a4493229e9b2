"""What all shapes share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NonEmpty = Annotated[str, Field(min_length=1)]


class Closed(BaseModel):
    """A shape with no room for unknown fields, and no conversion of the known ones."""

    model_config = ConfigDict(extra="forbid", strict=True)
