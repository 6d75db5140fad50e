"""What an HDF5 file holds, seen before Keras reads it: no more than it stores, and nothing that reading never ends."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from cnnedge.children import limit_work, module_command
from cnnedge.errors import ModelError

_PACKED = 20
# A text's length may be damaged, for which memory is taken, and a list of texts may never end.
# Ten seconds are for the start of that process on a slow and busy machine: reading is a matter of milliseconds.
PATIENCE_S = 10
MEMORY_BYTES = 10**9


def check_hdf5(path: Path) -> int:
    """How many numbers all datasets of an HDF5 file hold.

    Raises:
        ModelError: it points outside itself, holds something twice, declares more than it stores, or would be read
            for ever.
    """
    import h5py

    found: list[Any] = []
    try:
        with h5py.File(path, "r") as file:
            _collect(file, found, {h5py.h5o.get_info(file.id).addr})
            for dataset in found:
                _check_dataset(dataset)
            if len(file.attrs) or any(len(dataset.attrs) for dataset in found):  # what Keras reads, of groups in .h5
                _read_apart(path)
            return sum(dataset.size for dataset in found)
    except OSError as error:
        raise ModelError(f"cannot be read as a Keras model: its weights are no HDF5 file ({error})") from error


def _read_apart(path: Path) -> None:
    """Read every attribute once in a process of its own: a damaged text keeps the library busy for ever, or lets it
    take gigabytes, and nothing interrupts it.

    Raises:
        ModelError: it ends that process, or takes too long or too much memory.
    """
    command = module_command(__name__, str(path.absolute()))
    try:
        child = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"is damaged: reading what it says of its weights, tried apart, takes over {PATIENCE_S} s"
        ) from None
    if child.returncode != 0:
        lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if child.returncode == 1 and lines else f"ends the process (code {child.returncode})"
        raise ModelError(f"is damaged: what it says of its weights, tried apart: {reason[:200]}")


def _collect(group: Any, found: list[Any], seen: set[int]) -> None:
    """All datasets below ``group``; ``seen`` are the places of what was met.

    A chain of groups that are each held twice would be walked 2^n times, and a dataset held a thousand times would
    count as a thousand.
    """
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ModelError(f"links to something else under the name {name!r}: no Keras model does")
        part = group[name]
        place = h5py.h5o.get_info(part.id).addr
        if place in seen:
            raise ModelError(f"holds {part.name!r} under another name too: no Keras model does")
        seen.add(place)
        if isinstance(part, h5py.Group):
            _collect(part, found, seen)
        else:
            found.append(part)


def _check_dataset(dataset: Any) -> None:
    if dataset.external or dataset.is_virtual:
        raise ModelError(f"keeps the values of {dataset.name!r} in another file: no Keras model does")
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > _PACKED * stored + 1000:
        raise ModelError(f"declares {dataset.nbytes:,} bytes for {dataset.name!r} and stores {stored:,}")


def main() -> None:
    """The child: exit code 1 with the reason in the last line of standard error."""
    import h5py

    def read(_: str, part: Any) -> None:
        dict(part.attrs)

    limit_work(MEMORY_BYTES, PATIENCE_S)
    with h5py.File(sys.argv[1], "r") as file:
        read("/", file)
        file.visititems(read)


if __name__ == "__main__":
    main()
