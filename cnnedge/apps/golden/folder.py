"""Writing the golden folder in one step, and reading it back as the untrusted thing that it is then.

Its files' names come from here and not from golden.json, sizes are checked before reading, nothing outside the folder
is read, and the input bytes must be those of the pixels.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.apps.golden.content import LARGER_HEIGHT, LARGER_WIDTH, MANIFEST, MOST_IMAGES, SCHEMA, GoldenImage, names
from cnnedge.errors import DataError, FileExistsRefusal, UsageError
from cnnedge.files import check_writable, read_regular, write_atomically
from cnnedge.images.decode import decode
from cnnedge.images.normalization import Normalization

if TYPE_CHECKING:
    from cnnedge.runtime.runner import Runner

# Twenty entries take 5 kB, a thousand labels 20 kB.
MAX_MANIFEST_BYTES = 1_000_000
# A PNG of noise is hardly larger than its pixels.
MAX_PNG_OVERHEAD = 100_000


def refuse_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise before long work begins if ``folder`` may not be written.

    Raises:
        FileExistsRefusal: it exists and ``overwrite`` is false.
        UsageError: it holds something that is not a golden folder, which is not ours to replace.
    """
    if not folder.exists():
        check_writable(folder)
        return
    if not overwrite:
        raise FileExistsRefusal(f"{folder} already exists: choose another --out or add --overwrite")
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / MANIFEST).is_file()):
        raise UsageError(f"{folder} is not a golden folder and is not replaced: choose another --out")


def write_folder(folder: Path, content: dict[str, bytes]) -> None:
    """Write the folder so that no reader meets half of it: golden.json, without which it is none, comes last.

    What an earlier golden folder of more pictures left is removed; other files in it stay.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        (folder / MANIFEST).unlink(missing_ok=True)
        for number in range(MOST_IMAGES):
            for name in names(number).values():
                (folder / name).unlink(missing_ok=True)
        for name, data in content.items():
            write_atomically(folder / name, data)
        return
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, data in content.items():
            write_atomically(temporary / name, data)
        temporary.chmod(0o755)
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary)
        raise


def read_folder(folder: Path, runner: "Runner", sha256: str) -> list[GoldenImage]:
    """Read the pictures of a golden folder that was made for the file open in ``runner``, trusting nothing in it.

    Raises:
        DataError: there is no golden folder, it was made for another file, or it is damaged.
    """
    document = _manifest(folder)
    if document["sha256"] != sha256:
        raise DataError(
            f"{folder} was made for another file ({document['name']}): make one with cnnedge golden {runner.name}"
        )
    return [_read_image(folder, number, index, runner) for number, index in enumerate(document["labels"])]


def fed_when_made(folder: Path) -> Normalization:
    """What the file was fed when the folder was made: for another tool's file, which does not say it itself.

    Raises:
        DataError: there is no golden folder, or it is damaged.
    """
    try:
        fed = json.loads(_read(folder, MANIFEST, MAX_MANIFEST_BYTES))["input"]
        return Normalization(tuple(map(float, fed["mean"])), tuple(map(float, fed["std"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{folder / MANIFEST} is damaged ({error}): make it again with cnnedge golden") from error


def _manifest(folder: Path) -> dict[str, Any]:
    """The name and SHA-256 of the model file, and each picture's true class."""
    try:
        document = json.loads(_read(folder, MANIFEST, MAX_MANIFEST_BYTES))
        labels = [document["labels"].index(entry["label"]) for entry in document["images"]]
        found = {"name": str(document["file"]["name"]), "sha256": str(document["file"]["sha256"]), "labels": labels}
        known = document["schema"] == SCHEMA
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{folder / MANIFEST} is damaged ({error}): make it again with cnnedge golden") from error
    if not known or not 1 <= len(labels) <= MOST_IMAGES:
        raise DataError(
            f"{folder / MANIFEST} has {len(labels)} images in schema {document['schema']}, expected 1 to {MOST_IMAGES} "
            f"in schema {SCHEMA}: make it again with cnnedge golden"
        )
    return found


def _read_image(folder: Path, number: int, label: int, runner: "Runner") -> GoldenImage:
    own, shape = names(number), runner.input_shape
    large_shape = (LARGER_HEIGHT * shape[0], LARGER_WIDTH * shape[1], shape[2])
    pixels, large = (
        decode(_read(folder, own[key], int(np.prod(size)) + MAX_PNG_OVERHEAD), size)
        for key, size in (("picture", shape), ("large", large_shape))
    )
    fed = runner.prepare(pixels[np.newaxis]).tobytes()
    output_size = runner.num_classes * np.dtype(runner.output.dtype).itemsize
    output = _read(folder, own["output"], output_size)
    if _read(folder, own["input"], len(fed)) != fed or len(output) != output_size:
        raise DataError(
            f"{folder}: {own['input']} or {own['output']} does not belong to {own['picture']}: "
            "make it again with cnnedge golden"
        )
    return GoldenImage(pixels, large, fed, output, label)


def _read(folder: Path, name: str, limit: int) -> bytes:
    path = folder / name
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve()):
            raise DataError(f"{path} leads out of its folder: make the folder again with cnnedge golden")
        return read_regular(path, limit)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}: expected a folder made by cnnedge golden") from error
