"""The mistakes that apps make at the two ends of a model file, each with a name, what was found, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One mistake: a ``name`` that scripts may rely on, what was ``found``, and what to do instead (``fix``)."""

    name: str
    found: str
    fix: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found}; {self.fix}"


@dataclass(frozen=True)
class Diagnosis:
    """What a dump is: golden picture ``image``, None if that is unclear, with ``mistakes``; none of them is a match.

    ``explained`` 0..1 says how much of the dump that accounts for. ``any_of`` is true where each of the mistakes alone
    gives what was dumped, so that only one of them need have been made.
    """

    explained: float
    image: int | None
    mistakes: tuple[Mistake, ...]
    any_of: bool = False


BGR = Mistake("bgr", "blue comes first (BGR for RGB)", "feed red, green, blue")
ALPHA = Mistake("alpha", "four values per pixel, with alpha", "leave alpha out: three values, or one for a grey file")
GREY_FOR_RGB = Mistake("grey-for-rgb", "one grey value per pixel", "feed red, green, blue")
RGB_FOR_GREY = Mistake("rgb-for-grey", "three values per pixel", "feed one: 0.299 red + 0.587 green + 0.114 blue")
CHANNEL_FIRST = Mistake(
    "channel-first", "all of one colour, then all of the next (NCHW)", "feed the colours of each pixel together (NHWC)"
)
CHANNEL_LAST = Mistake(
    "channel-last", "the colours of each pixel together (NHWC)", "feed all of one colour, then all of the next (NCHW)"
)
TRANSPOSED = Mistake(
    "transposed", "rows and columns are exchanged", "feed row by row: y in the outer loop, x in the inner one"
)
ANTITRANSPOSED = Mistake(
    "antitransposed", "mirrored along the diagonal from the top right", "feed row by row, from the top left"
)
FLIPPED_HORIZONTALLY = Mistake("flipped-horizontally", "left and right are exchanged", "do not mirror the picture")
FLIPPED_VERTICALLY = Mistake("flipped-vertically", "the bottom row comes first", "feed the top row first")
ROTATED_90 = Mistake("rotated-90", "turned by 90 degrees clockwise", "turn the picture upright first")
ROTATED_180 = Mistake("rotated-180", "turned by 180 degrees", "turn the picture upright first")
ROTATED_270 = Mistake("rotated-270", "turned by 90 degrees counter-clockwise", "turn the picture upright first")

# What is wrong with values is put right by feeding what the file asks for: see ``values.what_to_feed``.
SCALED = Mistake("scaling", "pixels scaled to 0..1", "")
SCALED_TWICE = Mistake("scaling-twice", "pixels divided by 255 twice", "")
NOT_SCALED = Mistake("scaling-missing", "pixels 0..255 as they are", "")
MULTIPLIED = Mistake("scaling-up", "pixels multiplied by 255", "")
INVERTED = Mistake("inverted", "dark and bright are exchanged", "")
SHIFTED = Mistake("shifted", "128 was subtracted from the pixels", "")
CUT = Mistake(
    "scaling", "only a few whole numbers: scaled pixels were cut to integers", "feed numbers before they are cut"
)
CONSTANT = Mistake(
    "constant", "all values are the same", "check that the buffer is filled, rewound, and not scaled to nothing"
)
NOT_A_NUMBER = Mistake("not-a-number", "there are values that are no numbers", "check the division and the buffer")
BYTE_ORDER = Mistake("byte-order", "numbers are big endian", "use order(ByteOrder.nativeOrder()) for the ByteBuffer")
BYTES_IN_BUFFER = Mistake(
    "dtype", "uint8 for float32: bytes at the start of a larger buffer, then zeros", "write one number for each pixel"
)

LOGITS = Mistake("logits", "logits, whose softmax is right", "this is no output of this file, which ends in a softmax")
SOFTMAX_TWICE = Mistake("softmax-twice", "a softmax was applied to probabilities", "use the output as it is")
PERCENT = Mistake("percent", "percentages", "the file gives probabilities 0..1")
SORTED = Mistake("label-order", "sorted by score", "leave the output in the labels' order until labels are attached")
ALPHABETICAL = Mistake("label-order", "in the alphabetical order of the labels", "use the labels in the file's order")
REORDERED = Mistake("label-order", "the right values in another order", "use the labels in the file's order")
UNKNOWN_INPUT = Mistake(
    "unknown", "nothing like any picture of the golden folder", "feed one of its pictures and dump what the file is fed"
)
UNKNOWN_OUTPUT = Mistake(
    "unknown", "no answer to any picture of the golden folder", "feed one of its pictures; match what is fed as well"
)


def wrong_dtype(found: str, expected: str) -> Mistake:
    """Numbers of another type than the file's."""
    return Mistake("dtype", f"{found} for {expected}", f"feed or read {expected}")


def normalized(what: str) -> Mistake:
    """Pixels with a mean subtracted and divided by a deviation."""
    return Mistake("mean-deviation", f"pixels normalized with {what}", "")


def resized(how: str) -> Mistake:
    """A picture brought to the file's size in another way than by squashing it with antialiasing."""
    return Mistake("resize", how, "squash the whole picture with an antialiased bilinear filter")


def several(count: int) -> Mistake:
    return Mistake("batch", f"{count} images at once", "the file takes one: feed each on its own")


def another_image(found: int, expected: int) -> Mistake:
    return Mistake("image", f"picture {found:02d}, not {expected:02d}", "feed the picture that was asked for")


def wrong_size(found: str, expected: int) -> Mistake:
    return Mistake("size", found, f"the file takes {expected:,} bytes for one image")


def dequantized(how: str, right: str) -> Mistake:
    """Quantized outputs turned into probabilities wrongly."""
    return Mistake("dequantization", how, f"probability = {right}")
