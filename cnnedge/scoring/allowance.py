"""Whether a file loses no more than it may, as far as the images can tell.

With ``d`` points allowed and the 95 % interval of the paired difference (see ``accuracy``):

    within    the whole interval lies above -d: a file that really loses d is called so once in 40
    over      the whole interval lies below -d
    unclear   anything else: these images are not enough to tell
"""

from statistics import NormalDist

from cnnedge.scoring.accuracy import Z95, paired_interval

WITHIN, OVER, UNCLEAR = "within", "over", "unclear"
# Of a file that loses exactly what it may, or less, to be given up before all images were seen, over all looks.
STOPPING_ERROR = 0.05


def judge(lost: int, gained: int, images: int, max_drop_pp: float) -> str:
    """``within``, ``over`` or ``unclear``; ``lost`` images only the baseline has right, ``gained`` only the file."""
    return _judged(lost, gained, images, max_drop_pp, Z95)


def is_hopeless(lost: int, gained: int, images: int, max_drop_pp: float, looks: int) -> bool:
    """Whether a file may be given up on the first ``images`` of all, this being one of ``looks`` such looks.

    Each look may err with its share of STOPPING_ERROR (Bonferroni), one-sided, so that all of them together do not give
    up a file that keeps the limit more often than that.
    """
    z = NormalDist().inv_cdf(1 - STOPPING_ERROR / looks)
    return _judged(lost, gained, images, max_drop_pp, z) == OVER


def can_tell(images: int, max_drop_pp: float) -> bool:
    """Whether so many images could show that a file stays within, were it to answer all of them as the baseline."""
    return judge(0, 0, images, max_drop_pp) == WITHIN


def _judged(lost: int, gained: int, images: int, max_drop_pp: float, z: float) -> str:
    low, high = paired_interval(lost, gained, images, z)
    if low > -max_drop_pp / 100:
        return WITHIN
    return OVER if high < -max_drop_pp / 100 else UNCLEAR
