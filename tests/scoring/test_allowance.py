import numpy as np
import pytest

from cnnedge.scoring.allowance import OVER, STOPPING_ERROR, UNCLEAR, WITHIN, can_tell, is_hopeless, judge


@pytest.mark.parametrize(
    "lost, gained, images, max_drop, expected",
    [
        # Bonett and Price by hand: (1 - 1) / 2002 -+ 1.96 sqrt(2 / 2002**2) = -+0.14 points.
        (0, 0, 2000, 0.15, WITHIN),
        (0, 0, 2000, 0.13, UNCLEAR),
        # -0.999 points -+ 0.61: from -1.61 to -0.39.
        (30, 10, 2000, 1.7, WITHIN),
        (30, 10, 2000, 1.0, UNCLEAR),
        (30, 10, 2000, 0.3, OVER),
        (0, 0, 2000, 0.0, UNCLEAR),
        (0, 40, 2000, 0.0, WITHIN),
    ],
)
def test_the_whole_interval_decides(lost, gained, images, max_drop, expected):
    assert judge(lost, gained, images, max_drop) == expected


def test_no_number_of_images_shows_that_nothing_at_all_is_lost():
    assert not can_tell(1_000_000, 0.0)
    # 2.77 / (n + 2) < 0.5 %: 553 images and more.
    assert not can_tell(550, 0.5) and can_tell(556, 0.5)


def test_a_file_that_loses_what_it_may_is_seldom_given_up():
    """2,000 files that lose 1.5 points and gain 0.5, where 1 is allowed, looked at 8 times."""
    rng, looks, block = np.random.default_rng(5), 8, 250
    flips = rng.choice([1, -1, 0], p=[0.015, 0.005, 0.98], size=(2000, looks, block))
    lost, gained = ((flips == sign).sum(axis=2).cumsum(axis=1) for sign in (1, -1))
    stopped = [
        any(
            is_hopeless(int(down), int(up), block * n, 1.0, looks)
            for n, (down, up) in enumerate(zip(*row, strict=True), 1)
        )
        for row in zip(lost, gained, strict=True)
    ]
    # Three standard deviations of a count of 2,000 above the promised share.
    assert np.mean(stopped) < STOPPING_ERROR + 3 * np.sqrt(STOPPING_ERROR * (1 - STOPPING_ERROR) / 2000)
    # One that loses ten times as much is given up at the first look.
    assert is_hopeless(25, 0, 250, 1.0, looks)
