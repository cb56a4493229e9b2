"""Who is calling, as options of the commands that call."""

from typing import Annotated

import typer

User = Annotated[
    str | None,
    typer.Option(help="The caller's id: they are known again when it is given the next time."),
]
Consents = Annotated[
    bool, typer.Option("--consent", help="The caller agrees to be remembered; needs --user.")
]


def who(user: str | None, *, consent: bool) -> dict[str, str]:
    """The caller as a query of the socket's URL."""
    if user is None:
        if consent:
            raise typer.BadParameter("it needs --user: who agrees?", param_hint="--consent")
        return {}
    return {"user": user} | ({"consent": "true"} if consent else {})
