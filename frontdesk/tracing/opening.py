"""Which trace store a process has."""

from collections.abc import Callable, Sequence
from typing import Any

from frontdesk.encryption import Cipher
from frontdesk.settings import Settings
from frontdesk.tracing.rows import SpanRow
from frontdesk.tracing.store import FILE, TraceStore
from frontdesk.tracing.stores import Store


def _ignore(_: Any) -> None:
    pass


def open_store(
    settings: Settings,
    cipher: Cipher | None = None,
    *,
    on_span: Callable[[SpanRow], None] = _ignore,
    on_calls: Callable[[Sequence[str]], None] = _ignore,
) -> Store:
    """The store that ``settings`` name, not yet started. ``on_span`` sees each span begin and end,
    ``on_calls`` the ids of calls whose summary changed; both run in the writer's thread."""
    return TraceStore(
        settings.data_dir / FILE,
        content=settings.trace_content,
        cipher=cipher,
        region=settings.region,
        on_span=on_span,
        on_calls=on_calls,
    )
