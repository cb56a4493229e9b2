"""``frontdesk key``: make a key for clients, or for what is kept."""

from typing import Annotated, Literal

import typer

from frontdesk import encryption
from frontdesk.api.keys import new_key


def key(
    encrypt: Annotated[
        bool,
        typer.Option(
            "--encryption", help="Make a key for FRONTDESK_ENCRYPTION_KEYS instead (Fernet)."
        ),
    ] = False,
    role: Annotated[
        Literal["full", "approve", "view"],
        typer.Option(
            help="What it may: `view` sees and hears calls, `approve` also decides approvals and "
            "scores, `full` all."
        ),
    ] = "full",
) -> None:
    """Make a key that lets clients in.

    Put it into FRONTDESK_API_KEYS, where the server finds it, and give it to the clients, who send
    it as `Authorization: Bearer KEY`. What stands before a colon is its role: it stays with the
    server.

    It is printed and kept nowhere.
    """
    if encrypt:
        typer.echo(encryption.new_key())
    else:
        typer.echo(new_key() if role == "full" else f"{role}:{new_key()}")
