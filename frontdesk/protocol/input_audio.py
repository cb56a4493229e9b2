"""The input audio buffer: how much there is, on the clock of audio received, and who speaks."""

from typing import Any

from frontdesk.protocol.errors import ProtocolError, invalid_value

MAX_APPEND = 15 * 1024 * 1024
MIN_COMMIT_MS = 100
BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}


class InputAudio:
    """Counts only: the audio itself is passed on. Milliseconds since the session began."""

    def __init__(self, format: dict[str, Any]) -> None:
        self.received_ms = 0.0
        self.buffered_ms = 0.0
        self.speaking = False
        self.announced: str | None = None
        """Id of the item-to-be, once told to the client."""
        self.speech_start_ms = 0
        self._carry: bytes = b""
        self.set_format(format)

    def set_format(self, format: dict[str, Any]) -> None:
        """A new format for audio still to come."""
        self._bytes_per_ms = BYTES_PER_MS[format["type"]]
        self._sample_bytes = 2 if format["type"] == "audio/pcm" else 1
        self._carry = b""

    def append(self, audio: bytes) -> bytes:
        """Count audio and return it in whole samples: half a sample waits for its other half."""
        if self._sample_bytes == 2 and (self._carry or len(audio) & 1):
            audio = self._carry + audio
            self._carry = audio[-1:] if len(audio) & 1 else b""
            audio = audio[: len(audio) - len(self._carry)]
        milliseconds = len(audio) / self._bytes_per_ms
        self.received_ms += milliseconds
        self.buffered_ms += milliseconds
        return audio

    def start_speech(self, item_id: str, audio_start_ms: int) -> None:
        self.speaking, self.announced, self.speech_start_ms = True, item_id, audio_start_ms

    def stop_speech(self, audio_end_ms: int) -> int:
        """The end of the speech, never before its start."""
        self.speaking = False
        return max(audio_end_ms, self.speech_start_ms + 1)

    def check_commit(self) -> None:
        """Raises :class:`ProtocolError` when the client may not commit so little."""
        if self.buffered_ms < MIN_COMMIT_MS:
            raise ProtocolError(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MIN_COMMIT_MS}ms of audio, but buffer only has {self.buffered_ms:.2f}ms.",
            )

    def clear(self) -> None:
        self.buffered_ms = 0.0
        self.announced = None
        self._carry = b""


def check_size(base64_length: int, param: str = "audio") -> None:
    """Raises :class:`ProtocolError` naming ``param`` when it is over 15 MiB of audio."""
    if base64_length > MAX_APPEND * 4 / 3 + 4:
        raise invalid_value(param, "over 15 MiB; send audio in smaller pieces.")
