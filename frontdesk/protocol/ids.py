"""Names for things on the wire."""

from secrets import token_hex


def new_id(prefix: str) -> str:
    """A fresh id such as ``item_5f2c…``: 96 random bits, so unique beyond one session too."""
    return f"{prefix}_{token_hex(12)}"
