"""The region that a call is kept in, which its id and so each of its keys names.

``sess_eu-west_4f…`` is a call of ``eu-west``, ``sess_4f…`` one that any worker may carry on. The
store has the last word (``region`` in the call's meta, checked by its scripts); the id is for all
that must not ask it: indexes, traces, and rules of a store on its keys.
"""

import re
import secrets

PATTERN = r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?"
_PINNED = re.compile(rf"sess_({PATTERN})_[0-9a-f]{{24}}")


def new_call_id(region: str | None) -> str:
    """A fresh id of a call that is opened in ``region``."""
    return f"sess_{region + '_' if region else ''}{secrets.token_hex(12)}"


def region_of(call_id: str) -> str | None:
    """The region that a call is pinned to by its id."""
    found = _PINNED.fullmatch(call_id)
    return found[1] if found else None


def is_elsewhere(call_id: str, here: str | None) -> bool:
    """Whether a call is none of a worker's whose region is ``here``."""
    return region_of(call_id) not in (None, here)


def refusal(what: str, region: str, here: str | None) -> str:
    """Why ``what`` of another ``region`` cannot be had ``here``."""
    mine = f"in region {here}" if here else "in no region"
    return f"{what} is kept in region {region}, and this server is {mine}."
