"""Sound put aside on the disk, in a file without a name that only this process can read.

Who holds the disk, after a crash too, finds noise in it: the key is made with the file and never
leaves memory.
"""

import os
import tempfile

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

_BLOCK = 16


class Aside:
    """Bytes by their place, each place written once (AES-256-CTR: its keystream must not be used
    twice). With ``room``, only so many of the last ones are kept, and the file is no longer than
    that. Raises ``OSError`` when the disk refuses."""

    def __init__(self, room: int | None = None) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._key = AES(os.urandom(32))
        self._room = room

    def write(self, at: int, data: bytes) -> None:
        """Put ``data`` at a place. It must not be longer than the room."""
        mixed = memoryview(self._mixed(at, data))
        for place, begin, end in self._spans(at, len(data)):
            if os.pwrite(self._file.fileno(), mixed[begin:end], place) < end - begin:
                raise OSError("the file system is full")

    def read(self, at: int, count: int) -> bytes:
        """What was put at a place, as far as there is."""
        spans = self._spans(at, count)
        mixed = [os.pread(self._file.fileno(), end - begin, p) for p, begin, end in spans]
        return self._mixed(at, b"".join(mixed))

    def close(self) -> None:
        """Nobody needs it any more."""
        self._file.close()

    def __del__(self) -> None:
        self.close()

    def _spans(self, at: int, count: int) -> list[tuple[int, int, int]]:
        """Where in the file the bytes are: its place, and of which of them."""
        if self._room is None:
            return [(at, 0, count)]
        place = at % self._room
        before = min(count, self._room - place)
        return [(place, 0, before), (0, before, count)] if before < count else [(place, 0, count)]

    def _mixed(self, at: int, data: bytes) -> bytes:
        block, skipped = divmod(at, _BLOCK)
        stream = Cipher(self._key, CTR(block.to_bytes(_BLOCK))).encryptor()
        if skipped:
            stream.update(bytes(skipped))
        return stream.update(data)
