"""The TFLite operators that cnnedge lets LiteRT run, and what each must look like.

LiteRT's kernels trust a file's operator options: a stride of 0 divides by zero, options of another operator
are read as rubbish. So native code gets to see only operators whose arguments are understood here: those of
image classifiers. Option numbers and fields are those of the public schema.
"""

from dataclasses import dataclass, field

from cnnedge.formats.tflite.flatbuffer import Table

# Larger than any image or window that a classifier strides over; it keeps products within 32 bits.
LARGEST_STEP = 4096
# None, RELU, RELU_N1_TO_1, RELU6: the activations that kernels can end with (TANH and SIGN_BIT are in the schema only).
ACTIVATIONS = (0, 3)
# Of the slope of a leaky ReLU, the softmax's beta, and the numbers of a local response normalization (AlexNet's alpha
# is 2e-5): kernels turn them into fixed-point multipliers, and abort where these have no such number.
SMALLEST_FACTOR, LARGEST_FACTOR = 1e-6, 1e3


@dataclass(frozen=True)
class Rule:
    """What an operator may look like.

    Attributes:
        options: the number of its options table in the schema; 0: it has none.
        inputs, outputs: the least and the largest number of them.
        positive: the table's int32 fields that must lie in 1..LARGEST_STEP, with their schema default.
        lists: fields that hold a list of int32.
        bare: the table may be missing: nothing in it matters.
        counts: the field that must equal the number of inputs (PACK) or of outputs (SPLIT, UNPACK).
        activation: the field with the activation that the operator ends with.
        limits: other 8-bit fields, with the least and the largest value that their kernels know.
        zeros: int32 fields that must be 0.
        floats: fields that hold a number of ordinary size.
        ranks: how many sizes the data may have.
    """

    options: int
    inputs: tuple[int, int]
    outputs: tuple[int, int] = (1, 1)
    positive: dict[int, int] = field(default_factory=dict)
    lists: tuple[int, ...] = ()
    bare: bool = False
    counts: int | None = None
    activation: int | None = None
    limits: dict[int, tuple[int, int]] = field(default_factory=dict)
    zeros: tuple[int, ...] = ()
    floats: tuple[int, ...] = ()
    ranks: tuple[int, int] = (0, 6)

    def broken_by(self, options: Table | None, members: int) -> str | None:
        """What is wrong with an operator's options, or None; ``members`` is what ``counts`` must equal."""
        if options is None:
            return None if self.bare or not self.options else "it has no options"
        if self.counts is not None and options.integer(self.counts, "i") != members:
            return f"option {self.counts} is {options.integer(self.counts, 'i')}, expected {members}"
        for number in self.lists:
            options.numbers(number, "<i4")
        for number, default in self.positive.items():
            value = options.integer(number, "i", default)
            if not 1 <= value <= LARGEST_STEP:
                return f"option {number} is {value}, expected 1..{LARGEST_STEP}"
        return self._beyond_limits(options)

    def _beyond_limits(self, options: Table) -> str | None:
        limits = self.limits if self.activation is None else {**self.limits, self.activation: ACTIVATIONS}
        for number, (low, high) in limits.items():
            value = options.integer(number, "b")
            if not low <= value <= high:
                return f"option {number} is {value}, expected {low}..{high}"
        for number in self.zeros:
            if options.integer(number, "i"):
                return f"option {number} is {options.integer(number, 'i')}, expected 0"
        for number in self.floats:
            real = float(options.scalar(number, "f"))
            if not SMALLEST_FACTOR <= abs(real) <= LARGEST_FACTOR:  # False for nan as well
                return f"option {number} is {real:g}, expected {SMALLEST_FACTOR:g}..{LARGEST_FACTOR:g} in size"
        return None


_ONE, _TWO = (1, 1), (2, 2)
_FLAG, _PADDING = (0, 1), {0: (0, 1)}
_IMAGE = (4, 4)
_POOL = Rule(5, _ONE, positive={1: 0, 2: 0, 3: 0, 4: 0}, activation=5, limits=_PADDING, ranks=_IMAGE)
_REDUCE = Rule(27, _TWO, limits={0: _FLAG})
# Kernels broadcast four sizes in general, and five for some types.
_PAIRED = (0, 5)
# Comparisons and selections broadcast four.
_COMPARED = (0, 4)


def _bare(options: int, inputs: tuple[int, int], lists: tuple[int, ...] = (), ranks: tuple[int, int] = (0, 6)) -> Rule:
    return Rule(options, inputs, lists=lists, bare=True, ranks=ranks)


def _sum(options: int) -> Rule:
    return Rule(options, _TWO, activation=0, ranks=_PAIRED)


