"""What a login to a server left behind: its tokens, in a file that only we can read."""

import contextlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from mcp.client.auth.oauth2 import OAuthContext
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from pydantic import ValidationError

FOLDER = "mcp-tokens"


class TokenFile:
    """The SDK's ``TokenStorage`` of one server: ``<data>/mcp-tokens/NAME.json``, mode 0600.

    Beside the tokens it keeps when they expire and where they are refreshed, which the SDK would
    have forgotten after a restart. What was kept for another address counts as nothing.
    """

    def __init__(self, data: Path, server: str, url: str) -> None:
        self.path = data / FOLDER / f"{quote(server, safe='')}.json"
        self._url = url
        self._read_at: tuple[int, int] | None = None

    def changed(self) -> bool:
        """Whether somebody else has written it since it was read: a login, another worker."""
        return self._stamp() != self._read_at

    def restore(self, context: OAuthContext) -> None:
        """Read everything into ``context``."""
        self._read_at = self._stamp()
        kept = self._read()
        try:
            tokens = OAuthToken.model_validate(kept["tokens"])
            metadata = OAuthMetadata.model_validate(kept["metadata"])
            resource = kept.get("resource")
            context.protected_resource_metadata = (
                ProtectedResourceMetadata.model_validate(resource) if resource else None
            )
        except (KeyError, ValidationError):
            return
        context.current_tokens, context.oauth_metadata = tokens, metadata
        context.token_expiry_time = cast("float | None", kept.get("expires_at"))
        context.auth_server_url = cast("str | None", kept.get("auth_server"))

    def keep(self, context: OAuthContext) -> None:
        """Write what ``context`` has. Raises ``OSError``."""
        self._write(
            {
                **self._read(),
                "tokens": _dumped(context.current_tokens),
                "expires_at": context.token_expiry_time,
                "metadata": _dumped(context.oauth_metadata),
                "resource": _dumped(context.protected_resource_metadata),
                "auth_server": context.auth_server_url,
                "written_at": round(time.time()),
            }
        )

    # The SDK's TokenStorage

    async def get_tokens(self) -> OAuthToken | None:
        return None  # see ``restore``

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """The context is kept as a whole, see ``keep``."""

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        try:
            return OAuthClientInformationFull.model_validate(self._read()["client"])
        except (KeyError, ValidationError):
            return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._write({**self._read(), "client": _dumped(client_info)})

    def _stamp(self) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            found = self.path.stat()
            return found.st_mtime_ns, found.st_ino
        return None

    def _read(self) -> dict[str, Any]:
        try:
            kept: Any = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) and kept.get("url") == self._url else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]

    def _write(self, kept: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"url": self._url, **kept}, file)
            fresh.replace(self.path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        self._read_at = self._stamp()


def _dumped(model: Any) -> Any:
    return None if model is None else model.model_dump(mode="json", exclude_none=True)
