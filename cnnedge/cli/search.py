"""``cnnedge search``: the smallest or fastest file that loses no more than is allowed."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnedge import console
from cnnedge.cli.located import locate, picture_of, say_notes, words
from cnnedge.cli.options import (
    CustomObjects,
    Data,
    InputSize,
    Labels,
    MaxBad,
    Mean,
    Out,
    Overwrite,
    Preprocessing,
    Preset,
    Scale,
    Seed,
    Std,
    Test,
)
from cnnedge.errors import DataError, UsageError
from cnnedge.files import check_writable

if TYPE_CHECKING:
    from cnnedge.documents.trials import Wish

PAGE = "search.html"


def search(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A .keras or .h5 file, or the name of a model trained into OUT/NAME."),
    ],
    data: Data = None,
    test: Test = None,
    max_bad: MaxBad = 1.0,
    max_drop: Annotated[
        float, typer.Option(metavar="PP", min=0, max=100, help="Points of top-1 that the file may lose.")
    ] = 0.5,
    prefer: Annotated[
        str, typer.Option(metavar="smallest|fastest", help="Which of those that stay within it is taken.")
    ] = "smallest",
    format: Annotated[str, typer.Option(help="Comma-separated.")] = "tflite",
    precision: Annotated[
        str, typer.Option(help="Comma-separated: what may be taken.")
    ] = "float32,float16,dynamic,int8,int8_mixed,int16x8",
    qat: Annotated[
        bool, typer.Option("--qat/--no-qat", help="Train quantization-aware if no other int8 file stays within it.")
    ] = True,
    width: Annotated[
        str | None,
        typer.Option(metavar="F[,F]", help="Also narrower networks of ours: 0.5 halves every layer's channels."),
    ] = None,
    latency_from: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="A benchmark.json of the target board, instead of measuring here."),
    ] = None,
    labels: Labels = None,
    scale: Scale = None,
    mean: Mean = None,
    std: Std = None,
    preprocessing: Preprocessing = None,
    input_size: InputSize = None,
    allow_custom_objects: CustomObjects = None,
    preset: Preset = "quick",
    force_calibration: Annotated[
        bool, typer.Option("--force-calibration", help="Use calibration images that look broken.")
    ] = False,
    out: Out = Path("exported"),
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a search that was cut short.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Try every way to make a file, and take the smallest or fastest that loses no more than --max-drop.

    Decided on validation images, confirmed once on the test images. Where
    plain int8 loses too much, the layers that cost most stay in float, found
    by measuring each one alone. OUT/NAME gets the file, search.json with every
    candidate, and search.html. Ctrl-C keeps what is done for --resume. Exit
    code 3: no file stays within --max-drop; the nearest is kept and named.

    --width 0.75,0.5 trains the same network narrower first, as SOURCE was,
    into OUT/NAME-width0.75 and so on, or takes what lies there; their files
    are judged beside SOURCE's own answers, and are written there.

    Examples:

      cnnedge search my.keras --data photos/ --max-drop 0.5

      cnnedge search my.keras --data photos/ --prefer fastest --latency-from pi.json

      cnnedge search cifar10 --max-drop 1 --width 0.75,0.5
    """
    from cnnedge.convert.exporting import check_data, export_recipe, trained_on
    from cnnedge.convert.qat import resuming
    from cnnedge.convert.scheme import ExportPlan
    from cnnedge.data.known_classes import compare_classes, doubt_unseen, known_classes
    from cnnedge.documents import read_document
    from cnnedge.labels import asked_labels
    from cnnedge.manifest import training_record
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.model.preprocessing import declared
    from cnnedge.report.pages import require_report_packages
    from cnnedge.search import narrower
    from cnnedge.search.beginning import refuse_unfinished
    from cnnedge.search.schemes import first_schemes
    from cnnedge.training import checkpoint

    names, outside = asked_labels(labels), declared(scale=scale, mean=mean, std=std, named=preprocessing)
    wish = _wish(max_drop, prefer, words(format), words(precision), seed, narrower.asked_widths(width))
    board = None if latency_from is None else (read_document(latency_from), latency_from)
    path, name = locate(source, out, names, modules=allow_custom_objects)
    original, record, folder = path, training_record(path), out / name
    data, recipe = data or trained_on(path, record), export_recipe(record, preset)
    jobs = narrower.jobs_of(wish.widths, record, path, name)
    calibration = (jobs[0].recipe if jobs else recipe).calibration_images  # with it the training pictures are the same
    if data is None:
        raise UsageError("a search judges files on images: give --data NAME|DIR")
    if jobs and (outside or input_size):
        raise UsageError(
            "--width trains networks that take raw pixels of their own size: leave the options for pixels out"
        )
    check_writable(folder)
    narrower.check_places(jobs, out)
    if not resume:
        if not overwrite:
            refuse_unfinished(folder)
        checkpoint.check_start(
            folder, _targets(path, folder, wish, [out / job.name for job in jobs]), resume=False, overwrite=overwrite,
            unfinished=resuming.is_unfinished,
        )  # fmt: skip
    require_report_packages()
    from cnnedge import data as datasets

    known = None if names else known_classes(path, record)
    options = datasets.FolderOptions(labels=names or known, test=test, max_bad=max_bad / 100)
    datasets.check_source(data, options=options)
    require_tensorflow(console.say)
    import tempfile

    from cnnedge.convert.converter import Converter
    from cnnedge.convert.qat.learning import Learning
    from cnnedge.model.keras_file import load_keras, save_keras
    from cnnedge.model.plausible import check_plausible
    from cnnedge.model.source import read_source
    from cnnedge.report.frontier import write_frontier
    from cnnedge.search.beginning import begun, subject_of
    from cnnedge.search.choosing import fate
    from cnnedge.search.steps import Seeker
    from cnnedge.search.taking import check_met, take

    read = read_source(path, preprocessing=outside, input_size=input_size, custom_objects=allow_custom_objects or ())
    say_notes(path.name, read.notes)
    with console.progress() as progress, tempfile.TemporaryDirectory(prefix="cnnedge-") as scratch:
        if read.changed:
            path = Path(scratch) / f"{name}.keras"
            save_keras(read.model, path, record)
        dataset = datasets.load(
            data, image_shape=read.model.input_shape[1:], calibration=calibration, folder=options, progress=progress,
        )  # fmt: skip
        say_notes(original.name, [compare_classes(dataset, known, original)])
        dataset = datasets.named(dataset, names) if names else dataset
        say_notes(original.name, [doubt_unseen(dataset, record), check_plausible(read, dataset)])
        if not len(dataset.validation):
            raise DataError(f"{dataset.name} has no validation images, and a search decides on them: add pictures")
        settings: dict[str, Any] = {
            "labels": names, "seed": seed, "force_calibration": force_calibration, "progress": progress,
        }  # fmt: skip
        converter = Converter(read.model, dataset, recipe, learning=Learning(checkpoints=folder), **settings)
        check_data(converter, ExportPlan(tuple(first_schemes(wish.formats, wish.precisions)[:1])))
        subject = subject_of(original, name, dataset, preprocessing="" if outside is None else repr(outside))
        started = begun(folder, wish, subject, resume=resume)
        with contextlib.ExitStack() as held:
            for place in (folder, *(out / job.name for job in jobs)):
                held.enter_context(resuming.trainings_in(place, resume=resume))
            resuming.check(folder, converter.job())
            narrow = []
            for job in jobs:
                if record is not None:
                    narrower.check_pictures(path, record, dataset)
                file = narrower.trained(job, dataset, out, overwrite=overwrite, tell=console.say, progress=progress)
                learning = Learning(checkpoints=file.parent)
                made = Converter(load_keras(file), dataset, recipe, learning=learning, **settings)
                narrow.append(narrower.Narrower(job.width, file, made))
            started = narrower.noted(started, [one.source for one in narrow])
            seeker = Seeker(converter, started, folder, console.say, board, progress, tuple(narrow))
            found = take(seeker, seeker.seek(qat=qat), source=path, name=name)
    write_frontier(folder / PAGE, found, fate)
    for line in found.words:
        console.show(line)
    console.show(f"file: {found.taken_file(folder)}", f"report: {folder / PAGE}")
    check_met(found)
    console.next_step("cnnedge", "predict", found.taken_file(folder), picture_of(dataset.test))


