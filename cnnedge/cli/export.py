"""``cnnedge export``: a trained Keras model becomes TFLite and ONNX files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.located import checked_name, data_words, locate, say_notes, words
from cnnedge.cli.options import (
    CustomObjects,
    Data,
    FloatLayers,
    InputSize,
    Labels,
    MaxBad,
    Mean,
    Name,
    Out,
    Overwrite,
    Preprocessing,
    Preset,
    Require,
    Resume,
    Scale,
    Seed,
    Std,
    Test,
)
from cnnedge.errors import UsageError
from cnnedge.files import write_atomically

if TYPE_CHECKING:
    from cnnedge.convert.exporting import Exported
    from cnnedge.convert.scheme import ExportPlan


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A .keras or .h5 file, a SavedModel folder, or a model trained in OUT/NAME.",
        ),
    ],
    data: Data = None,
    test: Test = None,
    max_bad: MaxBad = 1.0,
    format: Annotated[str, typer.Option(help="Comma-separated.")] = "tflite,onnx",
    precision: Annotated[str, typer.Option(help="Comma-separated.")] = "float32,float16,dynamic,int8,int16x8",
    qat: Annotated[bool, typer.Option("--qat", help="Also train quantization-aware int8 files.")] = False,
    teacher: Annotated[
        Path | None, typer.Option(metavar="FILE.keras", help="With --qat: learn from this model's answers too.")
    ] = None,
    io: Annotated[
        str, typer.Option(metavar="uint8|int8|float32", help="Type at both ends of int8 TFLite files.")
    ] = "uint8",
    float_layers: FloatLayers = "",
    onnx_weights: Annotated[
        int, typer.Option(metavar="7|8", help="Bits of int8 ONNX weights; 8 for Arm and x86 with VNNI alone.")
    ] = 7,
    rgb_input: Annotated[
        bool, typer.Option("--rgb-input", help="For a grey model: files that take RGB, in OUT/NAME_rgb.")
    ] = False,
    labels: Labels = None,
    scale: Scale = None,
    mean: Mean = None,
    std: Std = None,
    preprocessing: Preprocessing = None,
    input_size: InputSize = None,
    allow_custom_objects: CustomObjects = None,
    preset: Preset = "quick",
    max_drop: Annotated[
        float | None,
        typer.Option(metavar="PP", min=0, help="Exit with 3 if a file loses more top-1 points than this."),
    ] = None,
    require: Require = "",
    force_calibration: Annotated[
        bool, typer.Option("--force-calibration", help="Use calibration images that look broken.")
    ] = False,
    keep_losses: Annotated[
        bool, typer.Option("--keep-losses", help="Write even files that are right no more often than a guess.")
    ] = False,
    snippets: Annotated[
        bool, typer.Option("--snippets", help="Beside each TFLite file, write code that runs it on a phone.")
    ] = False,
    name: Name = None,
    out: Out = Path("exported"),
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Convert a trained Keras model, check every file on all test images, and write them.

    Every file takes raw pixels 0..255 as decoded and gives one probability
    per class. A model of any form is taken: nested, with operations, with
    logits or one sigmoid unit, of Keras 2. What an app does to pixels before
    the network (--scale 255, --preprocessing tf) is put inside the files.
    With --rgb-input the network is another one, NAME_rgb, whose first layer
    takes the mean of three channels: for MediaPipe Tasks, which know no grey.
    --qat learns from the float model's answers, and with --teacher from those
    of another model too. Killed, it goes on with --resume.
    With --snippets, NAME_PRECISION_snippets.md has complete code for Android,
    iOS, Flutter and Python, as cnnedge inspect FILE --snippets prints it.

    Examples:

      cnnedge export mnist --qat

      cnnedge export my.keras --data photos/ --precision int8 --max-drop 0.5

      cnnedge export mnist --rgb-input --format tflite --precision int8
    """
    from cnnedge.convert.exporting import export_recipe, trained_on
    from cnnedge.convert.qat import resuming
    from cnnedge.convert.scheme import EIGHT_BITS_ARE_RIGHT, plan_of
    from cnnedge.data.known_classes import compare_classes, doubt_unseen, known_classes
    from cnnedge.formats.inspection import check_requirements
    from cnnedge.labels import asked_labels
    from cnnedge.manifest import training_record
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.model.preprocessing import declared
    from cnnedge.training import checkpoint
    from cnnedge.training.job import SavedNetwork

    names, name = asked_labels(labels), name and checked_name(name)
    outside = declared(scale=scale, mean=mean, std=std, named=preprocessing)
    check_requirements(words(require))
    plan = plan_of(
        words(format), words(precision), qat=qat, io=io, float_layers=words(float_layers), weight_bits=onnx_weights
    )
    if (resume or teacher) and not plan.needs_training:
        raise UsageError("--resume and --teacher are for quantization-aware training: add --qat")
    if teacher and rgb_input:
        raise UsageError("--teacher learned of grey images and --rgb-input makes a network of others: leave one out")
    path, original = locate(source, out, names, words(float_layers), allow_custom_objects, rgb_input)
    record = training_record(path)
    wise = None if teacher is None else SavedNetwork.of(teacher)
    data, recipe = data or trained_on(path, record), export_recipe(record, preset)
    _check_needs(plan, data, max_drop)
    name = name or (f"{original}_rgb" if rgb_input else original)
    folder = out / name
    targets = [folder / file for file in plan.files(name)]
    if path.resolve() != (folder / f"{name}.keras").resolve():
        targets.append(folder / f"{name}.keras")
    codes = _snippet_files(targets) if snippets else {}
    checkpoint.check_start(
        folder, [*targets, *(folder / file for file in plan.possible_files(name)), *codes.values()],
        resume=resume, overwrite=overwrite,
        unfinished=lambda place: plan.needs_training and resuming.is_unfinished(place),
    )  # fmt: skip
    from cnnedge import data as datasets

    known = None if names else known_classes(path, record)
    options = datasets.FolderOptions(labels=names or known, test=test, max_bad=max_bad / 100)
    if data is not None:
        datasets.check_source(data, options=options)
    require_tensorflow(console.say)
    import tempfile
    from contextlib import nullcontext

    from cnnedge.convert.converter import Converter
    from cnnedge.convert.exporting import export
    from cnnedge.convert.gates import check_drops, check_required
    from cnnedge.convert.qat.learning import Learning
    from cnnedge.documents import fail_if_any
    from cnnedge.model.keras_file import save_keras
    from cnnedge.model.plausible import check_plausible, unchecked_logit
    from cnnedge.model.rgb_input import taking_rgb
    from cnnedge.model.source import read_source

    read = read_source(path, preprocessing=outside, input_size=input_size, custom_objects=allow_custom_objects or ())
    shown = path.name
    say_notes(shown, read.notes)
    if names and len(names) != read.model.output_shape[1]:
        raise UsageError(f"--labels names {len(names)} classes and {shown} gives {read.model.output_shape[1]}")
    with console.progress() as progress, tempfile.TemporaryDirectory(prefix="cnnedge-") as scratch:
        read = taking_rgb(read) if rgb_input else read
        model = read.model
        if read.changed:
            path = Path(scratch) / f"{name}.keras"
            save_keras(model, path, record)
        dataset = data and datasets.load(
            data, image_shape=model.input_shape[1:], calibration=recipe.calibration_images,
            folder=options, progress=progress,
        )  # fmt: skip
        if dataset:
            say_notes(shown, [compare_classes(dataset, known, Path(shown))])
            dataset = datasets.named(dataset, names) if names else dataset
            say_notes(shown, [doubt_unseen(dataset, record), check_plausible(read, dataset)])
        else:
            say_notes(shown, [unchecked_logit(read, "--data with labelled pictures does")])
        del read  # the original's weights, which nothing asks any more
        converter = Converter(
            model, dataset or None, recipe, labels=names, seed=seed, force_calibration=force_calibration,
            learning=Learning(wise, checkpoints=folder), progress=progress,
        )  # fmt: skip
        with resuming.trainings_in(folder, resume=resume) if plan.needs_training else nullcontext():
            done = export(converter, plan, source=path, name=name, folder=folder, keep_losses=keep_losses)
    entries, baseline = done.entries, done.entries[f"{name}.keras"].top1
    _print_entries(folder, done)
    if any(entry.qat_outcome for entry in entries.values()):
        say_notes("int8_qat", converter.outcome(words(float_layers)).notes())
    if onnx_weights == 8:
        say_notes("int8 ONNX", [EIGHT_BITS_ARE_RIGHT])
    _write_snippets({file: code for file, code in codes.items() if file.name in entries})
    fail_if_any(done.failures)
    check_required(folder, entries, words(require))
    if max_drop is not None and baseline is not None:
        check_drops(entries, baseline, max_drop, done.scores)
    if data is None:  # a benchmark needs pictures with their classes
        console.next_step("cnnedge", "inspect", targets[0])
    else:
        console.next_step("cnnedge", "benchmark", folder, *data_words(data, test))


