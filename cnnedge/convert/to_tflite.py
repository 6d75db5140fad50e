"""Folded model to TFLite bytes: one function, one conversion per precision."""

from typing import Any

import numpy as np

from cnnedge.convert.calibration import one_by_one
from cnnedge.convert.dead_channels import with_live_scales
from cnnedge.convert.equal_sides import with_equal_sides
from cnnedge.convert.far_limits import with_far_limits
from cnnedge.convert.float_operators import with_float_operators
from cnnedge.convert.graph_forms import limits_apart, sums_as_means
from cnnedge.convert.integer_elu import with_integer_elu
from cnnedge.convert.mean_scales import with_fair_means
from cnnedge.convert.runnable import refuse_unrunnable
from cnnedge.convert.saved import quiet, reason_of, saved_model
from cnnedge.convert.wide_sums import with_safe_sums
from cnnedge.errors import ConversionError
from cnnedge.formats.tflite.writer import name_ends
from cnnedge.model.fold import INPUT_NAME, OUTPUT_NAME

_FORMS = {"int8": (limits_apart,), "int16x8": (limits_apart, sums_as_means)}


def convert_tflite(
    model: Any,
    *,
    precision: str,
    pixels: np.ndarray | None = None,
    io: str = "uint8",
    fake_quantized: bool = False,
) -> bytes:
    """Convert a folded model, or the rounding twin of one, to a TFLite flatbuffer.

    The file has a static batch of 1, one input ``image`` (1, H, W, C) and one output ``probabilities``
    (1, classes), both as tensor names and in the signature ``serving_default``.

    Args:
        model: float input (N, H, W, C) of pixels 0..255, probabilities out.
        precision: one of names.EXPORTS["tflite"].
        pixels: (N, H, W, C) calibration images 0..255; needed for int8 and int16x8 unless fake-quantized.
        io: type of input and output of an int8 file: uint8, int8 or float32. Every other precision takes and gives
            float32; for int16x8 the converter offers only int16 beside it, which could not hold raw pixels.
        fake_quantized: the model carries its own ranges from quantization-aware training.

    Raises:
        ConversionError: the converter refused, or no runtime would run the file; the reason is in the message.
    """
    # A fake-quantized model has a range for each of its own tensors, and none for others.
    with saved_model(model, () if fake_quantized else _FORMS.get(precision, ())) as saved:
        del model

        def convert(*, wide_sums: bool = False, floats: bool = False) -> bytes:
            converter = saved.converter()
            _configure(converter, precision, pixels, io, fake_quantized=fake_quantized)
            _choose_operators(converter, precision, fake_quantized, floats=floats, wide_sums=wide_sums)
            return _run(converter, precision)

        floats = False
        try:
            content = convert()
        except ConversionError:
            if fake_quantized or precision not in ("int8", "int16x8"):
                raise
            # An operator without an integer kernel: it alone stays in float.
            content, floats = convert(floats=True), True
        if precision == "int16x8":
            try:
                content = with_safe_sums(with_live_scales(content))
            except OverflowError:
                content = with_live_scales(convert(wide_sums=True, floats=floats))
            content = with_equal_sides(with_far_limits(content))
        if precision == "int8":
            content = with_integer_elu(content)
        if precision in ("int8", "int16x8"):
            content = with_float_operators(content)
    if precision in ("int8", "int16x8"):
        content = with_fair_means(content)
    content = name_ends(content, INPUT_NAME, OUTPUT_NAME)
    refuse_unrunnable(content, "tflite", precision)
    return content


def _run(converter: Any, precision: str) -> bytes:
    with quiet():
        try:
            return converter.convert()
        except Exception as error:
            raise ConversionError(f"TFLite {precision} conversion failed: {reason_of(error)}") from error


def _configure(converter: Any, precision: str, pixels: np.ndarray | None, io: str, *, fake_quantized: bool) -> None:
    import tensorflow as tf

    if precision == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision in ("int8", "int16x8") and not fake_quantized:
        if pixels is None:
            raise ConversionError(f"{precision} needs calibration images: give --data")
        converter.representative_dataset = lambda: one_by_one(pixels)
    if precision == "int8":
        converter.inference_input_type = tf.as_dtype(io)
        converter.inference_output_type = tf.as_dtype(io)


def _choose_operators(converter: Any, precision: str, fake_quantized: bool, *, floats: bool, wide_sums: bool) -> None:
    """The kernels that may be used: those of integers alone, or with ``floats`` others where there is none."""
    import tensorflow as tf

    sets = tf.lite.OpsSet
    others = [sets.TFLITE_BUILTINS] if floats else []
    if precision == "int16x8":
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            *others,
        ]
        if not wide_sums:
            converter._experimental_full_integer_quantization_bias_type = tf.int32
    if precision == "int8" and not fake_quantized:
        # Without this the converter may leave single operators in float and say nothing.
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8, *others]
