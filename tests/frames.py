"""The one place where tests read what the server sends: no frame is seen unchecked.

``checked`` holds a frame to the official Python types. What passes can be kept in a file, for
``tests/clients/test_zod.py`` to hold the same frames to the official JavaScript types.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any

from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter

SERVER_EVENT: TypeAdapter[Any] = TypeAdapter(
    Annotated[RealtimeServerEvent, Field(discriminator="type")]
)
KEPT_IN = "FRONTDESK_TEST_FRAMES"
"""The environment variable that names the file, if frames are to be kept: a JSON object a line,
``{"test": …, "frame": …}``."""


def checked(frame: str | bytes) -> dict[str, Any]:
    """The event that a frame of the server carries.

    Raises ``pydantic.ValidationError`` if the ``openai`` package would not know it as one."""
    SERVER_EVENT.validate_json(frame)
    event = json.loads(frame)
    if path := os.environ.get(KEPT_IN):
        kept = {"test": os.environ.get("PYTEST_CURRENT_TEST", ""), "frame": event}
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept) + "\n")
    return event