def _check_needs(plan: "ExportPlan", data: str | None, max_drop: float | None) -> None:
    """Refuse what cannot work without images, before anything is loaded."""
    if data is not None:
        return
    if plan.needs_calibration:
        raise UsageError(
            "int8 and int16x8 need calibration images: give --data NAME|DIR, or --precision float32,float16,dynamic"
        )
    if max_drop is not None:
        raise UsageError("--max-drop compares accuracies on test images: give --data NAME|DIR")


def _snippet_files(targets: list[Path]) -> dict[Path, Path]:
    """Where the code for each TFLite file goes."""
    found = {path: path.with_name(f"{path.stem}_snippets.md") for path in targets if path.suffix == ".tflite"}
    if not found:
        raise UsageError("--snippets writes code for TFLite files: add tflite to --format")
    return found


def _write_snippets(codes: dict[Path, Path]) -> None:
    from cnnedge.apps.snippets.render import as_markdown
    from cnnedge.formats.model_file import open_model_file

    for file, code in codes.items():
        write_atomically(code, as_markdown(open_model_file(file)).encode())
        console.show(f"  {code.name}")


def _print_entries(folder: Path, done: "Exported") -> None:
    """The table, a mark at every loss, and below it what each loss comes from."""
    baseline, width = next(iter(done.entries.values())).top1, max(len(file) for file in done.entries)
    console.show(f"{folder}:")
    for file, entry in done.entries.items():
        line = f"  {file:<{width}} {entry.size_bytes / 1000:9,.1f} kB"
        if entry.top1 is not None and baseline is not None:
            line += f"  top-1 {100 * entry.top1:6.2f} %  {100 * (entry.top1 - baseline):+.2f} pp"
        console.show(line + ("  LOSS" if file in done.losses else ""))
    for file, operators in done.floats.items():
        console.show(f"{file} calculates in float: {', '.join(operators)}")
    for file, loss in done.losses.items():
        console.show(f"{file} {loss}")
