"""The command line: one module per command in this folder, joined here.

A command line reads the module of its own command alone. The modules import only typer and floor 0 at their top, so
that ``cnnedge --help``, which reads them all, is fast; everything heavier is imported inside the command that needs it.
"""

import errno
import os
import sys
import traceback
from collections.abc import Iterable

import typer

from cnnedge import __version__, children, console
from cnnedge.cli import commands
from cnnedge.errors import CnnedgeError

# What the command-line parser returns after Ctrl-C: 128 + SIGINT, as shells do.
INTERRUPTED = 130
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)  # no space left, or no quota


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"cnnedge {__version__}")
        raise typer.Exit


def make_app(names: Iterable[str]) -> typer.Typer:
    """The program with the commands of these ``names``."""
    app = typer.Typer(
        name="cnnedge",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Take a Keras image classifier to the edge: train, quantize, export, prove, measure, predict.",
        epilog="Start with [bold]cnnedge run mnist[/bold], then try "
        "[bold]cnnedge predict exported/mnist/mnist_int8_qat.tflite digit.png[/bold].",
    )
    app.callback()(_options)
    commands.register(app, names)
    return app


def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback when something fails."),
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
    ),
) -> None:
    if debug:
        os.environ["CNNEDGE_DEBUG"] = "1"


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code; every failure becomes one line on standard error."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app = make_app(commands.wanted(given))
        with children.ending_in_order():
            code = app(args=given, standalone_mode=False)
        sys.stdout.flush()  # a full disk behind it is said, and not only at the very end by the interpreter
    except (Exception, KeyboardInterrupt) as error:
        return _report(error)
    if code == INTERRUPTED:
        return _report(KeyboardInterrupt())
    return code if isinstance(code, int) else 0


def _report(error: BaseException) -> int:
    """Say what went wrong in one line on standard error and choose the exit code (see ``errors``)."""
    if os.environ.get("CNNEDGE_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, BrokenPipeError):
        # The reader of our output went away (`cnnedge ... | head`): nothing to say, and nothing more to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    message, code = _explain(error)
    if message:
        console.say(f"error: {' '.join(message.split())}")
    return code


def _explain(error: BaseException) -> tuple[str, int]:
    if isinstance(error, CnnedgeError):
        return str(error), error.exit_code
    if hasattr(error, "format_message"):  # usage errors of the command-line parser
        return error.format_message(), getattr(error, "exit_code", 2)
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return "interrupted: no half-written file was kept; a training, a search or a score goes on with --resume", 1
    if isinstance(error, typer.Exit):
        return "", error.exit_code
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        room = "; make room there, or choose another place" if where and error.errno in _DISK_FULL else ""
        return f"{error.strerror or error}{where}{room}", 1
    return f"{type(error).__name__}: {error} (this is a defect; --debug shows the traceback)", 1
