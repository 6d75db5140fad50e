"""``.keras`` archives, of Keras 3 and of Keras 2."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge.errors import ModelError
from cnnedge.model.readers.keras2 import modernized
from cnnedge.model.readers.limits import build_within, check_config
from cnnedge.model.readers.stored import check_hdf5

if TYPE_CHECKING:
    import keras

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
# The configuration of NASNetLarge, one of Keras's longest, has 1.3 MB.
_CONFIG_BYTES = 32_000_000
# Weights of Keras are stored as they are; packed ones shrink by a tenth or so. A bomb shrinks a thousandfold.
_PACKED = 20


def load_archive(path: Path, *, trusted: bool = False) -> "keras.Model":
    """The model in a ``.keras`` archive; ``trusted`` see ``limits.build_within``.

    Raises:
        ModelError: it is none, or declares more than it holds.
    """
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        config = read_config(archive)
        weights = Path(archive.extract(_WEIGHTS, folder))
        held = check_hdf5(weights)
        check_config(config)
        model = build_within(lambda: _built(_without_compilation(modernized(config))), held, trusted=trusted)
        if model.built:  # one that never was has no weights, which is said where it is read
            model.load_weights(weights)
        return model


def read_config(archive: zipfile.ZipFile) -> Any:
    """The configuration in an archive, and nothing of its weights.

    Raises:
        ModelError: it is none, or unpacks to more than any network has. ValueError: it is damaged.
    """
    _check_entries(archive)
    return json.loads(archive.read(_CONFIG))


def _built(config: dict[str, Any]) -> "keras.Model":
    import keras

    return keras.saving.deserialize_keras_object(config, safe_mode=True)


def _without_compilation(part: Any) -> Any:
    """A configuration without the losses and optimizers of its models, at any depth.

    Keras compiles a nested model that was compiled on its own, even where the outer one is not to be: that makes the
    variables of an optimizer, which is of no use and not allowed while a network is only declared.
    """
    if isinstance(part, list):
        return [_without_compilation(value) for value in part]
    if not isinstance(part, dict):
        return part
    dropped = "compile_config" if {"class_name", "config"} <= part.keys() else None
    return {key: _without_compilation(value) for key, value in part.items() if key != dropped}


def _check_entries(archive: zipfile.ZipFile) -> None:
    entries = {info.filename: info for info in archive.infolist()}
    for needed in (_CONFIG, _WEIGHTS):
        if needed not in entries:
            raise ModelError(f"is not a Keras model file: it has no {needed}; expected what model.save() writes")
    if entries[_CONFIG].file_size > _CONFIG_BYTES:
        raise ModelError(f"has a configuration of {entries[_CONFIG].file_size:,} bytes, at most {_CONFIG_BYTES:,}")
    for name, info in entries.items():
        if info.file_size > _PACKED * max(info.compress_size, 100_000):
            raise ModelError(
                f"unpacks {name} from {info.compress_size:,} to {info.file_size:,} bytes: no weights pack so well"
            )
