"""What every layer of a file loses on validation images: measured, drawn, and shown as a table."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge import console
from cnnedge.console import plain
from cnnedge.files import write_atomically
from cnnedge.progress import Progress, silent

if TYPE_CHECKING:
    from rich.table import Table

DEFAULT_IMAGES = 100
LEGEND = """\
own, all, weights: signal-to-quantization-noise ratio in dB; 20 is an error of
a tenth of the signal, 40 of a hundredth. own: the noise that the layer adds,
worst first; all: with the noise from before it; weights: of their rounding.
mean error: as a part of the output's root mean square.
saturated: codes at an end of their range; many mean that it is too narrow."""


def measure(
    file: Path, against: Path, data: str | None, limit: int | None, plot: Path | None, *, progress: Progress = silent
) -> dict[str, Any]:
    """What ``inspect --json`` has under ``errors``; the layers are those of ``LayerError``, the worst first.

    The images are validation images: held out of the training split, and not those that calibration saw. Without
    ``data`` they are of the published data that the files' own records name.

    Raises:
        UsageError: there is no such record.
    """
    from cnnedge import data as datasets
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.scoring.testdata import choose_dataset

    known = choose_dataset(None, [file], [against], progress=progress) if data is None else None
    require_tensorflow(console.say)
    from cnnedge.convert.layer_errors.compare import layer_errors
    from cnnedge.model.keras_file import load_keras

    model = load_keras(against)
    dataset = known or datasets.load(str(data), image_shape=model.input_shape[1:], progress=progress)
    images = datasets.pixels_of(dataset.validation, limit or DEFAULT_IMAGES)
    layers = layer_errors(file, model, images, progress=progress)
    if plot is not None:
        from cnnedge.convert.layer_errors.plot import plot_layer_errors

        title = f"{file.name} against {against.name}, {len(images):,} validation images"
        write_atomically(plot, plot_layer_errors(layers, title))
    return {
        "against": against.name,
        "data": dataset.name,
        "split": "validation",
        "images": len(images),
        "layers": [asdict(layer) for layer in layers],
    }


def show_errors(errors: dict[str, Any]) -> None:
    """The table and what its columns mean, on standard output; it fits 80 columns."""
    from rich.console import Console

    screen = Console(width=None if sys.stdout.isatty() else 80, highlight=False)
    print()
    screen.print(_table(errors["layers"]))
    images = f"{errors['images']:,} {errors['split']} images of {errors['data']}, against {errors['against']}."
    console.show(images, *LEGEND.splitlines())


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
        table.add_row(Text(plain(layer["layer"])), Text(plain(layer["kind"])), *cells)
    return table


def _decibels(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f}"
