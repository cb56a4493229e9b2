"""An end-of-turn model that is always sure."""

from frontdesk.voice.base import Samples


class AlwaysFinished:
    """Says at every pause that the caller has finished."""

    name = "instant: always finished"

    async def probability(self, speech: Samples) -> float:
        return 1.0

    async def warm_up(self) -> None:
        pass
