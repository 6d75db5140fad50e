"""A mean over any axes as a global average pooling, which has an integer kernel: of (batch, kept, averaged)."""

import math
from typing import TYPE_CHECKING

from cnnedge.convert.kernels.codes import Codes

if TYPE_CHECKING:
    from onnx import NodeProto


def as_pooling(codes: Codes, quantize: "NodeProto") -> "list[NodeProto] | None":
    from onnx import helper

    mean, end = codes.alone(quantize.input[0]), quantize.output[0]
    if mean is None or mean.op_type != "ReduceMean":
        return None
    taken, given = codes.stored(mean.input[0]), codes.shape(end)
    shape = None if taken is None else codes.shape(taken.name)
    axes = [list(attribute.ints) for attribute in mean.attribute if attribute.name == "axes"]
    if taken is None or shape is None or given is None or not axes:
        return None
    averaged = sorted(axis % len(shape) for axis in axes[0])
    if 0 in averaged:
        return None
    kept = [axis for axis in range(1, len(shape)) if axis not in averaged]
    sizes = [-1, *(math.prod(shape[axis] for axis in axes) for axes in (kept, averaged))]
    moved = helper.make_node("Transpose", [taken.name], [f"{end}_moved"], perm=[0, *kept, *averaged])
    return [
        moved,
        helper.make_node("Reshape", [moved.output[0], codes.sizes(f"{end}_apart", sizes)], [f"{end}_taken"]),
        helper.make_node("DequantizeLinear", [f"{end}_taken", taken.scale, taken.zero_point], [f"{end}_values"]),
        helper.make_node("GlobalAveragePool", [f"{end}_values"], [f"{end}_mean"]),
        helper.make_node("QuantizeLinear", [f"{end}_mean", *quantize.input[1:]], [f"{end}_given"]),
        helper.make_node("Reshape", [f"{end}_given", codes.sizes(f"{end}_sizes", (-1, *given[1:]))], [end]),
    ]
