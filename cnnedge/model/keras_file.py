"""Reading and writing ``.keras`` files."""

import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.errors import ModelError
from cnnedge.files import write_atomically
from cnnedge.manifest import TrainingRecord, with_record
from cnnedge.model.checks import check_classifier
from cnnedge.model.flatten import as_functional

if TYPE_CHECKING:
    import keras


def load_keras(path: Path | str) -> "keras.Model":
    """Read an image classifier from a ``.keras`` file, uncompiled.

    Code inside the file (Lambda layers) is refused, never run: Keras's ``safe_mode``.

    Raises:
        ModelError: no such file, not a Keras 3 file, it cannot be rebuilt here, or it is not a plain image classifier
            (see ``checks.check_classifier``).
    """
    import keras

    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path} does not exist: expected a .keras file")
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        raise ModelError(f"{path} is not a Keras model file: expected the .keras archive that model.save() writes")
    try:
        model = as_functional(keras.saving.load_model(path, compile=False, safe_mode=True))
    # Whatever a damaged or foreign archive makes Keras raise, the file is the cause.
    except Exception as error:
        raise ModelError(f"{path} cannot be read as a Keras model ({_first_line(error)})") from error
    try:
        check_classifier(model)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return model


def save_keras(model: "keras.Model", path: Path, record: TrainingRecord | None = None) -> None:
    """Write ``model`` as a ``.keras`` file in one step: a reader sees the old file or the whole new one.

    Only the network and its weights, and how it was trained (``record``): the optimizer's momentum and averages would
    make the file 3.5 times as large.
    """
    import keras

    bare = keras.Model.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "model.keras"
        bare.save(written)
        content = written.read_bytes()
        write_atomically(path, content if record is None else with_record(content, record))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
