"""``cnnedge score``: label a mountain of pictures with a .tflite or .onnx file."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import Labels, Mean, ModelPath, Std
from cnnedge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cnnedge.scoring.bulk.labelling import Engine, Labelled
    from cnnedge.scoring.bulk.order import Order
    from cnnedge.scoring.bulk.tally import Tally

ENGINES = ("local", "ray")
_MOST_SHOWN = 20


def score(
    file: ModelPath,
    data: Annotated[
        str,
        typer.Option(
            metavar="SOURCE", help="Folder, quoted pattern, text list, .tar, .parquet, an address, synthetic:N."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="For the Parquet parts, a row a picture.")],
    top: Annotated[int, typer.Option(min=1, metavar="K", help="How many classes to name for each picture.")] = 1,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes, or actors of Ray; else one a core."),
    ] = None,
    engine: Annotated[str, typer.Option(metavar="local|ray", help="This machine's processes, or Ray Data.")] = "local",
    ray_address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Ray cluster that runs; it must share DIR and the pictures.")
    ] = None,
    part_rows: Annotated[int, typer.Option(min=1, metavar="N", help="Pictures in a part.")] = 5000,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a labelling that was cut short.")] = False,
    labels: Labels = None,
    mean: Mean = None,
    std: Std = None,
) -> None:
    """Label a million pictures, once each, into Parquet parts.

    A row a picture: key, label, index, score (value where FILE gives no
    probabilities), the top K, error, truth (the class that a folder, a .cls
    file or a column gives it), the file's sha256. A picture that cannot be
    read is a row with its reason; one that ends the process that reads it
    gets a second try.

    Parts are written whole, in one step. Killed at any moment, the same
    command with --resume goes on: every picture is there once. Memory does not
    grow with the number of pictures. At the end summary.json has the counts,
    and with known classes top-1, per class and the confusion matrix;
    report.html shows the pictures that FILE was least sure of.

    Examples:

      cnnedge score exported/cifar10/cifar10_int8.tflite --data photos/ --out runs/labels

      cnnedge score net.onnx --data 'shards/*.tar' --out labels --workers 8 --top 5

      cnnedge score net.tflite --data s3://bucket/photos --out labels --engine ray
    """
    from cnnedge.images.normalization import asked_normalization
    from cnnedge.labels import asked_labels
    from cnnedge.machine.hardware import cores
    from cnnedge.scoring.bulk.labelling import label_all
    from cnnedge.scoring.bulk.order import Order

    run = _engine(engine, ray_address)
    order = Order(file, data, out, top, part_rows, asked_normalization(mean, std), asked_labels(labels))
    with console.progress() as progress:
        found = label_all(order, workers=workers or cores(), engine=run, resume=resume, progress=progress)
    _finish(order, found)


def _engine(name: str, address: str | None) -> "Engine":
    if name not in ENGINES:
        raise UsageError(f"--engine {name}: expected {' or '.join(ENGINES)}")
    if name == "local":
        if address is not None:
            raise UsageError("--ray-address is for --engine ray")
        from cnnedge.scoring.bulk.processes import run_here

        return run_here
    import functools

    from cnnedge.scoring.bulk.ray_data import require_cluster, require_ray, run_on_ray

    if address is not None:
        require_cluster(address)
    require_ray()
    return functools.partial(run_on_ray, address=address)


def _finish(order: "Order", found: "Labelled") -> None:
    """Write the summary and the page, and say what is in them."""
    from cnnedge.records import write_record

    tally = found.tally
    summary, page = order.out / "summary.json", order.out / "report.html"
    write_record(summary, {"model": str(order.file), "source": order.source, **tally.document()})
    if find_spec("jinja2"):
        from cnnedge.report.labelled import write_page

        write_page(page, order, tally)
    else:
        console.say("no report.html: pip install 'cnnedge[report]'")
    for line in _lines(tally):
        console.show(line)
    if found.pictures:
        rate = found.pictures / max(found.seconds, 1e-9)
        console.say(f"{found.pictures:,} pictures in {found.seconds:,.1f} s: {rate:,.0f} a second")
    console.say(f"wrote {tally.parts:,} parts, {summary}" + (f" and {page}" if page.exists() else ""))


def _lines(tally: "Tally") -> "Iterator[str]":
    width = max([len(name) for name in tally.labels] or [0])
    for name, count in tally.labels.most_common(_MOST_SHOWN):
        yield f"{name:<{width}} {count:>12,}"
    if len(tally.labels) > _MOST_SHOWN:
        yield f"and {len(tally.labels) - _MOST_SHOWN:,} more labels"
    for error, count in tally.errors.most_common(_MOST_SHOWN):
        yield f"error {count:>12,}  {error}"
    if tally.known:
        yield (
            f"top-1 {tally.right / tally.known:.2%} of the {tally.known:,} pictures whose class is known "
            f"(95 %: {tally.interval[0]:.2%} to {tally.interval[1]:.2%})"
        )
    if tally.strangers:
        names = ", ".join(name for name, _ in tally.strangers.most_common(3))
        yield f"{tally.strangers.total():,} pictures are of classes that the file does not have: {names}"
