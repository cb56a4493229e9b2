"""Where the parts of the core put what they want done, in the order of the wire."""

from collections.abc import Callable
from typing import Any

from frontdesk.protocol import wire
from frontdesk.protocol.commands import Command, Send


class Outbox:
    """The commands of one step, and the ids that events and things get."""

    def __init__(self, ids: Callable[[str], str]) -> None:
        self.ids = ids
        self._commands: list[Command] = []

    def send(self, type: str, fields: dict[str, Any]) -> None:
        """Queue one server event."""
        event_id = self.ids("event")
        event = {"type": type, "event_id": event_id, **fields}
        self._commands.append(Send(wire.encode(event), type, event_id))

    def send_audio_delta(self, parts: tuple[bytes, bytes], audio: bytes) -> None:
        event_id = self.ids("event")
        frame = wire.audio_delta(parts, event_id, audio)
        self._commands.append(Send(frame, "response.output_audio.delta", event_id))

    def put(self, command: Command) -> None:
        """Queue any other command."""
        self._commands.append(command)

    def take(self) -> list[Command]:
        """Everything queued since the last time."""
        commands, self._commands = self._commands, []
        return commands
