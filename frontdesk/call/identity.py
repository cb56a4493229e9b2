"""Who is calling, by whoever lets them in: a caller id, and whether they want to be remembered.

Both come in the URL (``?user=…&consent=true``), in headers, for proxies that know the caller, or in
the client secret that a session was opened with, and are the word of whoever has the key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from frontdesk.state.callers import problem_of

USER, CONSENT = "user", "consent"
HEADERS = {USER: "x-frontdesk-user", CONSENT: "x-frontdesk-consent"}

IDENTITY = "frontdesk.identity"
"""Key of the ASGI scope under which the door leaves what a client secret carries."""

_READ = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Identity:
    """``user``: None for a caller whom nobody named. ``consent``: None when nothing was said."""

    user: str | None = None
    consent: bool | None = None

    def problem(self) -> tuple[str, str] | None:
        """The field that cannot be, and why not."""
        if self.user is None:
            why = "it needs a user: who wants to be remembered?"
            return None if self.consent is None else (CONSENT, why)
        wrong = problem_of(self.user)
        return (USER, wrong) if wrong else None


def identity_by(scope: Mapping[str, Any]) -> Identity:
    """Who comes with a request. Raises ``ValueError`` in words for the client."""
    if IDENTITY in scope:
        return Identity(**scope[IDENTITY])
    given = {name: _given(scope, name) for name in HEADERS}
    consent = given[CONSENT]
    if consent is not None and consent.lower() not in _READ:
        raise ValueError("consent: it is true or false.")
    identity = Identity(given[USER], None if consent is None else _READ[consent.lower()])
    if problem := identity.problem():
        raise ValueError(": ".join(problem))
    return identity


def names_somebody(scope: Mapping[str, Any]) -> bool:
    """Whether a request says who is calling."""
    return any(_values(scope, name) for name in HEADERS)


def _given(scope: Mapping[str, Any], name: str) -> str | None:
    """The value of the URL or of the header: a proxy's word is not overruled by its client's."""
    values = _values(scope, name)
    if len(values) > 1:
        raise ValueError(f"{name}: it is given more than once, and not the same each time.")
    return next(iter(values), None)


def _values(scope: Mapping[str, Any], name: str) -> set[str]:
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    header = HEADERS[name].encode()
    values = {value for key, value in query if key == name}
    return values | {value.decode("latin-1") for key, value in scope["headers"] if key == header}
