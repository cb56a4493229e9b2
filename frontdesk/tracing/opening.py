"""Which trace store a process has."""

from collections.abc import Callable, Sequence
from typing import Any

from frontdesk.encryption import Cipher
from frontdesk.settings import Settings
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.rows import SpanRow
from frontdesk.tracing.store import FILE, TraceStore
from frontdesk.tracing.stores import Clean, Store, StoreError, unchanged

_NOT_SEALED = (
    "FRONTDESK_TRACES_URL and FRONTDESK_ENCRYPTION_KEYS do not go together: traces in ClickHouse "
    "are in the clear, so that others can read them. Unset FRONTDESK_TRACES_URL to keep them "
    "sealed in the data folder, or let ClickHouse encrypt its disk and unset the keys."
)


def _ignore(_: Any) -> None:
    pass


def open_store(
    settings: Settings,
    cipher: Cipher | None = None,
    *,
    clean: Clean = unchanged,
    pricing: Pricing | None = None,
    on_span: Callable[[SpanRow], None] = _ignore,
    on_calls: Callable[[Sequence[str]], None] = _ignore,
) -> Store:
    """The store that ``settings`` name, not yet started. ``clean`` makes spans what may be kept of
    them, ``pricing`` says what they cost, ``on_span`` sees each begin and end, and ``on_calls`` the
    ids of calls whose summary changed, all in the writer's thread. Raises :class:`StoreError` for
    settings that do not fit."""
    if settings.traces_url:
        from frontdesk.tracing.clickhouse.address import parse
        from frontdesk.tracing.clickhouse.store import ClickHouseStore

        if cipher:
            raise StoreError(_NOT_SEALED)
        return ClickHouseStore(
            parse(settings.traces_url.get_secret_value()),
            settings.data_dir,
            clean=clean,
            region=settings.region,
            pricing=pricing,
            on_span=on_span,
            on_calls=on_calls,
        )
    return TraceStore(
        settings.data_dir / FILE,
        clean=clean,
        cipher=cipher,
        region=settings.region,
        pricing=pricing,
        on_span=on_span,
        on_calls=on_calls,
    )
