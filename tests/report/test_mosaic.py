"""Pictures in a terminal: as many as its columns take, in their own colours."""

import numpy as np

from cnnedge.data import ArraySplit
from cnnedge.report.mosaic import SIDE, mosaic


def test_pictures_of_every_class_fit_into_the_columns():
    images = np.zeros((20, 28, 28, 1), np.uint8)
    images[10:, :14] = 200  # of the second class, the upper half is light
    parts = {"train": ArraySplit(images, np.repeat(np.arange(2), 10))}
    (dark, _), (light, lines) = mosaic(parts, ("dark", "light"), columns=80)
    assert (dark, light) == ("dark", "light") and len(lines) == SIDE // 2
    assert all(line.plain.count("\N{UPPER HALF BLOCK}") == 5 * SIDE and len(line) <= 80 for line in lines)
    first, last = lines[0].spans[0].style, lines[-1].spans[0].style
    assert (str(first), str(last)) == ("#c8c8c8 on #c8c8c8", "#000000 on #000000")
    assert len(next(mosaic(parts, ("dark", "light"), columns=10))[1][0].plain.split()) == 1, "one at least"
