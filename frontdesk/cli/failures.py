"""Failures a user can mend, told in one message."""

import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager

import typer
from pydantic import ValidationError
from websockets.exceptions import InvalidStatus, WebSocketException

from frontdesk.settings import Settings


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
    except InvalidStatus as error:
        _fail(f"the server refuses the call: {refusal(error)}")
    except WebSocketException as error:
        _fail(f"the connection to the server broke off: {error}")
    except OSError as error:  # a disk or a network that nobody foresaw: still no traceback
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:
        if not isinstance(error, _expected()):
            raise
        _fail(str(error))


def refusal(error: InvalidStatus) -> str:
    """Why a server did not open a WebSocket, and what mends it."""
    status = error.response.status_code
    if status == 401:
        return "it does not know the key. Give it one of its keys with --key or FRONTDESK_API_KEY."
    return f"HTTP {status}: {(error.response.body or b'').decode(errors='replace')[:500]}"


def make_data_dir(settings: Settings) -> None:
    """Make the folder for all that is written. Raises :class:`Failure`."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise Failure(
            f"the data folder {folder} cannot be written: {error.strerror}. Make room or mend its "
            "permissions, or set FRONTDESK_DATA to another folder."
        ) from error


def _fail(message: str) -> None:
    typer.secho(f"error: {message}", fg="red", err=True)
    sys.exit(1)


def _expected() -> tuple[type[Exception], ...]:
    """Imported when one has happened: their rooms would hold up the start of every command."""
    from frontdesk.api.keys import KeysError
    from frontdesk.desk.problems import DeskError
    from frontdesk.encryption import KeysUnfit
    from frontdesk.mcp.config import McpConfigError
    from frontdesk.state.errors import StateError
    from frontdesk.team.build import TeamBuildError
    from frontdesk.team.functions import FunctionLoadError
    from frontdesk.team.models import ModelUnavailable
    from frontdesk.tracing.stores import StoreError
    from frontdesk.voice.audio import AudioFileError
    from frontdesk.voice.base import SpeechError

    return (
        Failure,
        AudioFileError,
        DeskError,
        FunctionLoadError,
        KeysError,
        KeysUnfit,
        McpConfigError,
        ModelUnavailable,
        SpeechError,
        StateError,
        StoreError,
        TeamBuildError,
    )
