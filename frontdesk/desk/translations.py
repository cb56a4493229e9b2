"""What is said when no model can say it, in the languages that come with Frontdesk."""

import tomllib
from importlib.resources import files
from typing import Any

_FOUND: dict[str, Any] = tomllib.loads(
    files("frontdesk.desk").joinpath("translations.toml").read_text("utf-8")
)
LINES: dict[str, dict[str, str]] = _FOUND["lines"]
"""``lines`` by language."""
MEMORY_LINES: dict[str, dict[str, str]] = _FOUND["memory"]
"""``memory.lines`` by language."""
GOODBYES: dict[str, str] = _FOUND["goodbye"]
"""``voice.idle.goodbye`` by language."""
