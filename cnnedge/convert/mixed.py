"""int8 TFLite files in which named layers stay in float32.

TensorFlow's quantizer can leave operators out by the names of their output tensors; ``QuantizationDebugger`` offers
that, but quantizes three times and runs what it made. Here its own function is called once.
"""

import difflib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.calibration import one_by_one
from cnnedge.convert.clipping import with_clipped_ranges
from cnnedge.convert.float_operators import with_float_operators
from cnnedge.convert.graph_forms import limits_apart
from cnnedge.convert.integer_elu import with_integer_elu
from cnnedge.convert.mean_scales import with_fair_means
from cnnedge.convert.saved import let_go, quiet, reason_of, saved_model
from cnnedge.errors import ConversionError, UsageError
from cnnedge.formats.model_file import open_model_file
from cnnedge.formats.tflite.ends import with_ends
from cnnedge.model.fold import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import keras

# What has no operator of its own to leave in float: the ends, and what the converter puts into constants.
_NO_OPERATOR = (INPUT_NAME, OUTPUT_NAME)
# Operators that calculate nothing, so that there is nothing to leave in float.
_RESHAPING = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")


def check_float_layers(folded: "keras.Model", names: "Collection[str]") -> None:
    """See that there are layers of these names.

    Args:
        folded: from ``fold.fold``; its names are those of ``inspect --errors``.

    Raises:
        UsageError: there is no such layer; names those that look alike, or all.
    """
    known = [layer.name for layer in folded.layers if layer.name not in _NO_OPERATOR]
    for name in names:
        if name not in known:
            meant = difflib.get_close_matches(name, known, n=3) or known
            raise UsageError(
                f"no layer {name!r} to leave in float: batch normalization is part of the layer before it, and the "
                f"last dense layer is called logits; expected some of {', '.join(meant)}"
            )


@dataclass(frozen=True)
class Calibrated:
    """A folded model as a float TFLite file that knows the range of every tensor in it.

    ``marks`` has, by the name of a layer, what stands in the names of its tensors.
    """

    content: bytes
    marks: "Mapping[str, str]"

    @classmethod
    def of(cls, folded: "keras.Model", pixels: np.ndarray) -> "Calibrated":
        """``folded`` with the ranges that (N, H, W, C) calibration images 0..255 reach.

        Raises:
            ConversionError: the converter refused.
        """
        marks = marks_of(folded)
        return cls(_calibrated(_renamed(folded, marks), pixels, {mark: name for name, mark in marks.items()}), marks)

    def with_ranges(self, pixels: np.ndarray, ranges: str) -> "Calibrated":
        """The same with ranges as ``scheme.RANGES`` says; ``pixels`` are those of ``of``."""
        if ranges == "minmax":
            return self
        content = with_clipped_ranges(self.content, pixels, ranges)
        let_go()  # every tensor of an image, and histograms: 100 MB of a MobileNetV2 at 224 x 224
        return replace(self, content=content)

    @cached_property
    def layers(self) -> dict[str, set[str]]:
        """The layers that can be left in float, and the operators of each, by the names of their outputs."""
        operators = open_model_file(self.content, "tflite").facts.operators
        calculating = [operator.where for operator in operators if operator.op not in _RESHAPING]
        found = {name: {where for where in calculating if f"/{mark}" in where} for name, mark in self.marks.items()}
        return {name: own for name, own in found.items() if own}

    def file(self, float_layers: "Collection[str]", io: str = "uint8") -> bytes:
        """The int8 file in which the operators of ``float_layers`` calculate in float32.

        Raises:
            ConversionError: the converter refused, or a layer has no operator of its own.
        """
        for name in float_layers:
            if name not in self.layers:
                raise ConversionError(
                    f"layer {name} has no operator of its own in a TFLite file: leave it out of the layers in float"
                )
        left_out = set().union(*(self.layers[name] for name in float_layers))
        content = with_float_operators(with_integer_elu(_quantized(self.content, left_out), left_out))
        content = with_fair_means(content)
        return with_ends(content, io, INPUT_NAME, OUTPUT_NAME)


def marks_of(folded: "keras.Model") -> dict[str, str]:
    """What stands in the names of the tensors of each layer in a file of ``Calibrated``, none in another's."""
    return {layer.name: f"layer{index:05}x" for index, layer in enumerate(folded.layers)}


def convert_mixed(
    folded: "keras.Model", float_layers: "Collection[str]", *, pixels: np.ndarray, io: str = "uint8"
) -> bytes:
    """Convert to an int8 TFLite file in which the operators of ``float_layers`` calculate in float32.

    Args:
        folded: float input (N, H, W, C) of pixels 0..255, probabilities out.
        float_layers: names of its layers, see ``check_float_layers``; with none, all is int8.
        pixels: (N, H, W, C) calibration images 0..255.
        io: type of input and output: uint8, int8 or float32.

    Raises:
        ConversionError: the converter refused, or a layer has no operator of its own in the file.
        UsageError: no such layer.
    """
    check_float_layers(folded, float_layers)
    return Calibrated.of(folded, pixels).file(float_layers, io)


def _renamed(folded: "keras.Model", names: dict[str, str]) -> "keras.Model":
    """A twin whose layers have other names, which TensorFlow writes into the names of tensors."""
    import keras

    twin = keras.models.clone_model(
        folded, clone_function=lambda layer: type(layer).from_config(layer.get_config() | {"name": names[layer.name]})
    )
    twin.set_weights(folded.get_weights())
    return twin


def _calibrated(model: "keras.Model", pixels: np.ndarray, names: "Mapping[str, str]") -> bytes:
    """The float file with the ranges of every tensor in it; ``names`` of layers by those that they have there."""
    import tensorflow as tf

    with saved_model(model, (limits_apart,)) as saved, quiet():
        converter = saved.converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: one_by_one(pixels)
        converter._experimental_calibrate_only = True
        try:
            return converter.convert()
        except Exception as error:
            raise ConversionError(f"TFLite int8_mixed conversion failed: {reason_of(error, names)}") from error


def _quantized(calibrated: bytes, left_out: set[str]) -> bytes:
    from tensorflow.lite.python.convert import mlir_quantize

    with quiet():
        try:
            return mlir_quantize(calibrated, fully_quantize=True, denylisted_nodes=left_out)
        except Exception as error:
            raise ConversionError(f"TFLite int8_mixed conversion failed: {reason_of(error)}") from error
