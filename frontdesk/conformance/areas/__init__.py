"""What the suite talks about, an area a module."""

from frontdesk.conformance.areas import (
    audio,
    connect,
    conversation,
    errors,
    session,
    text,
)
from frontdesk.conformance.suite import Area

AREAS: dict[str, Area] = {
    module.area.name: module.area
    for module in (connect, session, conversation, text, audio, errors)
}
"""By name, in the order of the report."""
