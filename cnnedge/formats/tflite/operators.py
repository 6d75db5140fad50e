"""The TFLite operators that cnnedge lets LiteRT run, and what each must look like.

LiteRT's kernels trust a file's operator options: a stride of 0 divides by zero, options of another operator
are read as rubbish. So native code gets to see only operators whose arguments are understood here: those of
image classifiers. Option numbers and fields are those of the public schema.
"""

from dataclasses import dataclass, field

from cnnedge.formats.tflite.flatbuffer import Table

# Larger than any image or window that a classifier strides over; it keeps products within 32 bits.
LARGEST_STEP = 4096


@dataclass(frozen=True)
class Rule:
    """What an operator may look like.

    ``options`` is the number of its options table in the schema (0: it has none) and ``bare`` says that the
    table may be missing: nothing in it matters. ``positive`` are the table's int32 fields that must lie in
    1..LARGEST_STEP, with their schema default; ``lists`` those that hold a list of int32. ``counts`` is the
    field that must equal the number of inputs (PACK) or of outputs (SPLIT, UNPACK).
    """

    options: int
    inputs: tuple[int, int]
    outputs: tuple[int, int] = (1, 1)
    positive: dict[int, int] = field(default_factory=dict)
    lists: tuple[int, ...] = ()
    bare: bool = False
    counts: int | None = None

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
        return None


_ONE, _TWO = (1, 1), (2, 2)
_POOL = Rule(5, _ONE, positive={1: 0, 2: 0, 3: 0, 4: 0})
_REDUCE = Rule(27, _TWO)


def _bare(options: int, inputs: tuple[int, int], lists: tuple[int, ...] = ()) -> Rule:
    return Rule(options, inputs, lists=lists, bare=True)


RULES: dict[str, Rule] = {
    "CONV_2D": Rule(1, (2, 3), positive={1: 0, 2: 0, 4: 1, 5: 1}),
    "DEPTHWISE_CONV_2D": Rule(2, (2, 3), positive={1: 0, 2: 0, 5: 1, 6: 1}),
    "TRANSPOSE_CONV": Rule(49, (3, 4), positive={1: 0, 2: 0}),
    "FULLY_CONNECTED": Rule(8, (2, 3)),
    "BATCH_MATMUL": Rule(101, _TWO),
    "AVERAGE_POOL_2D": _POOL, "MAX_POOL_2D": _POOL, "L2_POOL_2D": _POOL,
    "MEAN": _REDUCE, "SUM": _REDUCE, "REDUCE_MAX": _REDUCE, "REDUCE_MIN": _REDUCE, "REDUCE_PROD": _REDUCE,
    "ADD": Rule(11, _TWO), "SUB": Rule(28, _TWO), "MUL": Rule(21, _TWO), "DIV": Rule(29, _TWO),
    "MAXIMUM": _bare(39, _TWO), "MINIMUM": _bare(39, _TWO), "SQUARED_DIFFERENCE": _bare(76, _TWO),
    "POW": _bare(56, _TWO),
    "ABS": _bare(78, _ONE), "NEG": _bare(42, _ONE), "SQUARE": _bare(66, _ONE), "EXP": _bare(33, _ONE),
    "SQRT": Rule(0, _ONE), "RSQRT": Rule(0, _ONE), "LOG": Rule(0, _ONE), "FLOOR": Rule(0, _ONE),
    "RELU": Rule(0, _ONE), "RELU6": Rule(0, _ONE), "RELU_N1_TO_1": Rule(0, _ONE),
    "RELU_0_TO_1": Rule(0, _ONE),
    "LEAKY_RELU": Rule(75, _ONE), "PRELU": Rule(0, _TWO), "ELU": Rule(0, _ONE), "GELU": Rule(116, _ONE),
    "HARD_SWISH": _bare(91, _ONE), "LOGISTIC": Rule(0, _ONE), "TANH": Rule(0, _ONE),
    "SOFTMAX": Rule(9, _ONE), "LOG_SOFTMAX": _bare(36, _ONE), "L2_NORMALIZATION": Rule(12, _ONE),
    "LOCAL_RESPONSE_NORMALIZATION": Rule(13, _ONE, positive={0: 0}),
    "QUANTIZE": _bare(89, _ONE), "DEQUANTIZE": _bare(38, _ONE), "CAST": _bare(37, _ONE),
    "RESHAPE": _bare(17, (1, 2), (0,)), "SQUEEZE": Rule(30, _ONE, lists=(0,)),
    "EXPAND_DIMS": _bare(52, _TWO), "TRANSPOSE": _bare(26, _TWO), "SHAPE": Rule(55, _ONE),
    "CONCATENATION": Rule(10, (1, 64)), "PACK": Rule(59, (1, 64), counts=0),
    "UNPACK": Rule(64, _ONE, (1, 64), counts=0),
    "SPLIT": Rule(35, _TWO, (1, 64), counts=0), "SPLIT_V": Rule(79, (3, 3), (1, 64), counts=0),
    "SLICE": _bare(48, (3, 3)), "STRIDED_SLICE": Rule(32, (4, 4)), "GATHER": Rule(23, _TWO),
    "PAD": _bare(22, _TWO), "PADV2": _bare(43, (3, 3)), "MIRROR_PAD": Rule(77, _TWO),
    "RESIZE_BILINEAR": Rule(15, _TWO), "RESIZE_NEAREST_NEIGHBOR": Rule(74, _TWO),
    "SPACE_TO_DEPTH": Rule(19, _ONE, positive={0: 0}), "DEPTH_TO_SPACE": Rule(94, _ONE, positive={0: 0}),
    "ARG_MAX": Rule(40, _TWO),
}  # fmt: skip
