"""The ONNX operators that cnnedge lets ONNX Runtime run, and what their inputs and attributes may be.

ONNX Runtime checks most of a file itself, but not all: operators outside this list have been seen to end the process.
Those whose output shape ``shapes`` works out are run at once; a file with any other is first run in a process of its
own. The names are those of the public schema, and of ONNX Runtime's own operators (com.microsoft).
"""

from collections.abc import Sequence

from cnnedge.errors import ModelError
from cnnedge.formats.onnx.reader import Node

# Larger than any window or step of a classifier; it keeps products within 32 bits.
LARGEST_STEP = 4096
_NAMES = """
    Conv ConvTranspose ConvInteger QLinearConv FusedConv Gemm MatMul MatMulInteger QLinearMatMul QGemm FusedMatMul
    FusedGemm MatMulIntegerToFloat DynamicQuantizeMatMul Einsum MaxPool NhwcMaxPool AveragePool LpPool
    GlobalAveragePool GlobalMaxPool GlobalLpPool QLinearAveragePool QLinearGlobalAveragePool Relu Clip LeakyRelu
    PRelu Elu Selu Celu ThresholdedRelu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish Gelu FastGelu
    QuickGelu BiasGelu Erf Softmax LogSoftmax QLinearSigmoid QLinearSoftmax QLinearLeakyRelu BatchNormalization
    InstanceNormalization LayerNormalization GroupNormalization SkipLayerNormalization MeanVarianceNormalization
    LpNormalization LRN Add Sub Mul Div Pow Mod Max Min Mean Sum QLinearAdd QLinearMul Abs Neg Sign Exp Log Sqrt
    Reciprocal Floor Ceil Round Sin Cos Not And Or Equal Greater GreaterOrEqual Less LessOrEqual Where ReduceMean
    ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ArgMax ArgMin TopK Identity Dropout
    Cast QuantizeLinear DequantizeLinear DynamicQuantizeLinear Constant ConstantOfShape Range Shape Size Reshape
    Flatten Squeeze Unsqueeze Transpose Concat QLinearConcat Split Slice Gather GatherElements Expand Tile Pad
    DepthToSpace SpaceToDepth Resize Upsample OneHot
"""
OPERATORS = frozenset(_NAMES.split())
# Attributes that hold window sizes and steps, with the least and the largest value; the others are small numbers.
_WINDOWS = {
    "kernel_shape": (1, LARGEST_STEP), "strides": (1, LARGEST_STEP), "dilations": (1, LARGEST_STEP),
    "pads": (0, LARGEST_STEP), "output_padding": (0, LARGEST_STEP), "blocksize": (1, LARGEST_STEP),
    "group": (1, 2**16), "size": (1, LARGEST_STEP),
}  # fmt: skip


# Operators that may leave out an input that is not their last.
_OPTIONAL = {"Clip", "Resize", "Upsample", "Pad", "Slice", "Dropout", "QuantizeLinear", "DequantizeLinear", "Conv"}


def check_node(node: Node) -> None:
    """Check one node's name and attributes.

    Raises:
        ModelError: it is not one of those that are run, or a window or step in it cannot be.
    """
    if node.op not in OPERATORS:
        raise ModelError(f"operator {node.op[:60]!r} is not one of those that cnnedge runs (image classifiers')")
    if "" in node.inputs and node.op not in _OPTIONAL:
        raise ModelError(f"{node.op} leaves out input {node.inputs.index('')}")
    if node.op == "Constant" and "value" in node.attributes and node.attributes["value"].message(5) is None:
        raise ModelError("Constant has an attribute 'value' that holds no tensor")
    for name, limits in _WINDOWS.items():
        _check_numbers(f"{node.op}: {name}", (*node.integers(name), node.integer(name, limits[0])), limits)


def _check_numbers(what: str, numbers: Sequence[int], limits: tuple[int, int]) -> None:
    low, high = limits
    if len(numbers) > 17 or not all(low <= number <= high for number in numbers):
        raise ModelError(f"{what} is {tuple(numbers[:9])}, expected numbers of {low} to {high}")
