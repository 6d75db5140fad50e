"""Anyone's Keras image classifier, understood: flat, raw pixels in, probabilities out, proved equal to the original."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.model.checks import check_ends, is_plain
from cnnedge.model.flat.channels_last import channels_last
from cnnedge.model.flat.inference import drop_augmentation
from cnnedge.model.flat.operations import operations_to_layers
from cnnedge.model.flat.widened import widen_dilated
from cnnedge.model.graph import Graph
from cnnedge.model.graph.build import build
from cnnedge.model.graph.read import graph_of, read_graph
from cnnedge.model.head import Head, complete_head
from cnnedge.model.predictor import filled, given_for, images_called, is_once
from cnnedge.model.preprocessing import Preprocessing, put_inside
from cnnedge.model.proof import FLOAT16, FLOAT32, Tolerance, first_difference, prove_equal, synthetic_pictures
from cnnedge.model.readers.limits import check_costs
from cnnedge.model.readers.opening import load_file

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SourceModel:
    """A model that was read.

    Attributes:
        path: the file.
        model: flat and functional: float32 ``(N, H, W, C)`` pixels 0..255 in, probabilities ``(N, classes)`` out.
        reference: what Keras itself loads, with the declared preprocessing before it and the head behind it.
        notes: what a person should know of it, one sentence each.
        changed: whether ``model`` is another than the one in the file.
        tolerance: what rounding may change between the two.
    """

    path: Path
    model: "keras.Model"
    reference: "Reference"
    notes: tuple[str, ...] = ()
    changed: bool = False
    tolerance: Tolerance = FLOAT32


@dataclass(frozen=True)
class Reference:
    """The original's own answers to raw pixels: the measure for everything that is made of it.

    With ``of_rgb`` it is a grey one that is given RGB, and takes the mean of the three channels.
    """

    loaded: Any
    preprocessing: Preprocessing | None = None
    head: Head = "probabilities"
    of_rgb: bool = False

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Probabilities, float32 ``(N, classes)``, for pixels 0..255 ``(N, H, W, C)``."""
        size = graph_of(self.loaded).inputs[0].shape[0] or images_called(pixels.shape[1:])
        once = is_once(len(pixels), size)
        parts = [self.fed(pixels[start : start + size]) for start in range(0, len(pixels), size)]
        return _as_probabilities(np.concatenate([self._call(part, size, once) for part in parts]), self.head)

    def fed(self, pixels: np.ndarray) -> np.ndarray:
        """What the original takes for these pixels."""
        grey = pixels.mean(axis=-1, keepdims=True, dtype="float32") if self.of_rgb else pixels
        prepared = grey if self.preprocessing is None else self.preprocessing(grey)
        return prepared[..., 0] if len(graph_of(self.loaded).inputs[0].shape) == 3 else prepared

    def _call(self, batch: np.ndarray, size: int, once: bool) -> np.ndarray:
        """A batch of any length, filled up to ``size`` for a network that takes no other, or is traced for it."""
        import keras

        graph = graph_of(self.loaded)
        whole = batch if once and graph.inputs[0].shape[0] is None else filled(batch, size)
        packed = keras.tree.pack_sequence_as(graph._inputs_struct, [whole.astype("float32")])
        given = keras.tree.flatten(given_for(self.loaded, packed, once=once))[0]
        return np.asarray(given, "float32")[: len(batch)]


def _as_probabilities(outputs: np.ndarray, head: Head) -> np.ndarray:
    """float32 ``(N, classes)``; calculated in float64, apart from the way in which the network does it."""
    if head == "probabilities":
        return outputs
    values = outputs.astype("float64")
    if head == "logits":
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype("float32")
    positive = values if head == "sigmoid" else 1 / (1 + np.exp(-values))
    return np.concatenate([1 - positive, positive], axis=1).astype("float32")


