"""Failures a user can mend, told in one message."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import typer
from pydantic import ValidationError


class Failure(Exception):
    """Something the user can mend; the message says what to do."""


@contextmanager
def explained() -> Generator[None]:
    """Turn expected failures into a message on stderr and exit code 1; Ctrl-C into 130."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except ValidationError as error:
        for problem in error.errors():
            name = "FRONTDESK_" + "_".join(str(part) for part in problem["loc"]).upper()
            typer.secho(f"error: {name}: {problem['msg']}", fg="red", err=True)
        sys.exit(1)
    except Exception as error:
        if not isinstance(error, _expected()):
            raise
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)


def _expected() -> tuple[type[Exception], ...]:
    """Imported when one has happened: their rooms would hold up the start of every command."""
    from frontdesk.desk.problems import DeskError
    from frontdesk.mcp.config import McpConfigError
    from frontdesk.state.errors import StateError
    from frontdesk.team.build import TeamBuildError
    from frontdesk.team.functions import FunctionLoadError
    from frontdesk.team.models import ModelUnavailable
    from frontdesk.tracing.store import StoreError
    from frontdesk.voice.audio import AudioFileError
    from frontdesk.voice.base import SpeechError

    return (
        Failure,
        AudioFileError,
        DeskError,
        FunctionLoadError,
        McpConfigError,
        ModelUnavailable,
        SpeechError,
        StateError,
        StoreError,
        TeamBuildError,
    )
