"""A PReLU with a slope for each value (Keras's own, without shared axes) as a sum: max(x, 0) + slope * min(x, 0).

Both parts of x are clips of its codes, and the product and the sum have integer kernels. With few slopes a table for
each is exact (see ``bends``); a table for each of a feature map's values would be 256 times its size.
"""

from typing import TYPE_CHECKING

import numpy as np

from cnnedge.convert.kernels.codes import Codes, Stored

if TYPE_CHECKING:
    from onnx import NodeProto

_LARGEST = 255


def as_two_parts(codes: Codes, quantize: "NodeProto") -> "list[NodeProto] | None":
    from onnx import helper

    bend, after = codes.alone(quantize.input[0]), codes.of(quantize)
    if bend is None or bend.op_type != "PRelu" or after is None:
        return None
    source, slopes = codes.stored(bend.input[0]), codes.real(bend.input[1])
    if source is None or slopes is None or bend.input[1] in codes.constants:
        return None  # a kernel takes slopes that are stored as codes
    end = quantize.output[0]
    middle = codes.add(f"{end}_middle", np.uint8(codes.value(source.zero_point)))
    ends = [codes.add(f"{end}_{name}", np.uint8(code)) for name, code in (("lowest", 0), ("highest", _LARGEST))]
    scale, zero_point = _of_the_product(codes, source, after, slopes)
    product = [codes.add(f"{end}_{name}", value) for name, value in (("step", scale), ("origin", zero_point))]
    return [
        helper.make_node("Clip", [source.name, ends[0], middle], [f"{end}_below"]),
        helper.make_node("Clip", [source.name, middle, ends[1]], [f"{end}_above"]),
        helper.make_node("DequantizeLinear", [f"{end}_below", source.scale, source.zero_point], [f"{end}_negative"]),
        helper.make_node("DequantizeLinear", [f"{end}_above", source.scale, source.zero_point], [f"{end}_positive"]),
        helper.make_node("Mul", [f"{end}_negative", bend.input[1]], [f"{end}_bent"]),
        helper.make_node("QuantizeLinear", [f"{end}_bent", *product], [f"{end}_bent_codes"]),
        helper.make_node("DequantizeLinear", [f"{end}_bent_codes", *product], [f"{end}_other"]),
        helper.make_node("Add", [f"{end}_positive", f"{end}_other"], [f"{end}_sum"]),
        helper.make_node("QuantizeLinear", [f"{end}_sum", *quantize.input[1:]], [end]),
    ]


def _of_the_product(codes: Codes, source: Stored, after: Stored, slopes: np.ndarray) -> tuple[np.float32, np.uint8]:
    """The scale and zero point of slope * min(x, 0): no coarser than what comes out, beyond which it is cut off."""
    scale, zero_point = codes.value(after.scale), codes.value(after.zero_point)
    lowest_x = -codes.value(source.zero_point) * codes.value(source.scale)
    products = [0.0, *(lowest_x * slope for slope in (np.min(slopes), np.max(slopes)))]
    low, high = np.clip([min(products), max(products)], -zero_point * scale, (_LARGEST - zero_point) * scale)
    step = (high - low) / _LARGEST or scale
    return np.float32(step), np.uint8(np.round(-low / step))
