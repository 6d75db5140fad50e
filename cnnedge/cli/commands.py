"""The list of commands, in the order in which ``--help`` shows them."""

import typer

from cnnedge.cli import train


def register(app: typer.Typer) -> None:
    """Add every command to ``app``."""
    app.command()(train.train)