def _wish(
    max_drop: float, prefer: str, formats: tuple[str, ...], precisions: tuple[str, ...], seed: int,
    widths: tuple[float, ...],
) -> "Wish":  # fmt: skip
    """What was asked for.

    Raises:
        UsageError: a word that is not known, or nothing to try.
    """
    from cnnedge.documents.trials import PREFERENCES, Wish
    from cnnedge.names import FORMATS, PRECISIONS, expected_one_of
    from cnnedge.search.schemes import first_schemes

    for asked, known, what in (
        ((prefer,), PREFERENCES, "--prefer"), (formats, FORMATS, "format"), (precisions, PRECISIONS, "precision"),
    ):  # fmt: skip
        for word in asked:
            if word not in known:
                raise UsageError(f"unknown {what} {word!r}: {expected_one_of(word, known)}")
    if not first_schemes(formats, precisions):
        raise UsageError(f"nothing to try: {', '.join(formats)} files are not searched as {', '.join(precisions)}")
    return Wish(max_drop, prefer, formats, precisions, seed, widths)


def _targets(path: Path, folder: Path, wish: "Wish", narrower: list[Path]) -> list[Path]:
    """Every file that may be written, into ``folder`` and into those of narrower networks."""
    from cnnedge.names import POSSIBLE, ExportName
    from cnnedge.search.steps import SEARCH

    files = [
        place / ExportName(place.name, precision, format, qat).filename
        for place in (folder, *narrower)
        for format in wish.formats
        for precision in wish.precisions
        if precision in POSSIBLE[format]
        for qat in ((False, True) if precision in ("int8", "int8_mixed") else (False,))
    ]
    baseline = folder / f"{folder.name}.keras"
    own = [] if path.resolve() == baseline.resolve() else [baseline]
    return [folder / SEARCH, folder / PAGE, *files, *own]
