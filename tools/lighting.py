"""How much light a room needs."""

from typing import Annotated, Literal, TypedDict

from pydantic import Field

Room = Literal["living room", "bedroom", "kitchen", "bathroom", "hallway", "study"]

# Lux on the surfaces that people use: common planning values for homes.
LUX: dict[Room, int] = {
    "living room": 150,
    "bedroom": 120,
    "kitchen": 300,
    "bathroom": 250,
    "hallway": 100,
    "study": 400,
}
BULB_LUMENS = 800
"""What a warm white bulb of the shop gives; it replaces an old bulb of 60 watts."""


class Light(TypedDict):
    """What `recommend_light` finds."""

    room: str
    square_metres: int
    lumens: int
    bulbs: int


async def recommend_light(
    room: Annotated[Room, Field(description="The kind of room.")],
    square_metres: Annotated[
        int, Field(ge=1, le=200, description="Size of the floor in square metres.", examples=[20])
    ],
) -> Light:
    """Work out how many lumens, and how many bulbs, a room of a certain size needs."""
    lumens = LUX[room] * square_metres
    return Light(
        room=room,
        square_metres=square_metres,
        lumens=round(lumens, -2),
        bulbs=max(1, round(lumens / BULB_LUMENS)),
    )
