"""``cnnedge inspect``: what a model file holds."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnedge import console
from cnnedge.cli.options import AsJson, ModelPath, Overwrite
from cnnedge.errors import GateError, MissingPackageError, ModelError, UsageError
from cnnedge.files import check_readable, check_writable, refuse_existing

if TYPE_CHECKING:
    from rich.table import Table

    from cnnedge.formats.facts import TensorFacts
    from cnnedge.formats.inspection import Inspection
    from cnnedge.formats.model_file import ModelFile

# A column of operator names longer than this says nothing more.
MOST_NAMES = 4


def inspect(
    file: ModelPath,
    require: Annotated[
        str,
        typer.Option(
            metavar="int8,no-flex,..",
            help="Exit code 3 unless the file is all of these: int8, no-flex, no-custom, static-batch, "
            "no-dynamic, gpu (all on LiteRT's GPU delegate), passport.",
        ),
    ] = "",
    errors: Annotated[bool, typer.Option("--errors", help="Also show what every layer loses in accuracy.")] = False,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE.keras", help="For --errors: its float model, if not beside it.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="For --errors: whose validation images to use.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="For --errors: how many of them; 100 if not given.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="For --errors: draw the layers here.")] = None,
    overwrite: Overwrite = False,
    snippets: Annotated[
        bool, typer.Option("--snippets", help="Print code for Android, iOS, Flutter and Python instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is inside a model file: what to feed it, what it calculates in.

    Types and shapes of input and output, operators, layers that are integer
    and layers that are still float, bytes of weights by type, multiplications
    for one image, and what LiteRT's GPU delegate would leave to the CPU.
    A file with something in it that cannot be is described, and ends with
    exit code 1: no runtime is given it.
    The file is only read: neither TensorFlow nor a runtime is needed, but
    for --errors, which runs it beside the float Keras model and shows the
    signal-to-quantization-noise ratio of every layer, the worst first.

    --snippets prints complete code that runs a .tflite file on a phone, as
    Markdown: Kotlin for LiteRT and for MediaPipe Tasks, Swift, Dart and
    Python, with this file's shapes, types, scales and labels filled in.

    Examples:

      cnnedge inspect exported/mnist/mnist_int8_qat.tflite

      cnnedge inspect model.onnx --require int8,no-custom

      cnnedge inspect my_int8.tflite --errors --against my.keras --data photos/

      cnnedge inspect exported/cifar10/cifar10_int8.tflite --snippets
    """
    _check_error_options(errors, against, data, limit, plot, overwrite=overwrite)
    from cnnedge.formats import inspection
    from cnnedge.formats.model_file import open_model_file

    model_file = open_model_file(file)
    report = inspection.inspect(model_file)
    requirements = [name.strip() for name in require.split(",") if name.strip()]
    unmet = inspection.unmet_requirements(report, requirements)
    more: dict[str, Any] = {}
    if errors:
        from cnnedge import data as datasets
        from cnnedge.convert.layer_errors import show

        against = against or _float_model_beside(file)
        check_readable(against)
        if data is not None:
            datasets.check_source(data)
        with console.progress() as progress:
            more["errors"] = show.measure(file, against, data, limit, plot, progress=progress)
        if plot is not None:
            console.say(f"written: {plot}")
    if as_json:
        more |= _snippets(model_file) if snippets else {}
        print(console.json_text(report.to_json() | more, indent=2))
    elif snippets:
        _print_snippets(model_file)
    else:
        _print(report)
        if errors:
            show.show_errors(more["errors"])
    if report.broken:
        raise ModelError(f"{file}: {report.refused}: no runtime is given this file")
    if unmet:
        raise GateError(f"{file}: not {'; not '.join(unmet)}")


def _check_error_options(
    errors: bool, against: Path | None, data: str | None, limit: int | None, plot: Path | None, *, overwrite: bool
) -> None:
    """Refuse options that do not go together, before anything is read.

    Raises:
        UsageError: one of the options of ``--errors`` without it.
        MissingPackageError, FileExistsRefusal: the plot cannot be drawn or written.
    """
    alone = {"--against": against, "--data": data, "--limit": limit, "--plot": plot}
    given = [option for option, value in alone.items() if value is not None]
    if given and not errors:
        raise UsageError(f"{given[0]} is for --errors: add that, or leave {', '.join(given)} out")
    if plot is None:
        return
    if plot.suffix.lower() != ".png":
        raise UsageError(f"--plot is {plot}, expected a file name that ends in .png")
    refuse_existing([plot], overwrite=overwrite)
    check_writable(plot)
    if find_spec("matplotlib") is None:
        raise MissingPackageError("matplotlib", "report")


