import numpy as np
import pytest

from cnnedge.scoring.allowance import (
    LEAST_CHANCE,
    OVER,
    STOPPING_ERROR,
    UNCLEAR,
    WITHIN,
    can_tell,
    is_futile,
    is_hopeless,
    judge,
)


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


@pytest.mark.parametrize("share, saved", [(0.01, 0.0), (0.05, 0.5), (0.2, 0.75)])
def test_a_file_that_would_be_shown_to_stay_within_is_seldom_given_up(share, saved):
    """1,000 files as right as the baseline, looked at 8 times: at most so many given up that all images would have
    shown to stay within half a point, and ``saved`` of the images not seen."""
    rng, looks, block = np.random.default_rng(5), 8, 250
    flips = rng.choice([1, -1, 0], p=[share / 2, share / 2, 1 - share], size=(1000, looks, block))
    lost, gained = ((flips == sign).sum(axis=2).cumsum(axis=1).tolist() for sign in (1, -1))
    seen, wrongly = 0, 0
    for row in zip(lost, gained, strict=True):
        futile = (
            n for n, (down, up) in enumerate(zip(*row, strict=True), 1) if is_futile(down, up, block * n, 2000, 0.5)
        )
        last = next(futile, looks)
        seen += last
        wrongly += last < looks and judge(row[0][-1], row[1][-1], 2000, 0.5) == WITHIN
    assert wrongly <= LEAST_CHANCE * 1000
    assert 1 - seen / (looks * 1000) > saved


def test_what_all_images_may_still_show_is_not_futile():
    # 25 of 2,000 may be lost: 10 lost of 1,750 leave 15, and 1.96 roots of the 12 that flip are 7.
    assert not is_futile(10, 0, 1750, 2000, 1.25)
    # To gain what brings 23 lost and none gained within 12 takes luck, where 24 images flip in all.
    assert is_futile(23, 0, 1750, 2000, 0.6)
    assert not is_futile(23, 0, 2000, 2000, 0.6), "all were seen: nothing is given up"
    assert not is_futile(0, 0, 250, 2000, 100.0)
