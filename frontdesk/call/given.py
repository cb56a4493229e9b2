"""What a client gives with its call for MCP servers that act in the caller's own name.

The values are secrets: they live with the call's connections, in memory, and in the client secret
that carries them. Neither log nor traces have them, so whoever carries a call on gives them anew.
"""

import re
from collections.abc import Mapping
from typing import Any

from frontdesk.mcp.caller import NAME

HEADER = "x-frontdesk-caller-"
"""``X-Frontdesk-Caller-Token: abc`` gives ``token``."""

GIVEN = "frontdesk.given"
"""Key of the ASGI scope under which the door leaves what a client secret carries."""

MOST, LONGEST = 16, 8192
"""Values of one call, and characters of one value."""

_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def given_by(scope: Mapping[str, Any]) -> dict[str, str]:
    """The values that come with a request: in its client secret, or in its headers. Raises
    ``ValueError`` in words for the client."""
    headers = {
        name.decode("latin-1").removeprefix(HEADER): value.decode("latin-1")
        for name, value in scope["headers"]
        if name.startswith(HEADER.encode())
    }
    if problem := problem_of(headers):
        raise ValueError(f"{HEADER}{problem[0]}: {problem[1]}")
    return {**headers, **scope.get(GIVEN, {})}


def problem_of(values: Mapping[str, str]) -> tuple[str, str] | None:
    """The first of the values that cannot be sent on in a header, and why not."""
    for number, (name, value) in enumerate(values.items(), 1):
        if not NAME.fullmatch(name):
            return name, "a name is 1 to 32 small letters, digits and -, a letter first"
        if len(value) > LONGEST or not _VALUE.fullmatch(value):
            return name, f"a value is 1 to {LONGEST} printable ASCII characters"
        if number > MOST:
            return name, f"a call has at most {MOST} of these"
    return None
