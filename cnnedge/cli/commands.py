"""The list of commands, in the order in which ``--help`` shows them."""

import typer


def register(app: typer.Typer) -> None:
    """Add every command to ``app``."""
