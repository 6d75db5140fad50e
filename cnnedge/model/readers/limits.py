"""What a foreign model file may declare: checked before memory is taken for it."""

import io
import math
from typing import Any

from cnnedge.errors import ModelError

# Numbers in a layer's configuration that its weights grow with.
_SIZES = ("filters", "units", "input_dim", "output_dim", "key_dim", "value_dim", "num_heads", "depth_multiplier")
# A side of a picture, a kernel, a pool: larger ones are a mistake or an attack.
_LENGTHS = ("kernel_size", "pool_size", "padding", "size", "target_shape", "batch_shape", "batch_input_shape")
_LONGEST = 1_000_000
_PACKED = 20


def check_hdf5(content: io.BytesIO) -> int:
    """How many numbers all datasets of an HDF5 file hold.

    Raises:
        ModelError: it points outside itself, or declares more than it stores.
    """
    import h5py

    found: list[Any] = []
    try:
        with h5py.File(content, "r") as file:
            _collect(file, found)
            for dataset in found:
                _check_dataset(dataset)
            return sum(dataset.size for dataset in found)
    except OSError as error:
        raise ModelError(f"cannot be read as a Keras model: its weights are no HDF5 file ({error})") from error


def _collect(group: Any, found: list[Any]) -> None:
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ModelError(f"links to something else under the name {name!r}: no Keras model does")
        part = group[name]
        if isinstance(part, h5py.Group):
            _collect(part, found)
        else:
            found.append(part)


def _check_dataset(dataset: Any) -> None:
    if dataset.external or dataset.is_virtual:
        raise ModelError(f"keeps the values of {dataset.name!r} in another file: no Keras model does")
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > _PACKED * stored + 1000:
        raise ModelError(f"declares {dataset.nbytes:,} bytes for {dataset.name!r} and stores {stored:,}")


def check_config(config: Any, weights: int) -> None:
    """Refuse a network whose layers would have more weights than the file holds.

    Args:
        config: the parsed configuration.
        weights: how many numbers the file holds.

    Raises:
        ModelError: some layer declares more units or longer sides than can be.
    """
    pending = [config]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            _check_numbers(part, weights)
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)


def _check_numbers(config: dict[str, Any], weights: int) -> None:
    name = config.get("name", "?")
    for key in _SIZES:
        value = config.get(key)
        if isinstance(value, int) and value > max(weights, 1):
            raise ModelError(f"declares {key} {value:,} in layer {name!r} and holds {weights:,} weights in all")
    kernels = _kernel_numbers(config)
    if kernels > max(weights, 1):
        raise ModelError(f"declares kernels of {kernels:,} numbers in layer {name!r} and holds {weights:,} in all")
    for key in _LENGTHS:
        value = config.get(key)
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, int) and number > _LONGEST for number in numbers):
            raise ModelError(f"declares {key} {value} in layer {name!r}: at most {_LONGEST:,} is possible")


def _kernel_numbers(config: dict[str, Any]) -> int:
    """The least that a convolution's kernel holds: for one channel in, and where it is separable for one out."""
    size, filters = config.get("kernel_size"), config.get("filters", 1)
    taps = [number for number in (size if isinstance(size, list) else [size]) if isinstance(number, int)]
    outputs = filters if isinstance(filters, int) and "depth_multiplier" not in config else 1
    return math.prod(taps) * outputs if taps else 0
