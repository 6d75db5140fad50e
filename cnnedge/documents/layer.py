"""Where the time of one row goes, by the runtime's own profiler."""

from dataclasses import dataclass

# A profiler's clock counts whole microseconds, so each operator's time is known to that.
RESOLUTION_MS = 0.001


@dataclass(frozen=True)
class Layer:
    """One operator as it ran; None for what nobody says.

    Attributes:
        name: the tensor of the file that it writes, where it is one of the file's operators.
        op: the file's operator; where it is none of the file's, the runtime's own word for it.
        kernel: what the runtime calls the code that ran it.
        runs_on: the delegate or provider, such as ``XNNPACK``, or ``LiteRT`` for its own kernels.
        ms: milliseconds of one image; ``share`` of the sum over all operators.
        macs: multiply-accumulates of one image.
        bytes: what it reads and writes for one image, weights included.
        float_ms: the same layer's in the float32 file of the same model and format.
    """

    name: str
    op: str
    kernel: str
    runs_on: str
    ms: float
    share: float
    macs: int | None
    bytes: int | None
    float_ms: float | None = None

    @property
    def short_name(self) -> str:
        """``conv2_1`` of ``net/conv2_1/Relu;…``: what tells a layer from the others; the operator where it has none."""
        parts = self.name.partition(";")[0].split("/")
        return (parts[-2] if len(parts) > 1 else parts[0]) or self.op

    @property
    def title(self) -> str:
        """Its name and its operator."""
        return self.op if self.short_name == self.op else f"{self.short_name} {self.op}"

    @property
    def slower_by_ms(self) -> float:
        """How much longer it takes than the float file's same layer; 0 where it is not, or has none."""
        return 0.0 if self.float_ms is None else max(0.0, self.ms - self.float_ms)

    @property
    def gmacs_per_s(self) -> float | None:
        return self.macs / self.ms / 1e6 if self.macs and self.ms else None


@dataclass(frozen=True)
class Profile:
    """How the layers' times were measured, in ms of one image: calls with the profiler and without it, in turn.

    Attributes:
        runs: profiled calls.
        sum_ms: all operators of a call.
        call_ms: a whole call without the profiler, p50.
        profiled_ms: a whole call with it.
        noise_ms: half of the 99 % interval of ``call_ms - sum_ms``, over the blocks of calls.
    """

    runs: int
    sum_ms: float
    call_ms: float
    profiled_ms: float
    noise_ms: float
    operators: int

    @property
    def cost_ms(self) -> float:
        """What the profiler itself adds to a call; a part of it lies inside of the operators' times."""
        return max(0.0, self.profiled_ms - self.call_ms)

    @property
    def bound_ms(self) -> float:
        """How far the operators' sum and a plain call may lie apart.

        Neither can be longer than a profiled call, so that what the two lack to it bounds their difference; besides the
        noise, and the clock's resolution for each operator.
        """
        slack = self.noise_ms + self.operators * RESOLUTION_MS
        return max(self.cost_ms, self.profiled_ms - self.sum_ms) + slack

    @property
    def agrees(self) -> bool:
        """Whether the operators add up to a call, within the bound."""
        return abs(self.call_ms - self.sum_ms) <= self.bound_ms
