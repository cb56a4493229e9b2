"""Erasing a caller: from the trace store, and their sound from the disk."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from frontdesk.tracing.audio import AudioStore, mixes
from frontdesk.tracing.stores import Store, StoreError


@dataclass(frozen=True, slots=True)
class Gone:
    """How much was erased."""

    calls: int = 0
    traces: int = 0
    audio: int = 0


def erase(store: Store, audio: AudioStore, caller: str, calls: Iterable[str], until: float) -> Gone:
    """Erase ``calls``, and all calls of ``caller`` that were opened until then (unix seconds). They
    must be over here; what is still said of them later is not kept. Blocks. May be repeated.
    Raises :class:`StoreError` when it is not done, or not all of it."""
    ids = sorted(set(calls))
    store.refused.update(ids)
    if not store.flush():
        raise StoreError(f"{store.where}: what waits to be written is not yet")
    kept = store.kept(ids, caller, until)
    store.refused.update(kept.calls)
    kept = store.kept(kept.calls)  # with what was written meanwhile
    store.refused.update(kept.traces)
    # Files first: their keys are known as long as the rows are there.
    try:
        for key in kept.pieces:
            path = audio.locate(key)
            path.unlink(missing_ok=True)
            path.with_suffix(".part").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{audio.root}: {error}") from error
    for call_id in kept.calls:
        shutil.rmtree(mixes(audio.root, call_id), ignore_errors=True)
    store.delete(kept)
    return Gone(len(kept.calls), len(kept.traces), len(kept.pieces))
