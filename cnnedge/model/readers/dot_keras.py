"""``.keras`` archives, of Keras 3 and of Keras 2."""

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import ModelError
from cnnedge.model.readers.keras2 import modernized
from cnnedge.model.readers.limits import check_config, check_hdf5

if TYPE_CHECKING:
    import keras

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
# The configuration of NASNetLarge, one of Keras's longest, has 1.3 MB.
_CONFIG_BYTES = 32_000_000
# Weights of Keras are stored as they are; packed ones shrink by a tenth or so. A bomb shrinks a thousandfold.
_PACKED = 20


def load_archive(path: Path) -> "keras.Model":
    """The model in a ``.keras`` archive.

    Raises:
        ModelError: it is none, or declares more than it holds.
    """
    import keras

    with zipfile.ZipFile(path) as archive:
        _check_entries(archive)
        config = json.loads(archive.read(_CONFIG))
        weights = archive.read(_WEIGHTS)
        entries = {info.filename: info for info in archive.infolist()}
        check_config(config, check_hdf5(io.BytesIO(weights)))
        rebuilt = io.BytesIO()
        with zipfile.ZipFile(rebuilt, "w") as copy:
            for name in entries:
                if name not in (_CONFIG, _WEIGHTS) and not name.endswith("/"):
                    copy.writestr(name, archive.read(name))
            copy.writestr(_CONFIG, json.dumps(modernized(config)))
            copy.writestr(_WEIGHTS, weights)
    rebuilt.seek(0)
    return keras.src.saving.saving_lib.load_model(rebuilt, compile=False, safe_mode=True)


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
