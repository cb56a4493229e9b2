"""What whoever comes in may do. Each role may all that those before it may."""

from collections.abc import Mapping, MutableMapping
from enum import IntEnum
from typing import Any


class Role(IntEnum):
    """``ANYONE`` has no key; ``VIEW`` sees and hears calls; ``APPROVE`` also decides approvals and
    scores; ``FULL`` also calls, changes teams and erases."""

    ANYONE = 0
    VIEW = 1
    APPROVE = 2
    FULL = 3

    def __str__(self) -> str:
        return self.name.lower()


GIVEN = {str(role): role for role in (Role.VIEW, Role.APPROVE, Role.FULL)}
"""The roles that a key may have, by their names."""

_SCOPE = "frontdesk.role"


def note(scope: MutableMapping[str, Any], role: Role) -> None:
    """Put on an ASGI scope what its sender may do."""
    scope[_SCOPE] = role


def noted(scope: Mapping[str, Any]) -> Role:
    """What a request's sender may do: all, where no door is before us."""
    return scope.get(_SCOPE, Role.FULL)
