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
    twice). Raises ``OSError`` when the disk refuses."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._key = AES(os.urandom(32))

    def write(self, at: int, data: bytes) -> None:
        """Put ``data`` at a place."""
        if os.pwrite(self._file.fileno(), self._mixed(at, data), at) < len(data):
            raise OSError("the file system is full")

    def read(self, at: int, count: int) -> bytes:
        """What was put at a place, as far as there is."""
        return self._mixed(at, os.pread(self._file.fileno(), count, at))

    def close(self) -> None:
        """Nobody needs it any more."""
        self._file.close()

    def _mixed(self, at: int, data: bytes) -> bytes:
        block, skipped = divmod(at, _BLOCK)
        stream = Cipher(self._key, CTR(block.to_bytes(_BLOCK))).encryptor()
        stream.update(bytes(skipped))
        return stream.update(data)
