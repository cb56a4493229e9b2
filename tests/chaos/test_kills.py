"""``kill -9``, again and again: no call is lost, no word is taken back, no deed is done twice."""

import os
import random

import pytest

from tests.chaos.storm import Storm

LONG = int(os.environ.get("FRONTDESK_CHAOS", "0"))
"""Kills of a long run by hand (``make chaos``), for each store."""
SEED = int(os.environ.get("FRONTDESK_CHAOS_SEED", random.randrange(10**6) if LONG else 5))


@pytest.mark.timeout(300 + 30 * LONG)
@pytest.mark.parametrize(
    ("store", "kills"),
    [("embedded", 13), ("valkey", 13), ("redis", 12), ("cluster", 12)],
    indirect=["store"],
)
async def test_calls_survive_the_death_of_their_workers_in_every_phase(crew, world, caller, kills):
    print(f"FRONTDESK_CHAOS_SEED={SEED}")  # what a failing run is repeated with
    storm = Storm(crew, world, caller, SEED)
    await storm.rage(LONG or kills)
    assert storm.turns >= 7 * (LONG or kills) / 2
