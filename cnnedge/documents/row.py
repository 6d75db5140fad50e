"""One row of ``benchmark.json``: a file called in one way, and what was measured of it. None: not measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnedge.documents.layer import Layer, Profile
from cnnedge.documents.under_load import Power, Sustained, Throughput
from cnnedge.records import always, known

FORMATS = ("tflite", "onnx", "keras")
# A loss of more percentage points is marked wherever it is shown.
GREAT_LOSS_PP = 1.0


@dataclass(frozen=True)
class Preprocessing:
    """What a file is fed: ``(pixel - mean) / std`` of pixels 0..255, a number or one per channel.

    ``source`` says who asks for it: ``passport``, ``options`` (the person's), ``metadata`` (standard TFLite),
    ``assumed`` (nobody says) or ``contract`` (our Keras models).
    """

    mean: list[float]
    std: list[float]
    source: str


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one image, the runtime call alone."""

    p50: float
    p90: float
    p99: float
    min: float
    mean: float
    runs: int


@dataclass(frozen=True)
class EndToEnd:
    """Milliseconds from decoded image to label."""

    p50: float
    p90: float


@dataclass(frozen=True)
class Samples:
    """Every timed call in nanoseconds, a list for each round; and the number of the start that each round timed."""

    call: list[list[int]]
    end_to_end: list[list[int]]
    process: list[int]


@dataclass(frozen=True)
class LostClass:
    """The class that lost most against the baseline."""

    label: str
    delta_pp: float


@dataclass(frozen=True)
class Flip:
    """An image that is answered otherwise than by the baseline; all but ``image`` are classes."""

    image: int
    label: int
    baseline: int
    predicted: int


@dataclass(frozen=True)
class Mistake:
    """An image that is answered wrongly, both classes, and the probability of the wrong one, 0..1."""

    image: int
    label: int
    predicted: int
    confidence: float


@dataclass(frozen=True)
class Browser:
    """The phone or computer in whose browser a file ran, and how its answers compared with Python's.

    ``same`` of ``pictures`` answers were Python's own, ``largest_difference`` is that of a probability, and up to
    ``tolerance`` (0: bit for bit) counts as the same. ``calls_per_reading`` calls were timed together where the
    browser's clock, of ``clock_step_ms``, is too coarse for one; the percentiles are then those of their means.
    """

    device: str
    user_agent: str
    pictures: int
    same: int
    largest_difference: float
    tolerance: float
    calls_per_reading: int
    clock_step_ms: float

    @property
    def is_right(self) -> bool:
        """Whether every answer was Python's."""
        return self.same == self.pictures


@dataclass(frozen=True)
class Nodes:
    """How many of the graph's nodes the runtime's delegate (XNNPACK, a GPU) runs."""

    delegated: int
    total: int

    @property
    def in_part(self) -> bool:
        return self.delegated < self.total


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which file, called how, on what; ``images`` is 0 where it was not classified, ``float_operators`` what an
    integer file calculates in float, by layer."""

    file: str
    mode: str
    format: str
    precision: str
    qat: bool
    sha256: str = always("")
    runtime: str | None
    device: str
    threads: int | None
    size_bytes: int
    preprocessing: Preprocessing | None = always()
    images: int
    load_ms: float | None
    first_ms: float | None
    peak_rss_mb: float | None
    nodes: Nodes | None = None
    float_operators: list[str] | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"format is {self.format!r}, expected one of {', '.join(FORMATS)}")


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Fractions 0..1; ``top1_low`` and ``top1_high`` are the 95 % Wilson interval; ``mistakes`` the surest ones.

    ``columns`` are the file's outputs in the order of the data's classes, where its names have another one.
    """

    top1: float | None
    top1_low: float | None
    top1_high: float | None
    ece: float | None
    nll: float | None
    per_class: list[float | None] | None
    confusion: list[list[int]] | None
    shares_accuracy_with: str | None
    mistakes: list[Mistake] | None = None
    columns: list[int] | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The row beside the baseline on the same images; ``delta_pp`` in percentage points."""

    delta_pp: float | None
    delta_low_pp: float | None
    delta_high_pp: float | None
    agreement: float | None
    verdict: str | None
    mcnemar_p: float | None
    lost: int | None
    gained: int | None
    most_lost_class: LostClass | None
    flips: list[Flip] | None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long a call takes; the spreads are fractions, ``speedup`` is against the fastest way to call Keras."""

    latency_ms: Latency | None
    end_to_end_ms: EndToEnd | None
    round_spread: float | None = always()
    process_spread: float | None = always()
    samples_ns: Samples | None
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None


# The order of the bases is the reverse of the order in JSON: a dataclass takes its fields from the last base first.
@dataclass(frozen=True, kw_only=True)
class Row(Timing, Comparison, Accuracy, Identity):
    """Everything that is known of one file, called in one way."""

    sustained: Sustained | None = always()
    layers: list[Layer] | None = None
    profile: Profile | None = None
    throughput: list[Throughput] | None = None
    energy_mj: float | None = None
    power: Power | None = None
    browser: Browser | None = None
    error: str | None

    @property
    def label(self) -> str:
        """The file's name, with the way it is called where there are several."""
        return f"{self.file} ({self.mode})" if self.mode else self.file

    def short_label(self, rows: Sequence["Row"]) -> str:
        """What tells the row from the others: "tflite int8 qat", or its file where that is not enough."""
        words = [self.format, self.mode or self.precision, "qat" if self.qat else ""]
        alike = [other for other in rows if other._kind == self._kind]
        return " ".join(word for word in words if word) if len(alike) == 1 else self.file

    @property
    def _kind(self) -> tuple[str, str, str, bool]:
        return self.format, self.mode, self.precision, self.qat

    @property
    def top1_interval(self) -> tuple[float, float, float]:
        """Top-1 of a classified row and its 95 % interval, low and high, as fractions."""
        return known(self.top1), known(self.top1_low), known(self.top1_high)

    @property
    def p50_ms(self) -> float | None:
        """The median latency of one image, in milliseconds."""
        return None if self.latency_ms is None else self.latency_ms.p50

    @property
    def cold_start_ms(self) -> float | None:
        """From an unopened file to its first answer, in milliseconds: loading and the first call."""
        return None if self.load_ms is None or self.first_ms is None else self.load_ms + self.first_ms

    @property
    def is_great_loss(self) -> bool:
        """Whether it is less accurate than the baseline by more than a point, and by more than chance."""
        return self.verdict == "worse" and known(self.delta_pp) < -GREAT_LOSS_PP

    @property
    def difference_shown(self) -> bool:
        """Whether the speed-up's interval excludes 1."""
        low, high = self.speedup_low, self.speedup_high
        return low is not None and high is not None and not low <= 1 <= high

    @property
    def is_fastest_keras(self) -> bool:
        """Whether this row is what the speed-ups refer to."""
        return self.format == "keras" and self.speedup_low == self.speedup_high == 1
