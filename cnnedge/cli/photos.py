"""``cnnedge photos``: from a folder of photos to a verified file, in one command."""

import re
from pathlib import Path
from typing import Annotated

import typer

from cnnedge import console
from cnnedge.cli.located import checked_name, picture_of
from cnnedge.cli.options import Epochs, MaxBad, Name, NumRuns, Out, Overwrite, Resume, Seed, Test
from cnnedge.errors import UsageError


def photos(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder, or a zip, with a folder for each class.")],
    size: Annotated[
        int | None, typer.Option(min=32, max=512, metavar="N", help="Pixels a side; else 96 to 160, by the photos.")
    ] = None,
    max_drop: Annotated[
        float, typer.Option(metavar="PP", min=0, max=100, help="Points of top-1 that the file may lose.")
    ] = 0.5,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|none", help="A network of keras.applications that knows ImageNet; none: from nothing."
        ),
    ] = None,
    name: Name = None,
    test: Test = None,
    max_bad: MaxBad = 1.0,
    epochs: Epochs = None,
    num_runs: NumRuns = 200,
    out: Out = Path("exported"),
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Turn a folder of photos into one small file that is shown to be right.

    Looks at the photos, splits them, trains a network, tries every way to make
    a file of it, takes the smallest that loses at most --max-drop, and measures
    it. OUT/NAME gets the file, search.html (every candidate) and report.html.

    The network begins with what MobileNetV2 learned on ImageNet, where Keras's
    own address can be reached, and else from nothing. Batch size, epochs and
    augmentation fit the number of photos. Stopped, it goes on with --resume.

    Examples:

      cnnedge photos flowers/

      cnnedge photos flowers.zip --max-drop 1 --base EfficientNetB0 --out runs
    """
    from cnnedge.data import FolderOptions, check_source, load
    from cnnedge.data.zipped import is_zip, unpacked
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.report.pages import require_report_packages
    from cnnedge.training import checkpoint

    name = checked_name(name) if name else _named_after(folder)
    if not (folder.is_dir() or is_zip(folder)):
        raise UsageError(f"{folder} is no folder: expected {folder}/<class>/<photo>, or a zip of such a folder")
    options = FolderOptions(test=test, max_bad=max_bad / 100)
    from cnnedge.photos.survey import survey

    place = out / name
    require_report_packages()
    with console.progress() as progress:
        source = unpacked(folder, progress) if is_zip(folder) else folder
        seen = survey(source)
        check_source(source, options=options)
        require_tensorflow(console.say)
        from cnnedge.photos import imagenet, making, recipe_for, words

        planned = making.planned_files(place, name)
        checkpoint.check_start(place, planned, resume=resume, overwrite=overwrite)
        if base is None:
            base = making.reachable_base(size or recipe_for.size_for(seen, from_base=True), progress) or "none"
            if base == "none":
                console.say(words.NO_BASE)
        imagenet.check_known(base)
        order = making.Order(name, max_drop, None if base == "none" else base, epochs, num_runs, seed)
        side = size or recipe_for.size_for(seen, from_base=order.base is not None)
        validation, calibration = recipe_for.held_out(seen.pictures)
        dataset = load(
            source, image_shape=(side, side, 3), validation=validation, calibration=calibration, seed=seed,
            folder=options, progress=progress,
        )  # fmt: skip
        console.say(words.parts(dataset))
        found, document = making.make(
            order, dataset, place, resume=resume, overwrite=overwrite, tell=console.say, progress=progress
        )
    for line in words.result(found, document, place):
        console.show(line)
    from cnnedge.search.taking import check_met

    console.show(f"report: {place / 'report.html'}", f"all candidates: {place / making.PAGE}")
    check_met(found)
    console.next_step("cnnedge", "predict", place / str(found.file), picture_of(dataset.test))
    console.next_step("cnnedge", "demo", place / str(found.file))


def _named_after(folder: Path) -> str:
    """The folder's name, as files can have it."""
    found = re.sub(
        r"[^\w .+-]+|^\W+", "_", (folder.resolve().stem if folder.suffix == ".zip" else folder.resolve().name)
    )
    return checked_name(found.replace(" ", "_")[:100] or "photos")
