"""The list of commands, in the order in which ``--help`` shows them."""

from collections.abc import Iterable
from importlib import import_module

import typer

from cnnedge.cli.options import Command

# The module of this folder that holds each command, under a function of the command's name.
COMMANDS = {
    name: {"score": "score_many"}.get(name, name)
    for name in (
        "run", "photos", "train", "export", "search", "data", "benchmark", "fleet", "report", "card", "predict",
        "score", "inspect", "demo", "golden", "match", "doctor",
    )
}  # fmt: skip


def wanted(arguments: Iterable[str]) -> list[str]:
    """The commands that a command line needs: the one that it names, else all of them, for help and "did you mean"."""
    named = next((argument for argument in arguments if not argument.startswith("-")), None)
    return [named] if named in COMMANDS else list(COMMANDS)


def register(app: typer.Typer, names: Iterable[str]) -> None:
    """Add the named commands to ``app``; the modules of the others are not even read."""
    for name in names:
        app.command(cls=Command)(getattr(import_module(f"cnnedge.cli.{COMMANDS[name]}"), name))
