"""Legacy ``.h5`` files, of Keras 2 (Teachable Machine's keras_model.h5) and of Keras 3."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge.errors import ModelError
from cnnedge.model.readers.keras2 import modernized
from cnnedge.model.readers.limits import build_within, check_config
from cnnedge.model.readers.stored import check_hdf5

if TYPE_CHECKING:
    import keras

_OPERATION = "operation>"


def load_hdf5(path: Path, *, trusted: bool = False) -> "keras.Model":
    """The model in an ``.h5`` file; ``trusted`` see ``limits.build_within``.

    Raises:
        ModelError: it holds weights alone, or declares more than it holds.
    """
    import h5py

    held = check_hdf5(path)
    config = stated_config(path)
    check_config(config)
    modern = _with_operations(modernized(config))
    model = build_within(lambda: _rebuilt(modern), held, trusted=trusted)
    with h5py.File(path, "r") as file:
        _legacy().legacy_h5_format.load_weights_from_hdf5_group(file["model_weights"], model)
    return model


def stated_config(path: Path) -> Any:
    """The configuration in an ``.h5`` file that ``check_hdf5`` has seen.

    Raises:
        ModelError: it holds weights alone. ValueError: it is damaged.
    """
    import h5py

    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ModelError(
                "holds weights alone, without the network: save the whole model with model.save('model.keras')"
            )
        return _read(file.attrs["model_config"])


def stated_training(path: Path) -> Any:
    """What the model in such a file was compiled with, ``loss`` among it; None if it was not.

    Raises:
        ValueError: it is damaged.
    """
    import h5py

    with h5py.File(path, "r") as file:
        return _read(file.attrs["training_config"]) if "training_config" in file.attrs else None


def _read(text: str | bytes) -> Any:
    return json.loads(text if isinstance(text, str) else text.decode())


def _legacy() -> Any:
    import keras

    return keras.src.legacy.saving


def _rebuilt(config: dict[str, Any]) -> "keras.Model":
    """What keras.saving.load_model makes of such a file, but for its decoding of slices, which it does twice."""
    import keras

    legacy, saving = _legacy(), keras.src.saving
    with (
        legacy.saving_options.keras_option_scope(use_legacy_config=True),
        saving.serialization_lib.SafeModeScope(True),
        keras.saving.custom_object_scope(_operations()),
    ):
        return legacy.saving_utils.model_from_config(config)


def _with_operations(part: Any) -> Any:
    """Keras 3 writes ``x + y`` as class Add and cannot read it: operations get a name that no layer has.

    A layer's configuration says whether it is trainable, an operation's does not.
    """
    if isinstance(part, list):
        return [_with_operations(value) for value in part]
    if not isinstance(part, dict):
        return part
    changed = {key: _with_operations(value) for key, value in part.items()}
    config, calls = part.get("config"), part.get("inbound_nodes")
    if isinstance(config, dict) and calls and isinstance(calls[0], dict) and not {"trainable", "layers"} & set(config):
        changed["class_name"] = f"{_OPERATION}{part['class_name']}"
    return changed


def _operations() -> dict[str, Any]:
    """Every operation of Keras by the name that ``_with_operations`` gives it."""
    import keras

    rooms = [keras.src.activations.activations]
    rooms += [getattr(keras.src.ops, name) for name in ("core", "image", "linalg", "math", "nn", "numpy")]
    operation = keras.Operation
    return {
        f"{_OPERATION}{value.__name__}": value
        for room in rooms
        for value in vars(room).values()
        if isinstance(value, type) and issubclass(value, operation) and not issubclass(value, keras.Layer)
    }
