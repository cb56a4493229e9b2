"""Images in items: what a client may send, and how much of them it is shown again."""

import re
from typing import Any

from frontdesk.protocol import wire
from frontdesk.protocol.commands import Item
from frontdesk.protocol.errors import ProtocolError, invalid_value

LARGEST = 15 * 1024 * 1024
"""Bytes of one image, as of one ``input_audio_buffer.append``."""
LARGEST_ECHO = 256 * 1024
"""Characters of an image that is shown again. Every item is told twice when it is created, and some
clients end a call over one frame of 8 MiB."""

_DATA_URI = re.compile(r"data:image/(png|jpe?g|gif|webp);base64,", re.IGNORECASE)
_BEGINS = {"png": b"\x89PNG", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8", "webp": b"RIFF"}


def check(image_url: str, param: str) -> None:
    """Raise :class:`ProtocolError` naming ``param`` unless this is an image that models take: one
    they refuse would stay in the conversation and fail every response from then on."""
    found = _DATA_URI.match(image_url)
    if not found:
        raise invalid_value(
            param, "give the image itself, as 'data:image/png;base64,…' (or jpeg, gif, webp)."
        )
    encoded = image_url[found.end() :]
    if len(encoded) > LARGEST * 4 / 3 + 4:
        raise invalid_value(param, "over 15 MiB; make the image smaller.")
    kind = found[1].lower().replace("jpg", "jpeg")
    if not wire.decode_base64(encoded, param).startswith(_BEGINS[kind]):
        raise invalid_value(param, f"the data is no {kind.upper()} image.")


def refuse(item: Item, param: str) -> None:
    """Raise :class:`ProtocolError` naming the first image of a message under ``param``."""
    for index, part in enumerate(item.get("content", ())):
        if part["type"] == "input_image":
            raise ProtocolError(
                "unsupported_value",
                "No model of this team can see images: describe it in words, or give the team a "
                "model that can.",
                f"{param}.content[{index}].type",
            )


def shown(item: Item) -> Item:
    """The item as events show it: without the data of large images."""
    if not any(_is_large(part) for part in item.get("content", ())):
        return item
    parts = [
        {key: value for key, value in part.items() if key != "image_url"}
        if _is_large(part)
        else part
        for part in item["content"]
    ]
    return {**item, "content": parts}


def _is_large(part: dict[str, Any]) -> bool:
    return len(part.get("image_url", "")) > LARGEST_ECHO
