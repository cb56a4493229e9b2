"""What is logged in a call whose words are not kept: what failed, not what was said.

Errors repeat what they choked on: a tool's error has its arguments in it, a model's the prompt.
"""

import logging
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

wordless: ContextVar[bool] = ContextVar("frontdesk_wordless", default=False)
"""Whether the words of the call at work here must not be logged."""
WITHHELD = "(not logged)"


class Words(str):
    """Text in a line of the log that may hold what was said."""


def install() -> None:
    """Have every line of the log, of libraries too, heed :data:`wordless`. May be repeated."""
    made = logging.getLogRecordFactory()
    if getattr(made, "heeds_wordless", False):
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = made(*args, **kwargs)
        if wordless.get():
            _strip(record)
        return record

    factory.heeds_wordless = True  # pyright: ignore[reportFunctionMemberAccess]
    logging.setLogRecordFactory(factory)


def _strip(record: logging.LogRecord) -> None:
    if isinstance(record.args, Mapping):
        record.args = {key: _stripped(value) for key, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_stripped, record.args))
    if record.exc_info and record.exc_info[1] is not None:
        kind, _, stack = record.exc_info
        lines = traceback.format_tb(stack)
        record.exc_text = "".join(lines) + f"{kind.__name__ if kind else 'Error'} {WITHHELD}"
        record.exc_info = None


def _stripped(value: object) -> object:
    if isinstance(value, BaseException):
        return type(value).__name__
    return WITHHELD if isinstance(value, Words) else value
