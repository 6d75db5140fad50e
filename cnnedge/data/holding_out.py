"""How validation and calibration pictures are held out of the training pictures."""

import logging
from collections.abc import Sequence

import numpy as np

from cnnedge.data.splits import Split, occurs_once
from cnnedge.errors import DataError

# The most that validation and calibration may each take of the training images.
MAX_HELD_OUT = 0.2
_log = logging.getLogger(__name__)


def hold_out(
    training: Split, others: Sequence[Split], *, seed: int, validation: int, calibration: int
) -> tuple[Split, Split, Split]:
    """Part the training images into train, validation and calibration, chosen by ``seed``.

    An image whose pixels occur in one of ``others`` or more than once in ``training`` stays in train: a model would be
    validated on what it was trained on, or calibrated on what it is tested on. Validation and calibration
    each take at most a fifth of the training images; a warning says so when that is less than asked for.

    Raises:
        DataError: too few of the training images are different from all the others.
    """
    validation, calibration = _granted(len(training), validation, calibration)
    candidates = _found_nowhere_else(training, others)
    wanted = validation + calibration
    if len(candidates) < wanted:
        raise DataError(
            f"only {len(candidates):,} of {len(training):,} training images differ from all others, expected "
            f"at least {wanted:,} for validation and calibration: remove duplicates or hold out fewer"
        )
    chosen = np.random.default_rng(seed).permutation(candidates)[:wanted]
    rest = np.setdiff1d(np.arange(len(training)), chosen)
    return training.take(rest), training.take(chosen[:validation]), training.take(chosen[validation:])


def _granted(images: int, validation: int, calibration: int) -> tuple[int, int]:
    """What each part gets of ``images`` training images; a warning says where that is less."""
    if min(validation, calibration) < 0:
        raise ValueError(f"validation={validation} and calibration={calibration}, expected at least 0 each")
    most = int(images * MAX_HELD_OUT)
    granted = min(validation, most), min(calibration, most)
    for part, got, asked in zip(("validation", "calibration"), granted, (validation, calibration), strict=True):
        if got != asked:
            _log.warning("only %d training images: %s gets %d of them, not %d", images, part, got, asked)
    return granted


def _found_nowhere_else(training: Split, others: Sequence[Split]) -> np.ndarray:
    """Indices of the training images whose pixels occur once in ``training`` and never in ``others``."""
    hashes = training.hashes()
    elsewhere = {digest for other in others for digest in other.hashes()}
    only_here = np.array([digest not in elsewhere for digest in hashes], bool)
    return np.flatnonzero(occurs_once(hashes) & only_here)
