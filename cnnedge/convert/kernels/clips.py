"""A clip of codes that are stored already.

TFLite writes a minimum, a maximum or a ReLU that it could not join with the layer before as an operator of its own.
Where the codes before and after have one scale, the clip is one of the codes themselves: rounding keeps the order.
Else the layer's own codes are left out, and its sums are clipped and rounded once.
"""

from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.kernels.codes import CLIPS, Codes, Stored

if TYPE_CHECKING:
    from onnx import NodeProto

# Behind these a runtime joins a clip.
_JOINED = ("Conv", "ConvTranspose", "MatMul", "Gemm", "Add")


def on_codes(codes: Codes, quantize: "NodeProto") -> "list[NodeProto] | None":
    clip = codes.alone(quantize.input[0])
    if clip is None or clip.op_type not in (*CLIPS, "Min", "Max"):
        return None
    before = next(filter(None, (codes.stored(name) for name in clip.input if not codes.is_constant(name))), None)
    after, limits = codes.of(quantize), _limits(codes, clip)
    if before is None or after is None or limits is None:
        return None
    if all(codes.value(a) == codes.value(b) for a, b in _parameters(before, after)):
        return _clipped(codes, before, after, limits)
    return _joined(codes, clip, quantize, limits)


def _parameters(before: Stored, after: Stored) -> tuple[tuple[str, str], tuple[str, str]]:
    return (before.scale, after.scale), (before.zero_point, after.zero_point)


def _limits(codes: Codes, clip: "NodeProto") -> tuple[float, float] | None:
    """The lower and the upper limit; None if they are not one number each."""
    if clip.op_type == "Relu":
        return 0.0, np.inf
    if clip.op_type == "Clip":
        low, high = (codes.constants.get(name) for name in (*clip.input[1:], "", "")[:2])
        return -np.inf if low is None else low.item(), np.inf if high is None else high.item()
    constants = [name for name in clip.input if codes.is_constant(name)]
    if len(clip.input) != 2 or len(constants) != 1:
        return None
    value = codes.real(constants[0])
    if value is None or value.size != 1:
        return None
    return (-np.inf, value.item()) if clip.op_type == "Min" else (value.item(), np.inf)


def _clipped(codes: Codes, before: Stored, after: Stored, limits: tuple[float, float]) -> "list[NodeProto]":
    from onnx import helper

    scale, zero_point = (codes.value(name) for name in (before.scale, before.zero_point))
    low, high = (int(np.clip(np.round(limit / scale) + zero_point, 0, 255)) for limit in limits)
    ends = [codes.add(f"{after.name}_{name}", np.uint8(end)) for name, end in (("low", low), ("high", high))]
    return [helper.make_node("Clip", [before.name, *ends], [after.name])]


def _joined(
    codes: Codes, clip: "NodeProto", quantize: "NodeProto", limits: tuple[float, float]
) -> "list[NodeProto] | None":
    from onnx import helper

    if clip.op_type not in CLIPS or limits[0] != 0 or codes.value(quantize.input[2]) != 0:
        return None  # a runtime joins it where what is below 0 has no code
    dequantize = codes.alone(clip.input[0])
    first = codes.alone(dequantize.input[0]) if dequantize is not None else None
    layer = codes.alone(first.input[0]) if first is not None and first.op_type == "QuantizeLinear" else None
    if first is None or layer is None or layer.op_type not in _JOINED:
        return None
    clipped = f"{quantize.output[0]}_at_once"  # no name of a later rule, which may write these codes again
    return [
        helper.make_node(clip.op_type, [first.input[0], *clip.input[1:]], [clipped]),
        helper.make_node("QuantizeLinear", [clipped, *quantize.input[1:]], [quantize.output[0]]),
    ]
