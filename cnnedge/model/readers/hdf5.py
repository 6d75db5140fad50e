"""Legacy ``.h5`` files, of Keras 2 (Teachable Machine's keras_model.h5) and of Keras 3."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import ModelError
from cnnedge.model.readers.keras2 import modernized
from cnnedge.model.readers.limits import check_config, check_hdf5

if TYPE_CHECKING:
    import keras


def load_hdf5(path: Path) -> "keras.Model":
    """The model in an ``.h5`` file.

    Raises:
        ModelError: it holds weights alone, or declares more than it holds.
    """
    import h5py
    import keras

    content = io.BytesIO(path.read_bytes())
    weights = check_hdf5(content)
    # In memory and writable: Keras gets the same file with a configuration that it understands.
    with h5py.File(content, "r+") as file:
        if "model_config" not in file.attrs:
            raise ModelError(
                "holds weights alone, without the network: save the whole model with model.save('model.keras')"
            )
        text = file.attrs["model_config"]
        config = json.loads(text if isinstance(text, str) else text.decode())
        check_config(config, weights)
        file.attrs["model_config"] = json.dumps(modernized(config))
        legacy = keras.src.legacy.saving.legacy_h5_format
        return legacy.load_model_from_hdf5(file, compile=False, safe_mode=True)
