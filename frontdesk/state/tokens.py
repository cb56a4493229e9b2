"""Random words that stand for something until they expire, the same on every worker."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, cast

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.asyncio import Redis

BYTES = 24


class Tokens:
    """Tokens in Redis, under ``frontdesk:token:<SHA-256 of the token>``, and what they stand for,
    encrypted with a key made of the token: who reads the store gets neither. All methods raise
    ``RedisError`` when the store is not there."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis  # redis-py leaves its commands half typed

    async def issue(self, prefix: str, meaning: Mapping[str, Any], seconds: int) -> str:
        """A new token that begins with ``prefix`` and can be read for ``seconds``."""
        token = f"{prefix}{secrets.token_hex(BYTES)}"
        await self._redis.set(_key(token), _sealed(token, orjson.dumps(meaning)), ex=seconds)
        return token

    async def read(self, token: str) -> dict[str, Any] | None:
        """What it stands for; None when it has expired, was revoked or never was."""
        stored: bytes | None = await self._redis.get(_key(token))
        return (
            None if stored is None else cast("dict[str, Any]", orjson.loads(_open(token, stored)))
        )

    async def revoke(self, token: str) -> None:
        """It stands for nothing from now on."""
        await self._redis.delete(_key(token))


def looks_issued(prefix: str, token: str) -> bool:
    """Whether it has the form of our tokens, be it valid or not."""
    rest = token.removeprefix(prefix)
    hexadecimal = all(digit in "0123456789abcdef" for digit in rest)
    return rest != token and len(rest) == 2 * BYTES and hexadecimal


def _key(token: str) -> str:
    return f"frontdesk:token:{hashlib.sha256(token.encode()).hexdigest()}"


def _sealed(token: str, meaning: bytes) -> bytes:
    nonce = secrets.token_bytes(12)
    return nonce + _cipher(token).encrypt(nonce, meaning, None)


def _open(token: str, stored: bytes) -> bytes:
    return _cipher(token).decrypt(stored[:12], stored[12:], None)


def _cipher(token: str) -> AESGCM:
    """The token has 192 random bits: a plain hash of it, other than its key's, is a good key."""
    return AESGCM(hashlib.sha256(b"meaning" + token.encode()).digest())
