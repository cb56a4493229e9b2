"""Notices that files of a desk have changed, by looking.

By looking and not by being told: the same on every system, in containers and on network drives,
where the kernel tells nothing, and for the links that Kubernetes swaps under its volumes. A look
at a desk takes a millisecond of a thread.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from frontdesk.desk.files import plain
from frontdesk.desk.loader import mcp_config
from frontdesk.desk.prices import FILE as PRICES

Stamps = dict[Path, tuple[int, int, int]]


class Watch:
    """Looks at the files of the desk at ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._taken = self._moving = self._stamps()

    def changed(self, others: Iterable[Path] = ()) -> bool:
        """Whether files, the desk's and ``others``, are different from when this last said yes,
        and have come to rest: two looks found them alike. Blocks for as long as the disk takes."""
        now = self._stamps(others)
        if now != self._moving:
            self._moving = now
            return False
        if now == self._taken:
            return False
        self._taken = now
        return True

    def _stamps(self, others: Iterable[Path] = ()) -> Stamps:
        stamps: Stamps = {}
        for path in {*map(plain, self._files()), *others}:
            try:
                found = path.stat()
            except OSError:
                continue  # gone: that is a change, too
            stamps[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
        return stamps

    def _files(self) -> Iterator[Path]:
        for ending in ("yaml", "yml", "md"):
            yield from (self._root / "agents").rglob(f"*.{ending}")
        yield from (self._root / "tools").rglob("*.py")
        yield mcp_config(self._root)
        yield self._root / PRICES
