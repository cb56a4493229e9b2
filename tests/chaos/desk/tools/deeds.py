"""Deeds that are counted outside: the count survives who did them."""

from chaos_stand_ins import tell


async def once(turn: str) -> str:
    """Must not be done twice."""
    return await tell("once", turn)


async def again(turn: str) -> str:
    """May be done twice."""
    return await tell("again", turn)


async def asked(turn: str) -> str:
    """Must not be done twice, nor unasked."""
    return await tell("asked", turn)


async def errand(turn: str) -> str:
    """Takes its time, and must not be done twice."""
    return await tell("errand", turn)


async def rerun(turn: str) -> str:
    """Takes its time, and may be done twice."""
    return await tell("rerun", turn)
