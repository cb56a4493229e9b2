"""``frontdesk key``: make a key for clients, or for what is kept."""

from typing import Annotated

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
) -> None:
    """Make a key that lets clients in.

    Put it into FRONTDESK_API_KEYS, where the server finds it, and give it to the clients, who send
    it as `Authorization: Bearer KEY`.

    It is printed and kept nowhere.
    """
    typer.echo(encryption.new_key() if encrypt else new_key())
