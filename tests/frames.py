"""The one place where tests read what the server sends: no frame is seen unchecked.

``checked`` holds a frame to the official Python types. What passes can be kept in a file, for
``tests/clients/js/test_zod.py`` to hold the same frames to the official JavaScript types.
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
SUITES = ("tests/protocol", "tests/properties", "tests/call")
"""Whose frames are kept: the tests of the wire."""


def checked(frame: str | bytes) -> dict[str, Any]:
    """The event that a frame of the server carries.

    Raises ``pydantic.ValidationError`` if the ``openai`` package would not know it as one."""
    SERVER_EVENT.validate_json(frame)
    event = json.loads(frame)
    path, test = os.environ.get(KEPT_IN), os.environ.get("PYTEST_CURRENT_TEST", "")
    if path and test.startswith(SUITES):
        kept = {"test": test, "frame": event}
        with Path(path).open("ab", buffering=0) as file:  # a write a line: several processes do
            file.write(json.dumps(kept).encode() + b"\n")
    return event
