"""``frontdesk init``: a new desk."""

from pathlib import Path
from typing import Annotated

import typer

from frontdesk.desk.starter import FOLDERS, CannotInit, init_desk


def init(
    path: Annotated[Path, typer.Argument(help="A new or empty folder for the desk.")],
) -> None:
    """Make a desk to start from, in a new folder.

    A desk is a team of agents in YAML, its prompts, its tools and its MCP servers.

    The team is a small lamp shop's. It runs as it is, on the embedded models, without an API key.
    """
    try:
        files = init_desk(path)
    except CannotInit as error:
        typer.echo(f"frontdesk init: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{path}: {len(files)} files in {', '.join(f'{folder}/' for folder in FOLDERS)}")
    typer.echo(f"\nNext:\n  cd {path}\n  frontdesk check\n  frontdesk serve")
