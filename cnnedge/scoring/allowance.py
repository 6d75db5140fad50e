"""Whether a file loses no more than it may, as far as the images can tell.

With ``d`` points allowed and the 95 % interval of the paired difference (see ``accuracy``):

    within    the whole interval lies above -d: a file that really loses d is called so once in 40
    over      the whole interval lies below -d
    unclear   anything else: these images are not enough to tell
"""

import math
from statistics import NormalDist

from cnnedge.scoring.accuracy import Z95, paired_interval

WITHIN, OVER, UNCLEAR = "within", "over", "unclear"
# Of a file that loses exactly what it may, or less, to be given up before all images were seen, over all looks.
STOPPING_ERROR = 0.05
# Of a file as right as the baseline to be shown to stay within by all images: with less it is given up.
LEAST_CHANCE = 0.1


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


def is_futile(lost: int, gained: int, images: int, of: int, max_drop_pp: float) -> bool:
    """Whether all ``of`` images will hardly show that a file stays within, as seen on the first ``images`` of them.

    The rest is taken as it would be were the file as right as the baseline: as many of its answers differ in right and
    wrong as so far, a share p, and each is lost or gained like a coin falls, so that what the ``rest`` loses is normal
    around 0 with variance p * rest. Futile is what then ends ``within`` with a probability below LEAST_CHANCE. Over all
    looks at it such a file is given up that would have been shown to stay within with at most this probability,
    however many looks there are: at the look that ends it, wherever that is, the probability was below it (stochastic
    curtailment; Lan, Simon, Halperin 1982, Sequential Analysis 1). It costs a proof, no claim: nothing is called
    ``within`` or ``over`` by it.
    """
    rest = of - images
    share = (lost + gained + 2) / (images + 2)  # as ``paired_interval`` reckons it
    # All may lose ``most`` more than they gain: -most - z sqrt(share of - most**2 / of) = -d of, solved for most.
    allowed, squared = max_drop_pp / 100 * of, Z95**2
    most = (allowed - math.sqrt(squared * max(0.0, share * of * (1 + squared / of) - allowed**2 / of))) / (
        1 + squared / of
    )
    spread = math.sqrt(share * rest)
    return rest > 0 and NormalDist().cdf((most - (lost - gained)) / spread) < LEAST_CHANCE


def can_tell(images: int, max_drop_pp: float) -> bool:
    """Whether so many images could show that a file stays within, were it to answer all of them as the baseline."""
    return judge(0, 0, images, max_drop_pp) == WITHIN


def _judged(lost: int, gained: int, images: int, max_drop_pp: float, z: float) -> str:
    low, high = paired_interval(lost, gained, images, z)
    if low > -max_drop_pp / 100:
        return WITHIN
    return OVER if high < -max_drop_pp / 100 else UNCLEAR
