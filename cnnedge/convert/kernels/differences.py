"""A difference as a sum, which has an integer kernel.

Where codes q with the zero point z are a value, 255 - q with 255 - z are its negative. The kernel of a product gives
just those for a factor of -1, which is code 0 with the zero point 1.
"""

from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.kernels.codes import Codes

if TYPE_CHECKING:
    from onnx import NodeProto

_LARGEST = 255


def as_sum(codes: Codes, quantize: "NodeProto") -> "list[NodeProto] | None":
    from onnx import helper

    difference, clips = codes.behind_clip(quantize.input[0])
    if difference is None or difference.op_type != "Sub":
        return None
    ends = [codes.stored(name) for name in difference.input]
    if None in ends or ends[1] is None:
        return None
    taken, end = ends[1], quantize.output[0]
    zero_point = codes.add(f"{end}_opposite_zero_point", np.uint8(_LARGEST - codes.value(taken.zero_point)))
    if taken.name in codes.constants:
        nodes, opposite = [], codes.add(f"{end}_opposite", _LARGEST - codes.constants[taken.name])
    else:
        opposite = f"{end}_opposite"
        names = {name: codes.add(f"{end}_minus_{name}", value) for name, value in _MINUS_ONE.items()}
        nodes = [
            helper.make_node("DequantizeLinear", list(names.values()), [f"{end}_minus_one"]),
            helper.make_node("Mul", [difference.input[1], f"{end}_minus_one"], [f"{end}_negated"]),
            helper.make_node("QuantizeLinear", [f"{end}_negated", taken.scale, zero_point], [opposite]),
        ]
    nodes += [
        helper.make_node("DequantizeLinear", [opposite, taken.scale, zero_point], [f"{end}_other"]),
        helper.make_node("Add", [difference.input[0], f"{end}_other"], [f"{end}_sum"]),
    ]
    last = f"{end}_sum"
    for clip in clips:
        nodes.append(helper.make_node(clip.op_type, [last, *clip.input[1:]], [f"{end}_clipped"]))
        last = f"{end}_clipped"
    return [*nodes, helper.make_node("QuantizeLinear", [last, *quantize.input[1:]], [end])]


_MINUS_ONE: dict[str, np.generic] = {"code": np.uint8(0), "scale": np.float32(1), "zero_point": np.uint8(1)}
