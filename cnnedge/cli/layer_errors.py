"""``cnnedge inspect --errors``: what every layer of a file loses against the float Keras model."""

import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge import console
from cnnedge.errors import MissingPackageError, UsageError
from cnnedge.files import refuse_existing, write_atomically

if TYPE_CHECKING:
    from rich.table import Table

DEFAULT_IMAGES = 100
LEGEND = """\
own, all, weights: signal-to-quantization-noise ratio in dB; 20 is an error of
a tenth of the signal, 40 of a hundredth. own: the noise that the layer adds,
worst first; all: with the noise from before it; weights: of their rounding.
mean error: as a part of the output's root mean square.
saturated: codes at an end of their range; many mean that it is too narrow."""


def check_options(
    errors: bool, against: Path | None, data: str | None, limit: int | None, plot: Path | None, *, overwrite: bool
) -> None:
    """Refuse options that do not go together, before anything is read.

    Raises:
        UsageError: ``--errors`` without its model or data, or one of its options without it.
        MissingPackageError, FileExistsRefusal: the plot cannot be drawn or written.
    """
    if errors and (against is None or data is None):
        raise UsageError("--errors compares with a float model on images: add --against FILE.keras and --data NAME|DIR")
    alone = {"--against": against, "--data": data, "--limit": limit, "--plot": plot}
    given = [option for option, value in alone.items() if value is not None]
    if given and not errors:
        raise UsageError(f"{given[0]} is for --errors: add that, or leave {', '.join(given)} out")
    if plot is None:
        return
    if plot.suffix.lower() != ".png":
        raise UsageError(f"--plot is {plot}, expected a file name that ends in .png")
    refuse_existing([plot], overwrite=overwrite)
    if find_spec("matplotlib") is None:
        raise MissingPackageError("matplotlib", "report")


def measure(file: Path, against: Path, data: str, limit: int | None, plot: Path | None) -> dict[str, Any]:
    """What ``inspect --json`` has under ``errors``; the layers are those of ``LayerError``, the worst first.

    The images are validation images: held out of the training split, and not those that calibration saw.
    """
    from cnnedge.model.backend import require_tensorflow

    require_tensorflow()
    from cnnedge import data as datasets
    from cnnedge.convert.layer_errors.compare import layer_errors
    from cnnedge.model.keras_file import load_keras

    model = load_keras(against)
    with console.progress() as progress:
        dataset = datasets.load(data, image_shape=model.input_shape[1:], progress=progress)
        images = dataset.validation.images[: limit or DEFAULT_IMAGES]
        layers = layer_errors(file, model, images, progress=progress)
    if plot is not None:
        from cnnedge.convert.layer_errors.plot import plot_layer_errors

        title = f"{file.name} against {against.name}, {len(images):,} validation images"
        write_atomically(plot, plot_layer_errors(layers, title))
        console.say(f"written: {plot}")
    return {
        "against": against.name,
        "data": dataset.name,
        "split": "validation",
        "images": len(images),
        "layers": [asdict(layer) for layer in layers],
    }


def show(errors: dict[str, Any]) -> None:
    """The table and what its columns mean, on standard output; it fits 80 columns."""
    from rich.console import Console

    screen = Console(width=None if sys.stdout.isatty() else 80, highlight=False)
    print()
    screen.print(_table(errors["layers"]))
    images = f"{errors['images']:,} {errors['split']} images of {errors['data']}, against {errors['against']}."
    screen.print(f"{images}\n{LEGEND}", markup=False)


def _table(layers: list[dict[str, Any]]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("layer", overflow="fold")
    table.add_column("kind", no_wrap=True)
    for name in ("own", "all", "weights", "mean error", "saturated"):
        table.add_column(name, justify="right", no_wrap=True)
    for layer in layers:
        cells = (
            _decibels(layer["own_sqnr_db"]),
            _decibels(layer["sqnr_db"]),
            "" if layer["weight_sqnr_db"] is None else _decibels(layer["weight_sqnr_db"]),
            f"{100 * layer['mean_error'] / layer['signal_rms']:+.2f} %" if layer["signal_rms"] else "",
            "" if layer["saturated"] is None else f"{100 * layer['saturated']:.2f} %",
        )
        table.add_row(Text(layer["layer"]), Text(layer["kind"]), *cells)
    return table


def _decibels(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f}"
