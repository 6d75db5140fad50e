"""``cnnedge match``: compare what an app fed or got with a golden folder, and name the mistake."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnedge import console
from cnnedge.cli.options import AsJson, Mean, ModelPath, Std
from cnnedge.errors import DataError, GateError, UsageError

if TYPE_CHECKING:
    from cnnedge.apps.match.mistakes import Diagnosis

DEFAULT_FOLDER = "golden"


def match(
    file: ModelPath,
    dump: Annotated[Path, typer.Argument(metavar="DUMP", help="The bytes that the app fed to it, or got from it.")],
    against: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder made by cnnedge golden; else golden/ here or beside FILE."),
    ] = None,
    image: Annotated[
        int | None, typer.Option(min=0, metavar="NN", help="The picture that the app was given, as in NN.png.")
    ] = None,
    mean: Mean = None,
    std: Std = None,
    as_json: AsJson = False,
) -> None:
    """Say whether an app feeds a file rightly, and if not, what it does wrong.

    Give your app a picture of the golden folder, write the bytes that it
    feeds to the file (or gets from it) into DUMP, and see "match" or the
    mistake by name: BGR for RGB, pixels scaled twice, another mean or
    deviation, int8 for uint8, floats for bytes, channel-first, transposed,
    mirrored, turned, another resize, several images at once, big endian
    numbers; in outputs also logits, labels in another order, and wrong
    dequantization. Several mistakes at once are told apart.

    NN.png must arrive byte for byte. For NN_large.png, which the app must
    resize, every antialiased filter over the whole picture is right.
    Outputs match if no probability differs by more than 0.02.

    Exit codes: 0 match, 3 a mistake was found (named or not), 1 the folder
    or a file cannot be used.

    Examples:

      cnnedge match exported/mnist/mnist_int8.tflite dump.bin

      cnnedge match my_int8.tflite dump.bin --against app/golden --image 7
    """
    from cnnedge.apps.golden.folder import fed_when_made, read_folder
    from cnnedge.apps.match.diagnose import diagnose, largest_dump
    from cnnedge.formats.model_file import open_model_file
    from cnnedge.images.normalization import asked_normalization
    from cnnedge.runtime.opening import open_runner

    folder = against or _default_folder(file)
    model_file = open_model_file(file).told(asked_normalization(mean, std), None)
    if not model_file.contract.is_known:
        model_file = model_file.told(fed_when_made(folder), None)
    with open_runner(model_file) as runner:
        labels = model_file.class_names(runner.num_classes)
        images = read_folder(folder, runner, model_file.sha256)
        if image is not None and image >= len(images):
            raise UsageError(f"--image is {image}, expected 0 to {len(images) - 1}: as in the folder's NN.png")
        kind, found = diagnose(_read(dump, largest_dump(runner)), images, runner, labels, wanted=image)
    label = None if found.image is None else labels[images[found.image].label]
    if as_json:
        print(console.json_text(_document(dump, kind, found, label), indent=2))
    else:
        _print(kind, found, label)
    if found.mistakes:
        names = " or ".join(m.name for m in found.mistakes) if found.any_of else _joined(found)
        raise GateError(f"{dump}: no match: {names}")


def _joined(found: "Diagnosis") -> str:
    return ", ".join(mistake.name for mistake in found.mistakes)


def _default_folder(file: Path) -> Path:
    for folder in (Path(DEFAULT_FOLDER), file.parent / DEFAULT_FOLDER):
        if folder.is_dir():
            return folder
    raise DataError(
        f"no folder {DEFAULT_FOLDER} here or beside {file}: make one with cnnedge golden {file} --data NAME|DIR, "
        "or name it with --against"
    )


def _read(dump: Path, limit: int) -> bytes:
    try:
        size = dump.stat().st_size
        if not 0 < size <= limit:
            raise DataError(f"{dump} has {size:,} bytes, expected 1 to {limit:,}: dump one input or output of the file")
        return dump.read_bytes()
    except OSError as error:
        raise DataError(f"{dump}: {error.strerror}: expected the bytes that the app fed or got") from error


def _document(dump: Path, kind: str, found: "Diagnosis", label: str | None) -> dict[str, Any]:
    return {
        "dump": str(dump),
        "kind": kind,
        "match": not found.mistakes,
        "image": found.image,
        "label": label,
        "any_of": found.any_of,
        "mistakes": [{"name": m.name, "found": m.found, "fix": m.fix} for m in found.mistakes],
    }


def _print(kind: str, found: "Diagnosis", label: str | None) -> None:
    picture = "" if found.image is None else f" for picture {found.image:02d} ({label})"
    if not found.mistakes:
        console.show(f"match: the {kind}{picture} is right")
        return
    console.show(f"the {kind}{picture} has {_count(found)}:")
    for mistake in found.mistakes:
        console.show(f"  {mistake.name}: {mistake.found}", f"    -> {mistake.fix}")


def _count(found: "Diagnosis") -> str:
    if found.any_of:
        return "one of these mistakes, which the file answers alike"
    return "1 mistake" if len(found.mistakes) == 1 else f"{len(found.mistakes)} mistakes"