def read_source(
    path: Path | str,
    *,
    preprocessing: Preprocessing | None = None,
    input_size: int | None = None,
    custom_objects: Sequence[str] = (),
) -> SourceModel:
    """Read an image classifier from a ``.keras`` or ``.h5`` file, or a SavedModel folder.

    A model that is plain already comes as Keras loads it. Any other is rebuilt from fresh layers in float32: nested
    models opened, shared layers doubled, augmentation left out, operations turned into layers, the preprocessing put
    inside and a softmax at its end; and its answers are compared with those of the original.

    Args:
        preprocessing: what an app has to do to pixels before this network; None if nothing.
        input_size: height and width for a network that takes any.
        custom_objects: modules whose classes the file may use; they are imported.

    Raises:
        ModelError: it cannot be read, is no classifier of single images, or the rebuilt one answers otherwise.
    """
    path = Path(path)
    loaded = load_file(path, custom_objects, input_size)
    try:
        return _understood(path, loaded, preprocessing, input_size)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _understood(
    path: Path, loaded: "keras.Model", preprocessing: Preprocessing | None, input_size: int | None
) -> SourceModel:
    check_ends(loaded, input_size)
    check_costs(_sized(loaded, input_size))
    if is_plain(loaded) and preprocessing is None:
        return SourceModel(path, loaded, Reference(loaded), _rebuilt(path), changed=path.is_dir())
    graph = read_graph(_sized(loaded, input_size))
    notes = [*_rebuilt(path)]
    dropped = drop_augmentation(graph)
    if dropped:
        notes.append(f"augmentation does nothing at inference and was left out: {', '.join(dict.fromkeys(dropped))}")
    operations_to_layers(graph)
    channels_last(graph)
    widen_dilated(graph)
    head, told = complete_head(graph)
    notes += told
    _take_pixels(graph, preprocessing)
    model = build(graph)
    reference = Reference(loaded, preprocessing, head)
    halved = _computes_in_half(loaded)
    if halved:
        notes.append("it computes in float16; its weights were taken as float32")
    tolerance = FLOAT16 if halved else FLOAT32
    _prove(model, reference, _sized(loaded, input_size), tolerance)
    return SourceModel(path, model, reference, tuple(notes), changed=True, tolerance=tolerance)


def _rebuilt(path: Path) -> tuple[str, ...]:
    return ("a SavedModel: its layers were rebuilt from its operators, and answer as it does",) if path.is_dir() else ()


def _prove(model: "keras.Model", reference: Reference, original: "keras.Model", tolerance: Tolerance) -> None:
    """Compare the rebuilt model with the original on pictures.

    Raises:
        ModelError: they differ; names the layer where that begins, if it can be seen.
    """
    pictures = synthetic_pictures(model.input_shape[1:])
    try:
        prove_equal(model, reference, pictures, tolerance=tolerance)
    except ModelError as error:
        layer = first_difference(read_graph(original), model, reference.fed(pictures), pictures)
        where = f"; it begins at layer {layer!r}" if layer else ""
        raise ModelError(f"{error}{where}; nothing was written, please report it") from error


def _sized(loaded: "keras.Model", size: int | None) -> "keras.Model":
    """The model for pictures of one size, where it takes any."""
    import keras

    shape = graph_of(loaded).inputs[0].shape[1:]
    if size is None or None not in shape:
        return loaded
    fixed = tuple(side or size for side in shape[:2])
    image = keras.Input((*fixed, *shape[2:]))
    packed = keras.tree.pack_sequence_as(graph_of(loaded)._inputs_struct, [image])
    try:
        output = keras.tree.flatten(loaded(packed, training=False))[0]
    except ValueError as error:
        raise ModelError(f"its layers cannot take images {fixed}: choose another --input-size") from error
    return keras.Model(image, output, name=loaded.name)


def _take_pixels(graph: Graph, preprocessing: Preprocessing | None) -> None:
    """Let the graph take ``(H, W, C)`` pixels 0..255."""
    import keras

    if len(graph.image.shape) == 3:
        shape = graph.image.shape
        graph.prepend(keras.layers.Reshape(shape[1:]), "without_channels", (*shape, 1))
    if preprocessing is not None:
        put_inside(graph, preprocessing)


def _computes_in_half(model: "keras.Model") -> bool:
    return any(getattr(layer, "compute_dtype", "") in ("float16", "bfloat16") for layer in model._flatten_layers())