def _float_model_beside(file: Path) -> Path:
    """``<model>.keras`` beside ``<model>_int8.tflite``, where an export puts it.

    Raises:
        UsageError: it is not there.
    """
    from cnnedge.names import ExportName

    name = ExportName.parse(file.name)
    found = None if name is None else file.with_name(f"{name.model}.keras")
    if found is None or not found.is_file():
        raise UsageError(f"--errors compares with the float model, which does not lie beside {file}: add --against")
    return found


def _snippets(file: "ModelFile") -> dict[str, Any]:
    from cnnedge.apps.snippets.render import snippets

    return {"snippets": snippets(file)}


def _print_snippets(file: "ModelFile") -> None:
    from cnnedge.apps.snippets.render import as_markdown

    print(as_markdown(file), end="")


def _print(report: "Inspection") -> None:
    import sys

    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 80, highlight=False).print(_table(report))


def _table(report: "Inspection") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(report).items():
        table.add_row(Text(console.plain(name)), Text(console.plain(value)))
    return table


def _rows(report: "Inspection") -> dict[str, str]:
    weights = report.weight_bytes
    largest = sorted(weights.items(), key=lambda item: -item[1])
    rows = {
        report.file: f"{report.format} {report.precision}, {report.size_bytes:,} bytes",
        "input": _tensors(report.inputs),
        "output": _tensors(report.outputs),
        "layers": f"{report.compute_ops_int8} int8, {report.compute_ops_int16} int16, {report.compute_ops_float} float",
        "operators": ", ".join(f"{name} {count}" for name, count in report.ops.items()),
        "float": _few(report.float_ops),
        "weights": ", ".join(f"{dtype} {size:,} bytes" for dtype, size in largest) or "none",
        "MACs": "unknown" if report.macs is None else f"{report.macs:,} for one image",
        "batch": "free" if report.free_batch else "fixed",
        "free sizes": _few(report.free_sizes),
        "flex": _few(report.flex_ops),
        "custom": _few(report.custom_ops),
        "runs": _runs(report),
    }
    if report.format == "tflite":
        rows["GPU"] = _few(report.gpu_concerns, none="nothing against LiteRT's GPU delegate")
    return rows | _passport_rows(report) | _metadata_rows(report)


def _runs(report: "Inspection") -> str:
    if report.refused:
        return f"no: {report.refused}"
    if report.tried_apart:
        return "first in a process of its own: what it takes cannot be reckoned"
    return "nothing against it"


def _passport_rows(report: "Inspection") -> dict[str, str]:
    passport = report.passport
    labels = ", ".join(report.labels or ["unknown"])
    if passport is None:
        return {"passport": "none: made by another tool", "labels": labels}
    contract = passport.input_contract
    top1 = "not measured"
    if passport.top1 is not None:
        top1 = f"{100 * passport.top1:.2f} % of {passport.test_images:,} test images"
    return {
        "feed it": f"{contract['colour']} {contract['layout']} {contract['values']}, {contract['dtype']}",
        "labels": labels,
        "right": top1,
        "licence": passport.licence or "not stated",
    }


def _metadata_rows(report: "Inspection") -> dict[str, str]:
    """What other tools read in the file: TFLite metadata, or the names of ONNX properties."""
    metadata = report.metadata
    if not metadata:
        return {"metadata": "none"}
    if isinstance(metadata, dict):
        return {"metadata": f"properties {', '.join(metadata)}"}
    mean, std = ("/".join(f"{value:g}" for value in values) for values in (metadata.mean, metadata.std))
    scaling = f"(pixel - {mean}) / {std}" if mean and std else "scaling not stated"
    return {"metadata": f"TFLite metadata: {metadata.colour}, {scaling}, {metadata.label_file or 'no labels'}"}


def _tensors(specs: "list[TensorFacts]") -> str:
    return "; ".join(_tensor(spec) for spec in specs) or "none"


def _tensor(spec: "TensorFacts") -> str:
    shape = "unknown shape"
    if spec.shape is not None:
        shape = " x ".join("any" if size is None else str(size) for size in spec.shape)
    scaled = f", (value - {spec.zero_point}) x {spec.scale:.6g}" if spec.scale else ""
    return f"{spec.name}: {spec.dtype} {shape}{scaled}"


def _few(names: list[str], none: str = "none") -> str:
    more = f", and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more or none
