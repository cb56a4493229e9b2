"""What the suite talks about, an area a module."""

from frontdesk.conformance.areas import (
    audio,
    connect,
    conversation,
    errors,
    fields,
    interruption,
    keys,
    limits,
    mcp,
    out_of_band,
    rest,
    session,
    text,
    tools,
    transcription,
    turns,
    usage,
)
from frontdesk.conformance.suite import Area

_MODULES = (
    connect,
    session,
    fields,
    conversation,
    text,
    audio,
    tools,
    turns,
    interruption,
    out_of_band,
    transcription,
    mcp,
    errors,
    usage,
    limits,
    keys,
    rest,
)

AREAS: dict[str, Area] = {module.area.name: module.area for module in _MODULES}
"""By name, in the order of the report."""
