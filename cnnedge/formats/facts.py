"""What inspection knows of a model file, whatever its format."""

from dataclasses import dataclass, field

# Convolutions, dense layers and matrix products: where a network's arithmetic is.
COMPUTE = {
    "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL", "CONV_3D",
    "Conv", "ConvTranspose", "Gemm", "MatMul", "FusedConv", "QLinearConv", "QLinearMatMul", "QGemm",
    "ConvInteger", "MatMulInteger",
}  # fmt: skip


@dataclass(frozen=True)
class TensorFacts:
    """An input or output: None in ``shape`` is a free size, no shape is unknown; ``scale`` 0.0 is not quantized."""

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True)
class OperatorFacts:
    """One operator. ``where`` is the tensor it writes; ``arithmetic`` is float, int8, int16, or none.

    ``weights`` is the type of its weights as stored; ``macs`` its multiplications for one image, None if
    unknown. ``origin`` is builtin, custom, or flex (TensorFlow's own kernels). ``values`` are the numbers that it
    writes for one image, ``activation_bytes`` what it reads and writes besides constants (None: unknown),
    ``weight_bytes`` its constants as stored. ``names`` are those that a runtime may give it in a profile.
    """

    op: str
    where: str
    arithmetic: str
    weights: str | None = None
    macs: int | None = 0
    origin: str = "builtin"
    values: int | None = None
    activation_bytes: int | None = None
    weight_bytes: int = 0
    names: tuple[str, ...] = ()

    @property
    def is_compute(self) -> bool:
        return self.op in COMPUTE

    def __str__(self) -> str:
        return f"{self.op} ({self.where})"


@dataclass(frozen=True)
class Facts:
    """One file. ``free_sizes`` names tensors with a size known only at run time, other than the batch.

    ``output_operator`` is the last one that decides what comes out, seen through those that convert or reshape.
    """

    inputs: list[TensorFacts]
    outputs: list[TensorFacts]
    operators: list[OperatorFacts]
    weight_bytes: dict[str, int]
    free_batch: bool
    free_sizes: list[str]
    gpu_concerns: list[str] = field(default_factory=list)
    output_operator: str | None = None

    @property
    def macs(self) -> int | None:
        counts = [operator.macs for operator in self.operators]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def precision(self) -> str:
        """``float32``, ``float16``, ``dynamic``, ``int8`` or ``int16x8``; ``mixed`` if layers differ."""
        kinds = {_precision(operator) for operator in self.operators if operator.is_compute}
        if kinds == {"dynamic", "float32"}:
            return "dynamic"  # the converter leaves small weights (below 1,024 values) in float
        return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "float32"

    def float_before_last_layer(self) -> list[OperatorFacts]:
        """Operators that calculate in float no later than the last convolution or dense layer.

        What follows it, such as the softmax over ten numbers, costs nothing and is not what int8 is about.
        """
        layers = [index for index, operator in enumerate(self.operators) if operator.is_compute]
        upto = self.operators[: layers[-1] + 1] if layers else self.operators
        return [operator for operator in upto if operator.arithmetic == "float"]


def _precision(operator: OperatorFacts) -> str:
    if operator.arithmetic != "float":
        return {"int16": "int16x8"}.get(operator.arithmetic, operator.arithmetic)
    return {"float16": "float16", "int8": "dynamic", "uint8": "dynamic", "int4": "dynamic"}.get(
        operator.weights or "", "float32"
    )
