"""Reading and writing ``.keras`` files."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.files import write_atomically
from cnnedge.manifest import TrainingRecord, with_record
from cnnedge.model.graph.build import refresh
from cnnedge.model.source import read_source

if TYPE_CHECKING:
    import keras


def load_keras(path: Path | str) -> "keras.Model":
    """Read an image classifier from a file, uncompiled: pixels 0..255 in, probabilities out.

    Raises:
        ModelError: see ``source.read_source``.
    """
    return read_source(path).model


def save_keras(model: "keras.Model", path: Path, record: TrainingRecord | None = None) -> None:
    """Write ``model`` as a ``.keras`` file in one step: a reader sees the old file or the whole new one.

    Only the network and its weights, and how it was trained (``record``): the optimizer's momentum and averages would
    make the file 3.5 times as large.
    """
    import keras

    bare = keras.Model.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    refresh(bare)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "model.keras"
        bare.save(written)
        content = written.read_bytes()
        write_atomically(path, content if record is None else with_record(content, record))
