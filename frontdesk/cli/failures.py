"""Failures a user can mend, told in one message."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import typer
from pydantic import ValidationError

from frontdesk.desk.problems import DeskError
from frontdesk.mcp.config import McpConfigError
from frontdesk.state.errors import StateError
from frontdesk.voice.base import SpeechError


class Failure(Exception):
    """Something the user can mend; the message says what to do."""


@contextmanager
def explained() -> Generator[None]:
    """Turn expected failures into a message on stderr and exit code 1."""
    try:
        yield
    except (Failure, DeskError, McpConfigError, SpeechError, StateError) as error:
        _fail(str(error))
    except ValidationError as error:
        for problem in error.errors():
            name = "FRONTDESK_" + "_".join(str(part) for part in problem["loc"]).upper()
            typer.secho(f"error: {name}: {problem['msg']}", fg="red", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str) -> None:
    typer.secho(f"error: {message}", fg="red", err=True)
    sys.exit(1)
