"""``cnnedge card``: the model card of an exported model."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import Data, Overwrite
from cnnedge.errors import UsageError
from cnnedge.files import check_writable, refuse_existing

if TYPE_CHECKING:
    from cnnedge.data import Dataset, Split


def card(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What cnnedge run left, such as exported/mnist.")],
    data: Data = None,
    limit: Annotated[
        int, typer.Option(min=2, metavar="N", help="Test images that are corrupted, evenly spaced.")
    ] = 1000,
    cifar10_1: Annotated[
        Path | None,
        typer.Option("--cifar10-1", metavar="DIR", help="Holds cifar10.1_v6_data.npy and cifar10.1_v6_labels.npy."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.md", help="Write the card here instead.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write the model card FOLDER/README.md, and measure robustness for it.

    The card tells architecture, training and its cost, accuracy per class,
    calibration, sizes, latencies with the machine named, licence and how to
    reproduce it, from the documents in FOLDER. cnnedge benchmark FOLDER comes
    first: the card takes its figures from there.

    Robustness is top-1 on test images with noise, blur, brightness, contrast,
    JPEG and pixelation at five severities, float against int8. It is kept in
    FOLDER/robustness.json and measured again when the files or N change.

    seeds.json (scripts/seeds.py) and width.json (scripts/width_curve.py) are
    shown if they are there. What was not measured is said to be not measured.

    Examples:

      cnnedge card exported/mnist

      cnnedge card exported/cifar10 --cifar10-1 ~/CIFAR-10.1/datasets --overwrite
    """
    from cnnedge import data as datasets
    from cnnedge.cards.evidence import CARD, ROBUSTNESS, load_benchmark, load_manifest, robustness_files
    from cnnedge.model.backend import require_keras

    # What is missing, or wrong, is said before the long work.
    manifest = load_manifest(folder)
    files = robustness_files(folder, manifest.model)
    load_benchmark(folder)
    target = out or folder / CARD
    check_writable(folder, target)
    refuse_existing([target], overwrite=overwrite)
    if data is not None:
        datasets.check_source(data)
    extra = _read_cifar10_1(cifar10_1, files)
    from cnnedge.data import evenly_spaced
    from cnnedge.scoring.testdata import choose_dataset, refuse_other_data

    with console.progress() as progress:
        dataset = choose_dataset(data, files, [], progress=progress)
    refuse_other_data(dataset, manifest)
    require_keras(console.say)
    from cnnedge.cards.write import write_card

    test = evenly_spaced(dataset.test, limit)
    _keep_robustness(folder / ROBUSTNESS, files, dataset, test, extra, overwrite=overwrite)
    console.show(f"written: {write_card(folder, target)}")


def _read_cifar10_1(folder: Path | None, files: list[Path]) -> "Split | None":
    """The images that the user supplies, for networks that know their classes."""
    if folder is None:
        return None
    from cnnedge.data.published.catalogue import CIFAR10
    from cnnedge.data.published.cifar10_1 import read_cifar10_1
    from cnnedge.formats.model_file import open_model_file

    passport = open_model_file(files[0]).passport
    if passport is None or passport.labels != CIFAR10.labels:
        raise UsageError(f"--cifar10-1 is for networks with CIFAR-10's classes, which {files[0]} does not name")
    return read_cifar10_1(folder)


def _keep_robustness(
    path: Path, files: list[Path], dataset: "Dataset", test: "Split", extra: "Split | None", *, overwrite: bool
) -> None:
    """Bring ``path`` up to date: measure what is not in it, and write it if something was measured."""
    from cnnedge.data.published.cifar10_1 import VERSION
    from cnnedge.records import write_record
    from cnnedge.scoring.robustness import (
        OtherImages,
        measure_plain,
        measure_robustness,
        measured_on,
        read_robustness,
    )

    before = read_robustness(path) if path.is_file() else None
    if before is not None and not measured_on(before.rows, files):
        before = None
    found = before if before is not None and before.data.sha256 == test.sha256 else None
    if found is not None and extra is None:
        return
    refuse_existing([path], overwrite=overwrite)
    if found is None:
        with console.progress() as progress:
            found = measure_robustness(
                files, test, data_name=dataset.name, full_images=len(dataset.test), is_sample=dataset.is_sample,
                progress=progress,
            )  # fmt: skip
        found = replace(found, cifar10_1=before.cifar10_1 if before is not None else None)
    if extra is not None:
        others = OtherImages(VERSION, len(extra), extra.sha256, measure_plain(files, extra))
        found = replace(found, cifar10_1=others)
    write_record(path, found)
    console.show(f"written: {path}")
