"""``synthetic:N``: N small pictures made on the spot, for tests and for what a machine's rate is without a disk."""

import io
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from cnnedge.data.sources.entry import Entry
from cnnedge.errors import UsageError

PREFIX = "synthetic:"
# Different pictures; the others repeat them.
_DIFFERENT = 256
_SIZE = 32


class Synthetic:
    """``count`` PNGs of 32 x 32 pixels in colour."""

    may_repeat = False

    def __init__(self, count: int) -> None:
        self.count = count

    @classmethod
    def parse(cls, text: str) -> "Synthetic":
        """``synthetic:1000`` is a thousand.

        Raises:
            UsageError: no number above 0 follows.
        """
        number = text.removeprefix(PREFIX)
        if not (number.isdecimal() and int(number)):
            raise UsageError(f"{text!r}: expected {PREFIX}N, with N pictures, at least 1")
        return cls(int(number))

    def entries(self, labels: Sequence[str] | None) -> Iterator[Entry]:
        return (Entry(f"synthetic/{number:09d}", "", number) for number in range(self.count))

    def encoded(self, entry: Entry) -> bytes:
        return self._pictures[entry.offset % _DIFFERENT]

    @cached_property
    def _pictures(self) -> list[bytes]:
        from PIL import Image

        # Coarse random colours, smoothed to the full size: as compressible as photos of that size.
        random = np.random.default_rng(0)
        found = []
        for coarse in random.integers(0, 256, (_DIFFERENT, 8, 8, 3), np.uint8):
            stream = io.BytesIO()
            Image.fromarray(coarse).resize((_SIZE, _SIZE), Image.Resampling.BICUBIC).save(stream, "PNG")
            found.append(stream.getvalue())
        return found
