"""Where did the accuracy go? The quantization noise of every layer of an exported file, against its float Keras model.

The measure is the signal-to-quantization-noise ratio, as in Lin, Talathi and Annapureddy, "Fixed Point Quantization of
Deep Convolutional Networks" (ICML 2016, arXiv 1511.06393): for float values x and the file's values y,

    SQNR = 10 log10(sum of x**2 / sum of (x - y)**2)  dB.

20 dB is an error of a tenth of the signal (root mean square), 40 dB of a hundredth; one bit more is 6 dB.

Each layer is measured twice. ``sqnr_db`` compares its output with the float model's: all the noise up to there.
``own_sqnr_db`` compares it with what the float layer gives for the very input that the file's layer had: the noise that
this layer adds. The second says where the accuracy goes; noise from further up appears in the first only.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.layer_errors.channel_scales import Scaled
from cnnedge.convert.layer_errors.decibels import or_infinite, power, sqnr_db
from cnnedge.convert.layer_errors.float_layers import FloatLayer, float_layers
from cnnedge.convert.layer_errors.opening import open_trace
from cnnedge.convert.layer_errors.pairing import pair
from cnnedge.convert.layer_errors.trace import Trace
from cnnedge.errors import DataError, ModelError
from cnnedge.formats.model_file import ModelFile, naming, open_model_file
from cnnedge.model.fold import fold
from cnnedge.progress import Progress, silent
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Runner

if TYPE_CHECKING:
    import keras

# Images held at a time: the activations of 25 images of the cifar10 network are 13 MB in float32.
BLOCK = 25
_FLOAT_ACTIVATIONS = ("float32", "float16", "dynamic")


@dataclass(frozen=True)
class LayerError:
    """What one layer of a file loses.

    Attributes:
        layer: the Keras layer's name; batch normalization and ReLU behind a layer belong to it. The last dense layer
            and its softmax are two, ``logits`` and ``probabilities`` (see ``fold``).
        kind: its Keras class.
        position: its place in the network, from 0.
        sqnr_db: of its output against the float model's; None if there is no error at all.
        own_sqnr_db: of its output against the float layer's for the same input; None if there is no error at all.
        weight_sqnr_db: of its dequantized weights against the folded float ones; None without weights or error.
        mean_error: file minus float, in the units of its output.
        signal_rms: root mean square of the float output, in the same units; of logits without what they have in
            common, which a softmax takes no notice of.
        saturated: share of its codes (0..1) at an end of their type, see ``TracedLayer.saturated``; None for floats.
    """

    layer: str
    kind: str
    position: int
    sqnr_db: float | None
    own_sqnr_db: float | None
    weight_sqnr_db: float | None
    mean_error: float
    signal_rms: float
    saturated: float | None


@dataclass
class _Comparison:
    """A float layer, the file's layer that it became (``number`` in the trace), and sums over all images so far."""

    layer: FloatLayer
    became: Scaled
    number: int
    count: int = 0
    signal: float = 0.0
    noise: float = 0.0
    own_signal: float = 0.0
    own_noise: float = 0.0
    error: float = 0.0
    saturated: int = 0

    def add(self, codes: np.ndarray, found: np.ndarray, expected: np.ndarray, own: np.ndarray) -> None:
        """Add a block: the file's codes and values, the float model's, and the float layer's for the file's input."""
        if self.layer.before_softmax:
            found, expected, own = (values - values.mean(axis=-1, keepdims=True) for values in (found, expected, own))
        error = found.astype("float64") - expected
        self.count += found.size
        self.signal += power(expected)
        self.noise += power(error)
        self.own_signal += power(own)
        self.own_noise += power(found.astype("float64") - own)
        self.error += float(error.sum())
        self.saturated += self.became.layer.saturated(codes)


