"""The thread of a trace store: it writes what others leave with it, and nobody waits for it."""

import logging
import threading


class WritingThread:
    """What the writers of all stores have in common; a subclass says what the thread does.

    ``_wake`` is set when there is work, ``_hurry`` when somebody waits for it, ``_idle`` while
    there is none. ``dropped`` counts what was given up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._trouble = False
        self.dropped: int = 0
        self._logger = logging.getLogger(type(self).__module__)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be written."""
        return self._idle.is_set()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was queued is written. False when time ran out."""
        self._hurry.set()
        self._wake.set()
        return self._idle.wait(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, within ``timeout`` seconds, and end the thread."""
        self._closed = True
        self._hurry.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        raise NotImplementedError

    def _report(self, message: str, *values: object) -> None:
        """Say so in the log, once until it is over."""
        if not self._trouble:
            self._trouble = True
            self._logger.warning(message, *values)
