"""Names of classes as a person gives them: ``--labels a,b,c``, or a file with one a line."""

from pathlib import Path

from cnnedge.errors import UsageError

# The labels of the largest public classifiers (21,843 classes of ImageNet) are 0.5 MB.
MAX_FILE_BYTES = 1_000_000


def asked_labels(text: str | None) -> tuple[str, ...] | None:
    """What ``--labels`` asks for, in the order of the file's outputs; None where it is not given.

    A file in which every line begins with its number (``0 cat``), as Teachable Machine has it, gives the names alone.

    Raises:
        UsageError: there is no such file and no comma in it, or a name is empty or stands twice.
    """
    if text is None:
        return None
    path = Path(text)
    if not path.is_file() and "," not in text:
        raise UsageError(f"--labels {text!r} is neither a file with a label a line nor a list like cat,dog")
    names = _lines(path) if path.is_file() else [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"--labels {text!r}: name {names.index('') + 1} of {len(names)} is empty")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--labels {text!r}: {twice!r} stands there twice, expected one name for each class")
    return tuple(names)


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise UsageError(f"--labels {path} is larger than {MAX_FILE_BYTES:,} bytes, expected a label a line")
        return _without_numbers([line.strip() for line in content.decode("utf-8-sig").rstrip().split("\n")])
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--labels {path} cannot be read ({error}), expected UTF-8 text with a label a line") from None


def _without_numbers(lines: list[str]) -> list[str]:
    parts = [line.partition(" ") for line in lines]
    numbered = len(lines) > 1 and all(part[0] == str(index) and part[2] for index, part in enumerate(parts))
    return [part[2].strip() for part in parts] if numbered else lines
