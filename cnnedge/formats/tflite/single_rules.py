"""What single operators ask of their tensors beyond the rules that all share; each would end the process.

Every function here raises ModelError where the tensors are others.
"""

import math
from collections.abc import Sequence

from cnnedge.formats.tflite.flatbuffer import Damaged
from cnnedge.formats.tflite.reader import Operator, Tensor

# Sums put their inputs on the output's scale by a fixed-point multiplier, and abort where an input's scale is so many
# times the output's. The other way round any ratio is right: a dead branch of a network has a scale of 1e-8.
_LARGEST_SUMMAND = {"int8": 2**19 - 1, "uint8": 2**19 - 1, "int16": 2**14 - 1}
# The field of ADD's and SUB's options that asks for it, and LiteRT's tolerance of the logarithm (1e-3), with a margin.
_SHIFTING, _POWER_OF_TWO = 1, 2e-3


def check_sum(operator: Operator, dtype: str, scales: Sequence[float | None]) -> None:
    *summands, result = [scale for scale in scales if scale]
    if max(summands) > _LARGEST_SUMMAND[dtype] * result:
        raise Damaged(f"{operator.name} joins scales {max(summands):g} and {result:g}, expected a larger result")


def check_selection(operator: Operator, data: list[Tensor]) -> None:
    """SELECT reads a condition of fewer sizes along the first size of the others, whether they have one or not."""
    shapes = {tensor.shape for tensor in data}
    if data[0].dtype != "bool":
        raise Damaged(f"{operator.name} has a condition of {data[0].dtype}, expected bool")
    if operator.name == "SELECT" and len(shapes) > 1:
        raise Damaged(f"SELECT joins shapes {sorted(shapes)}, expected one")


def check_padding_value(value: Tensor) -> None:
    if value.shape not in ((), (1,)):
        raise Damaged(f"PADV2 pads with a value of shape {value.shape}, expected one number")


def check_reshape(operator: Operator, tensors: Sequence[Tensor], output: Tensor) -> None:
    """The kernel copies the new shape into as many places as the output has sizes, however long it is."""
    if len(operator.inputs) < 2:
        return
    wanted = tensors[operator.inputs[1]]
    if wanted.dtype != "int32" or wanted.shape != (len(output.shape),):
        raise Damaged(f"RESHAPE takes {wanted.dtype} {wanted.shape} for a shape of {len(output.shape)} sizes")


def check_tile(shape: tuple[int, ...], times: tuple[int, ...], output: tuple[int, ...]) -> None:
    """The kernel writes its first copy whatever ``times`` says, and reads as many numbers of it as there are sizes."""
    if len(times) != len(shape) or min(times) < 1:
        raise Damaged(f"TILE repeats shape {shape} {times[:9]} times, expected {len(shape)} numbers of at least 1")
    expected = tuple(size * number for size, number in zip(shape, times, strict=True))
    if output != expected:
        raise Damaged(f"TILE gives an output of {expected}, but {output} is declared")


def check_reverse(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    """The kernel takes neighbouring axes, each once, and finds out about others only in part."""
    places = sorted(axis % len(shape) for axis in axes if -len(shape) <= axis < len(shape))
    if len(places) != len(axes) or places != list(range(places[0], places[0] + len(places))):
        raise Damaged(f"REVERSE_V2 turns axes {axes[:9]} of shape {shape}, expected neighbouring ones")


def check_broadcast_by_shifts(operator: Operator, data: list[Tensor], output: Tensor) -> None:
    """Where options ask for it and all scales are powers of two, the kernel only shifts; two shapes make it abort."""
    asked = operator.options is None or operator.options.integer(_SHIFTING, "b", 1)
    scales = [scale for tensor in (*data, output) if tensor.quantization for scale in tensor.quantization.scale]
    if asked and all(abs(math.log2(scale) - round(math.log2(scale))) < _POWER_OF_TWO for scale in scales):
        shapes = f"{data[0].shape} and {data[1].shape}"
        raise Damaged(f"{operator.name} joins int16 of shapes {shapes} and scales 2**n, expected one shape")


def check_square(data: list[Tensor], output: Tensor) -> None:
    """Its kernel squares twice a scale, shifted left by 7 bits, and aborts where that is no part of the output's."""
    largest, given = (
        max(tensor.quantization.scale[0] for tensor in tensors if tensor.quantization) for tensors in (data, [output])
    )
    if (2 * largest) ** 2 >= 2**14 * given:
        raise Damaged(f"SQUARED_DIFFERENCE squares scale {largest:g} to {given:g}, expected a larger one")