def layer_errors(
    file: ModelFile | Path | str, model: "keras.Model", images: np.ndarray, *, progress: Progress = silent
) -> list[LayerError]:
    """Compare every layer of an exported file with the float model that it was made from, the noisiest layer first.

    Args:
        file: a ``.tflite`` file of any precision, or an ``.onnx`` file in float32 or with quantize-dequantize pairs.
        model: the float Keras model.
        images: uint8 (N, H, W, C), pixels 0..255; not test images, since what is found here chooses what to do next.

    Returns:
        One entry per layer, by ``own_sqnr_db``.

    Raises:
        ModelError: the file cannot be used, or is not made from this model; the message says where they differ.
        DataError: no images, or images that the model does not take.
    """
    _check_images(model, images)
    opened = file if isinstance(file, ModelFile) else open_model_file(file)
    layers = float_layers(_made_of(model, opened))
    with open_runner(opened) as runner, naming(runner.name):
        _check_ends(model, runner)
        trace = open_trace(opened)
        pairs = pair(layers, trace, runner.prepare(images[:1]), images[:1].astype("float32"))
        comparisons = [_Comparison(found.layer, found.became, found.number) for found in pairs]
        for start in range(0, len(images), BLOCK):
            block = images[start : start + BLOCK]
            _add_block(comparisons, trace, block, runner.prepare(block))
            progress("compare layers", start + len(block), len(images))
    rows = [_row(position, comparison) for position, comparison in enumerate(comparisons)]
    return sorted(rows, key=lambda row: or_infinite(row.own_sqnr_db))


def _made_of(model: "keras.Model", file: ModelFile) -> "keras.Model":
    """The float network that the file's layers are those of."""
    if file.facts.precision in _FLOAT_ACTIVATIONS:
        return fold(model)
    from cnnedge.convert.integer_forms import integer_forms

    return integer_forms(fold(model))


def _check_images(model: "keras.Model", images: np.ndarray) -> None:
    shape = tuple(model.input_shape[1:])
    if len(images) == 0 or images.dtype != np.uint8 or images.shape[1:] != shape:
        raise DataError(
            f"got {len(images)} images {images.dtype} {images.shape[1:]}, expected at least one, uint8 {shape}: choose "
            "the data that the model was trained on"
        )


def _check_ends(model: "keras.Model", runner: Runner) -> None:
    shape, classes = tuple(model.input_shape[1:]), model.output_shape[1]
    if (runner.input_shape, runner.num_classes) != (shape, classes):
        raise ModelError(
            f"it takes images {runner.input_shape} and gives {runner.num_classes} classes, the Keras model takes "
            f"{shape} and gives {classes}: it was made from another model"
        )


def _add_block(comparisons: list[_Comparison], trace: Trace, images: np.ndarray, prepared: np.ndarray) -> None:
    runs = [trace.run(prepared[index : index + 1]) for index in range(len(prepared))]
    pixels = images.astype("float32")
    # What the float model and the file have at each tensor of the float model; the image is the same for both.
    float_values = {id(comparisons[0].layer.sources[0]): pixels}
    file_values = dict(float_values)
    for comparison in comparisons:
        layer = comparison.layer
        codes = np.concatenate([run[comparison.number] for run in runs]).reshape(-1, *layer.tensor.shape[1:])
        found = comparison.became.layer.values(codes) * comparison.became.scales.astype("float32")
        expected, own = (
            np.asarray(layer.part([values[id(source)] for source in layer.sources], training=False))
            for values in (float_values, file_values)
        )
        comparison.add(codes, found, expected, own)
        float_values[id(layer.tensor)], file_values[id(layer.tensor)] = expected, found


def _row(position: int, comparison: _Comparison) -> LayerError:
    layer, count = comparison.layer, comparison.count
    return LayerError(
        layer=layer.name,
        kind=layer.kind,
        position=position,
        sqnr_db=sqnr_db(comparison.signal, comparison.noise),
        own_sqnr_db=sqnr_db(comparison.own_signal, comparison.own_noise),
        weight_sqnr_db=comparison.became.sqnr_db,
        mean_error=comparison.error / count,
        signal_rms=math.sqrt(comparison.signal / count),
        saturated=comparison.saturated / count if comparison.became.layer.can_saturate else None,
    )
