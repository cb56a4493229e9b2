"""G.711 telephone companding (ITU-T Recommendation G.711) by table."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from frontdesk.voice.base import Samples

Bytes = NDArray[np.uint8]
Pcm = NDArray[np.int16]


def _mulaw_values() -> Pcm:
    code = ~np.arange(256, dtype=np.uint8)
    step = ((code & 0x0F).astype(np.int32) << 3) + 0x84
    magnitude = (step << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_values() -> Pcm:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((code >> 4) & 7).astype(np.int32)
    step = ((code & 0x0F).astype(np.int32) << 4) + np.where(exponent == 0, 8, 0x108)
    magnitude = step << np.maximum(exponent - 1, 0)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _mulaw_codes() -> Bytes:
    pcm = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(pcm), 32635) + 0x84
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(pcm < 0, 0x80, 0)
    return (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)


def _alaw_codes() -> Bytes:
    pcm = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    magnitude = np.where(pcm < 0, -pcm - 1, pcm)
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    mantissa = (magnitude >> np.maximum(exponent, 1)) & 0x0F
    return (((exponent << 4) | mantissa) ^ np.where(pcm < 0, 0x55, 0xD5)).astype(np.uint8)


class Law:
    """One of the two companding laws: 8 bits a sample."""

    def __init__(self, values: Pcm, codes: Bytes) -> None:
        self._samples = values.astype(np.float32) / 32768
        self._codes = codes

    def decode(self, data: bytes) -> Samples:
        """Bytes to samples at the same rate."""
        return cast("Samples", self._samples[np.frombuffer(data, np.uint8)])

    def encode(self, pcm: Pcm) -> bytes:
        """16-bit samples to bytes at the same rate."""
        return self._codes[pcm.view(np.uint16)].tobytes()


MULAW = Law(_mulaw_values(), _mulaw_codes())
ALAW = Law(_alaw_values(), _alaw_codes())
