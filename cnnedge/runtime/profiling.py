"""Where the time of one call goes: each operator's share, by the runtime's own profiler."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OperatorEvent:
    """One operator in one call.

    Attributes:
        op: as the runtime calls it, often with its kernel: ``Convolution (NHWC, QC8) IGEMM``, ``QLinearConv``.
        runs_on: the delegate or provider that ran it, such as ``XNNPACK``, or ``LiteRT`` for its own kernels.
        microseconds: whole ones, by the runtime's clock.
        number: that of the file's operator, where the runtime says which it is.
        name: what the runtime calls this one: the node, or the tensor that it writes.
        values: the numbers that it writes, where the runtime says.
        activation_bytes: what it reads and writes besides constants, where the runtime says.
    """

    op: str
    runs_on: str
    microseconds: int
    number: int | None = None
    name: str | None = None
    values: int | None = None
    activation_bytes: int | None = None


class OperatorProfiler(ABC):
    """A file opened a second time, with the runtime's profiler on; ``call_ns`` is what each call took, by our clock."""

    def __init__(self) -> None:
        self.call_ns: list[int] = []

    @abstractmethod
    def run(self, batch: np.ndarray) -> np.ndarray:
        """As ``Runner.run``, with every operator timed; what it took is added to ``call_ns``."""

    @abstractmethod
    def calls(self) -> list[list[OperatorEvent]]:
        """The operators of each ``run``, in the order of the calls; the profiler cannot be used afterwards.

        Raises:
            CnnedgeError: the profile does not hold what it should.
        """