RULES: dict[str, Rule] = {
    "CONV_2D": Rule(1, (2, 3), positive={1: 0, 2: 0, 4: 1, 5: 1}, activation=3, limits=_PADDING, ranks=_IMAGE),
    "DEPTHWISE_CONV_2D": Rule(
        2, (3, 3), positive={1: 0, 2: 0, 5: 1, 6: 1}, activation=4, limits=_PADDING, ranks=_IMAGE
    ),
    "TRANSPOSE_CONV": Rule(49, (3, 4), positive={1: 0, 2: 0}, activation=3, limits=_PADDING, ranks=_IMAGE),
    "FULLY_CONNECTED": Rule(8, (2, 3), activation=0, limits={1: (0, 0), 2: _FLAG, 3: _FLAG}, ranks=(1, 5)),
    "BATCH_MATMUL": Rule(101, _TWO, limits={0: _FLAG, 1: _FLAG, 2: _FLAG}, ranks=(2, 5)),
    "AVERAGE_POOL_2D": _POOL, "MAX_POOL_2D": _POOL, "L2_POOL_2D": _POOL,
    "MEAN": _REDUCE, "SUM": _REDUCE, "REDUCE_MAX": _REDUCE, "REDUCE_MIN": _REDUCE, "REDUCE_PROD": _REDUCE,
    "ADD": _sum(11), "SUB": _sum(28), "MUL": _sum(21), "DIV": _sum(29),
    "MAXIMUM": _bare(39, _TWO, ranks=_PAIRED), "MINIMUM": _bare(39, _TWO, ranks=_PAIRED),
    "SQUARED_DIFFERENCE": _bare(76, _TWO, ranks=_PAIRED), "POW": _bare(56, _TWO, ranks=_PAIRED),
    "ABS": _bare(78, _ONE), "NEG": _bare(42, _ONE), "SQUARE": _bare(66, _ONE), "EXP": _bare(33, _ONE),
    "SQRT": Rule(0, _ONE), "RSQRT": Rule(0, _ONE), "LOG": Rule(0, _ONE), "FLOOR": Rule(0, _ONE),
    "SIN": Rule(0, _ONE), "COS": _bare(84, _ONE), "CEIL": Rule(0, _ONE), "ROUND": Rule(0, _ONE),
    "SIGN": _bare(123, _ONE),
    "RELU": Rule(0, _ONE), "RELU6": Rule(0, _ONE), "RELU_N1_TO_1": Rule(0, _ONE),
    "RELU_0_TO_1": Rule(0, _ONE),
    "LEAKY_RELU": Rule(75, _ONE, floats=(0,)), "PRELU": Rule(0, _TWO, ranks=(1, 4)), "ELU": Rule(0, _ONE),
    "GELU": Rule(116, _ONE, limits={0: _FLAG}),
    "HARD_SWISH": _bare(91, _ONE), "LOGISTIC": Rule(0, _ONE), "TANH": Rule(0, _ONE),
    "SOFTMAX": Rule(9, _ONE, floats=(0,), ranks=(1, 4)), "LOG_SOFTMAX": _bare(36, _ONE, ranks=(1, 4)),
    "L2_NORMALIZATION": Rule(12, _ONE, activation=0, ranks=(1, 4)),
    "LOCAL_RESPONSE_NORMALIZATION": Rule(13, _ONE, positive={0: 0}, floats=(1, 2, 3), ranks=_IMAGE),
    "QUANTIZE": _bare(89, _ONE), "DEQUANTIZE": _bare(38, _ONE), "CAST": _bare(37, _ONE),
    "RESHAPE": _bare(17, (1, 2), (0,)), "SQUEEZE": Rule(30, _ONE, lists=(0,)),
    "EXPAND_DIMS": _bare(52, _TWO, ranks=(0, 5)), "TRANSPOSE": _bare(26, _TWO), "SHAPE": Rule(55, _ONE),
    "CONCATENATION": Rule(10, (1, 64), activation=1), "PACK": Rule(59, (1, 64), counts=0, ranks=(0, 5)),
    "UNPACK": Rule(64, _ONE, (1, 64), counts=0),
    "SPLIT": Rule(35, _TWO, (1, 64), counts=0), "SPLIT_V": Rule(79, (3, 3), (1, 64), counts=0),
    "SLICE": _bare(48, (3, 3), ranks=(1, 5)), "GATHER": Rule(23, _TWO, zeros=(1,), ranks=(1, 5)),
    "STRIDED_SLICE": Rule(32, (4, 4), limits={5: (0, 0)}, zeros=(2, 3), ranks=(1, 5)),
    "PAD": _bare(22, _TWO, ranks=(1, 5)), "PADV2": _bare(43, (3, 3), ranks=(1, 5)),
    "MIRROR_PAD": Rule(77, _TWO, limits={0: _FLAG}, ranks=(1, 5)),
    "RESIZE_BILINEAR": Rule(15, _TWO, limits={2: _FLAG, 3: _FLAG}, ranks=_IMAGE),
    "RESIZE_NEAREST_NEIGHBOR": Rule(74, _TWO, limits={0: _FLAG, 1: _FLAG}, ranks=_IMAGE),
    "REVERSE_V2": _bare(81, _TWO, ranks=(1, 6)),
    "TILE": _bare(51, _TWO, ranks=(1, 6)),
    "SPACE_TO_DEPTH": Rule(19, _ONE, positive={0: 0}, ranks=_IMAGE),
    "DEPTH_TO_SPACE": Rule(94, _ONE, positive={0: 0}, ranks=_IMAGE),
    "ARG_MAX": Rule(40, _TWO, ranks=(1, 5)),
    "LESS": _bare(41, _TWO, ranks=_COMPARED), "LESS_EQUAL": _bare(46, _TWO, ranks=_COMPARED),
    "GREATER": _bare(44, _TWO, ranks=_COMPARED), "GREATER_EQUAL": _bare(45, _TWO, ranks=_COMPARED),
    "EQUAL": _bare(53, _TWO, ranks=_COMPARED), "NOT_EQUAL": _bare(54, _TWO, ranks=_COMPARED),
    "SELECT": _bare(47, (3, 3), ranks=_COMPARED), "SELECT_V2": _bare(98, (3, 3), ranks=_COMPARED),
}  # fmt: skip
