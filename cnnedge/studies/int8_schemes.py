"""The ways of putting int8 into ONNX, to be measured beside ours.

ONNX Runtime's own quantizer makes them from a float32 file, so that a reader can repeat each with its documentation at
hand. In their names ``u8s8`` is uint8 activations with int8 weights, and so on.

What sets them apart on x86: processors without VNNI multiply unsigned by signed bytes and add pairs of products in 16
bits (``vpmaddubsw``), which saturates at 32,767. Two products of 8-bit codes can reach 2 x 255 x 127 = 64,770; with
weights in -63..63 they end at 32,130, and nothing saturates. Two unsigned operands, or two signed ones, take other
instructions, exact and slower.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.convert.saved import quiet
from cnnedge.errors import ConversionError
from cnnedge.model.fold import INPUT_NAME


@dataclass(frozen=True)
class Scheme:
    """One choice of types: ``uint8`` or ``int8`` for each side; ``seven_bits`` keeps weights within -63..63.

    ``per_channel``: one weight scale for each output channel, not one for the layer.
    """

    name: str
    activations: str
    weights: str
    seven_bits: bool = False
    per_channel: bool = True

    def __post_init__(self) -> None:
        for side, kind in (("activations", self.activations), ("weights", self.weights)):
            if kind not in ("uint8", "int8"):
                raise ValueError(f"{side} is {kind!r}, expected 'uint8' or 'int8'")


SCHEMES = (
    Scheme("u8s8", "uint8", "int8"),
    Scheme("u8s8-7bit", "uint8", "int8", seven_bits=True),
    Scheme("u8s8-per-layer", "uint8", "int8", per_channel=False),
    Scheme("u8u8", "uint8", "uint8"),
    Scheme("s8s8", "int8", "int8"),
)


def quantize_onnx(float32: bytes, pixels: np.ndarray, scheme: Scheme) -> bytes:
    """Post-training quantization of a float32 ONNX file by ONNX Runtime's quantizer, in QDQ form.

    The softmax stays float, as in our own files; the input stays float32 and is quantized inside.

    Args:
        float32: input ``image`` float32 (N, H, W, C), values 0..255, as ``convert_onnx_float32`` makes it.
        pixels: float32 (N, H, W, C) calibration images, values 0..255.

    Raises:
        ConversionError: the quantizer refused; its reason is in the message.
    """
    with quiet(), tempfile.TemporaryDirectory(prefix="cnnedge-") as name:
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        types = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
        source, prepared, target = (Path(name) / f"{part}.onnx" for part in ("source", "prepared", "target"))
        source.write_bytes(float32)
        try:
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                target,
                _reader(pixels),
                quant_format=QuantFormat.QDQ,
                per_channel=scheme.per_channel,
                reduce_range=scheme.seven_bits,
                activation_type=types[scheme.activations],
                weight_type=types[scheme.weights],
                nodes_to_exclude=_softmaxes(prepared),
                # Ranges of the weights are symmetric for int8, so that their zero point is 0.
                extra_options={"WeightSymmetric": scheme.weights == "int8"},
            )
        except Exception as error:
            raise ConversionError(f"ONNX Runtime's quantizer refused {scheme.name}: {error}") from error
        return target.read_bytes()


def _softmaxes(path: Path) -> list[str]:
    import onnx

    return [node.name for node in onnx.load(path).graph.node if node.op_type == "Softmax"]


def _reader(pixels: np.ndarray) -> Any:
    """What the quantizer takes calibration images from: one dictionary of inputs after the other, then None."""
    from onnxruntime.quantization import CalibrationDataReader

    class Pixels(CalibrationDataReader):
        def __init__(self) -> None:
            self.feeds: Iterator[dict[str, np.ndarray]] = (
                {INPUT_NAME: pixels[index : index + 1]} for index in range(len(pixels))
            )

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.feeds, None)

    return Pixels()
