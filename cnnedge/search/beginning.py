"""Where a search begins: afresh, or with what an earlier start of the same one has written down."""

import contextlib
from pathlib import Path

from cnnedge.data import Dataset
from cnnedge.documents.trials import TRIALS_SCHEMA, Search, Subject, Wish, read_search
from cnnedge.errors import DataError, FileExistsRefusal, UsageError
from cnnedge.files import sha256_of
from cnnedge.search.steps import SEARCH


def subject_of(source: Path, name: str, data: Dataset, preprocessing: str = "") -> Subject:
    """What a search is about: the model in ``source`` and the images that judge."""
    return Subject(
        model=name, source_sha256=_fingerprint(source), data=data.name,
        validation_sha256=data.validation.sha256, validation=len(data.validation), test_sha256=data.test.sha256,
        test=len(data.test), preprocessing=preprocessing,
    )  # fmt: skip


def _fingerprint(source: Path) -> str:
    """The SHA-256 of a file, or of all files in a folder."""
    if not source.is_dir():
        return sha256_of(source.read_bytes())
    files = sorted(path for path in source.rglob("*") if path.is_file())
    return sha256_of("".join(sha256_of(file.read_bytes()) for file in files).encode())


def refuse_unfinished(folder: Path) -> None:
    """Raise if ``folder`` holds a search that was cut short.

    Raises:
        FileExistsRefusal: says how to go on with it.
    """
    path = folder / SEARCH
    with contextlib.suppress(DataError):  # whatever else lies there is refused as a file that exists
        if path.exists() and read_search(path).file is None:
            raise FileExistsRefusal(
                f"{folder} holds an unfinished search: add --resume to go on with it, or --overwrite to begin again"
            )


def begun(folder: Path, wish: Wish, subject: Subject, *, resume: bool) -> Search:
    """The record to go on with.

    Raises:
        UsageError: with ``resume``, what is in ``folder`` is a search for something else.
        DataError: it cannot be read.
    """
    path = folder / SEARCH
    if not resume or not path.exists():
        return Search(schema=TRIALS_SCHEMA, wish=wish, subject=subject, baseline=0)
    found = read_search(path)
    if (found.wish, found.subject) != (wish, subject):
        raise UsageError(f"{path} is a search with other options, data or model: repeat those, or add --overwrite")
    return found
