import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.lighting import BULB_LUMENS, LUX, recommend_light


async def test_a_kitchen_of_twelve_square_metres_needs_about_3600_lumens():
    assert await recommend_light("kitchen", 12) == {
        "room": "kitchen",
        "square_metres": 12,
        "lumens": 3600,
        "bulbs": 4,
    }


@pytest.mark.parametrize("room", LUX)
async def test_the_smallest_room_gets_one_bulb(room):
    assert (await recommend_light(room, 1))["bulbs"] == 1


@given(room=st.sampled_from(list(LUX)), size=st.integers(1, 199))
async def test_a_larger_room_never_needs_less_light(room, size: int):
    small, large = await recommend_light(room, size), await recommend_light(room, size + 1)
    assert small["lumens"] <= large["lumens"]
    assert abs(large["bulbs"] * BULB_LUMENS - large["lumens"]) <= BULB_LUMENS
