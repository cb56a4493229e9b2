"""Why a call cannot be had here, in words for whoever wants it."""

import logging
import secrets
from collections.abc import Generator
from contextlib import contextmanager

import orjson
from redis.exceptions import RedisError

from frontdesk.call.identity import Identity
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.shelf import rules_of
from frontdesk.state.entries import CallState
from frontdesk.state.errors import InOtherRegion, StateError, Unreadable

logger = logging.getLogger(__name__)

DRAINING = "This worker is being restarted: connect again, and another one takes the call."


class CallRefused(Exception):
    """A call cannot begin here. ``close_code`` is for the socket."""

    def __init__(self, message: str, code: str, close_code: int = 1008) -> None:
        super().__init__(message)
        self.code = code
        self.close_code = close_code

    def frame(self) -> str:
        """The refusal as a Realtime ``error`` event."""
        error = {"type": "invalid_request_error", "code": self.code, "message": str(self)}
        event = {"type": "error", "event_id": f"event_{secrets.token_hex(10)}", "error": error}
        return orjson.dumps(event).decode()


@contextmanager
def in_words(call_id: str | None) -> Generator[None]:
    """Whatever keeps a call from being had is told to whoever wants it."""
    try:
        yield
    except InOtherRegion as error:
        raise CallRefused(str(error), "call_in_other_region") from error
    except Unreadable as error:
        logger.error("%s", error)
        message = f"Call {call_id} cannot be read by this server, whose log says why."
        raise CallRefused(message, "call_unreadable") from error
    except (RedisError, StateError) as error:
        raise no_store(error) from error


def no_store(error: Exception) -> CallRefused:
    logger.error("no call can be opened: %s", error)
    message = "Calls cannot be kept at the moment. Try again in a few seconds."
    return CallRefused(message, "state_unavailable", 1013)


def check_caller(state: CallState, identity: Identity) -> None:
    """Nobody goes on with somebody else's call."""
    if identity.user is not None and identity.user != state.user:
        message = "user: the call is another caller's. Leave it out, or begin a call of your own."
        raise CallRefused(message, "invalid_value")


def check_consent(team: LiveTeam, identity: Identity) -> None:
    """Nobody agrees to what is not done."""
    if identity.consent and rules_of(team) is None:
        name = team.loaded.team.name
        message = f"consent: team {name} remembers no callers. Leave it out, or give it a memory."
        raise CallRefused(message, "invalid_value")


def not_known() -> CallRefused:
    message = "This resume token is not good, or no longer: begin a new call, without it."
    return CallRefused(message, "invalid_resume_token")
