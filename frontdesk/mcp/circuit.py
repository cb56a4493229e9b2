"""A circuit breaker: what would only fail again, after a long wait, fails at once.

It looks at two things. A *server* whose calls failed three times in a row, whichever the tool, is
not asked until it has answered something else: its owner asks it for its tool list in the
background, twice a second, so it is back within a second. A *tool* that failed three times in a
row, on a server that is well otherwise, is tried by one call at a time: the others need not wait
for what most likely fails.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from frontdesk.mcp.faults import ToolCallError

LIMIT = 3
"""Failures in a row: time-outs, broken answers, 5xx. A refusal or an error of the tool is none."""


class Circuit:
    """The failures of one server."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._in_a_row = 0
        self._of_tool: Counter[str] = Counter()
        self._tried: set[str] = set()

    @property
    def is_open(self) -> bool:
        """Whether the server is not to be asked."""
        return self._in_a_row >= LIMIT

    @contextmanager
    def passing(self, tool: str) -> Generator[None]:
        """A call of ``tool`` goes through. Raises `ToolCallError` when it may not."""
        doubtful = self._of_tool[tool] >= LIMIT
        if self.is_open or (doubtful and tool in self._tried):
            what = f"{self._server} service" if self.is_open else f"tool {tool}"
            raise ToolCallError(
                f"The {what} failed {LIMIT} times in a row and was not asked this time. "
                "It may work again in a moment.",
                status=503,
                fault="circuit_open",
            )
        if not doubtful:
            yield
            return
        self._tried.add(tool)
        try:
            yield
        finally:
            self._tried.discard(tool)

    def failed(self, tool: str) -> None:
        """A call did not come to an end, or to a bad one."""
        self._in_a_row += 1
        self._of_tool[tool] += 1

    def succeeded(self, tool: str) -> None:
        """A call was answered."""
        self._in_a_row = 0
        del self._of_tool[tool]

    def answered(self) -> None:
        """The server answered something else."""
        self._in_a_row = 0
