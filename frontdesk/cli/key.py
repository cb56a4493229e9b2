"""``frontdesk key``: make a key for clients."""

import typer

from frontdesk.api.keys import new_key


def key() -> None:
    """Make a key that lets clients in.

    Put it into FRONTDESK_API_KEYS, where the server finds it, and give it to the clients, who send
    it as `Authorization: Bearer KEY`.

    It is printed and kept nowhere.
    """
    typer.echo(new_key())
