"""What a benchmark was made with: when and how, on which machine and images, and what the machine did meanwhile."""

from dataclasses import dataclass

from cnnedge.records import always


@dataclass(frozen=True)
class Made:
    """By which version, when (ISO 8601, UTC), how long it took, and what the person named."""

    cnnedge: str
    at: str
    seconds: float
    paths: list[str] | None = always()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How it was measured; ``process_spread`` is what the starts of one file differ by, in the median row."""

    num_runs: int
    rounds: int
    processes: int | None = always()
    warmup_runs: int
    threads: int
    device: str = always("cpu")
    process_spread: float | None = always()
    speedup_confidence: float | None = always()
    sustained_minutes: float = always(0.0)
    margin_pp: float


@dataclass(frozen=True)
class Conditions:
    """What the machine did besides: fractions of all cores, and readings before and after (None: it does not tell)."""

    busy_before: float
    load_1min: float
    steal: float
    temperature_c: list[float | None]
    mhz: list[int | None]
    throttled: bool | None


@dataclass(frozen=True)
class Facts:
    """What explains a timing on a machine; None for what it does not tell.

    ``cpu_flags``: those of ``machine.hardware.FLAGS`` that it has; ``packages``: version by name, of those installed.
    """

    cpu: str
    cores: int
    cpu_flags: list[str]
    arch: str
    os: str
    python: str
    governor: str | None
    virtual: bool
    memory_mb: int
    packages: dict[str, str]


@dataclass(frozen=True)
class Machine(Facts):
    """A machine, and what it did during a benchmark."""

    conditions: Conditions | None


@dataclass(frozen=True)
class Data:
    """Which images, ``full_images`` of which are in the whole split; ``sha256`` as in ``data.splits.Split``."""

    name: str
    split: str
    images: int
    sha256: str
    full_images: int
    labels: list[str]
    source: str
    is_sample: bool


@dataclass(frozen=True)
class Learned:
    """How many of ``images`` pictures that the float Keras model was trained on, as they are, it has right."""

    images: int
    right: int

    @property
    def top1(self) -> float:
        return self.right / self.images


@dataclass(frozen=True)
class Load:
    """What the whole machine did under sustained load: readings at the seconds ``at_s``.

    ``throttle_events`` are those that an Intel CPU counted since the first reading.
    """

    minutes: float
    seconds: float
    window_s: float
    at_s: list[float]
    temperature_c: list[float | None]
    mhz: list[int | None]
    throttled: list[bool | None]
    throttle_events: list[int | None] | None = always()


@dataclass(frozen=True)
class Sentence:
    """``kind`` is ``measured``, ``explanation`` or ``prediction``."""

    kind: str
    text: str


@dataclass(frozen=True)
class Work:
    """Multiply-accumulates of one image by file, and which files are other people's."""

    macs: dict[str, int | None]
    anchors: list[str]
