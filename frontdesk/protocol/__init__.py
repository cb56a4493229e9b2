"""The OpenAI Realtime protocol, sans-IO: events in, events and commands out, a clock.

No socket, no asyncio, no model, and nothing else of Frontdesk is imported here. A transport
feeds frames, an engine feeds :mod:`frontdesk.protocol.engine` events, and both drain
:mod:`frontdesk.protocol.commands`.
"""

from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.protocol.errors import ProtocolError
from frontdesk.protocol.ids import new_id

__all__ = ["ProtocolError", "RealtimeProtocol", "new_id"]
