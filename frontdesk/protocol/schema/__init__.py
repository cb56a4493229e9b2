"""The shapes that clients may send, closed: what is not named here is not known.

They follow ``openai.types.realtime``, which leaves every model open and so cannot tell a client
that it misspelt a field. ``None`` is allowed wherever some client sends it for *not set*.
"""

from frontdesk.protocol.schema.events import EVENTS
from frontdesk.protocol.schema.items import ITEM
from frontdesk.protocol.schema.session import RESPONSE, SESSIONS

__all__ = ["EVENTS", "ITEM", "RESPONSE", "SESSIONS"]
