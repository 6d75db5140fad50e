"""How a network of so many photos is trained: size, batches, epochs and augmentation that fit them."""

from dataclasses import replace

from cnnedge.photos.survey import Survey
from cnnedge.training.recipes import Augmentation, Recipe

# keras.applications has weights of MobileNetV2 for each of them; photos of phones lose little that names a thing.
SIZES = (96, 128, 160)
# More photos than this are trained at 96 pixels from nothing, so that 2,000 stay within half an hour on two cores.
FEW = 1_500
# Photos that a network from nothing sees in all: 1,300 of them 92 times. On two cores 190 a second at 96 pixels.
SEEN = 120_000
# A network that knows ImageNet is only fitted to them.
SEEN_FROM_BASE = 12_000
# Of the photos that are not for testing, for validation and for calibration: hold_out allows a fifth each.
VALIDATION_PART, CALIBRATION_PART = 0.19, 0.08
MOST_VALIDATION, MOST_CALIBRATION = 2_000, 300
TRAINING_PART = 0.8
# What a step keeps of every layer grows with the pixels of its batch. A training of our own network at 224 x 224 took
# 1,578 MB in all with 16 photos in a batch, 99 MB of them being photos kept, and 1,240 MB with 8 and 75; up to 200 MB
# of photos are kept.
BATCH_PIXELS = 16 * 160**2


def size_for(found: Survey, *, from_base: bool) -> int:
    """Pixels a side: no more than the photos have, and fewer where training from nothing would take too long."""
    wanted = 160 if from_base else 128 if found.pictures <= FEW else 96
    return min(wanted, max(SIZES[0], -(-found.side // 32) * 32))


def held_out(pictures: int) -> tuple[int, int]:
    """How many of ``pictures`` are held out for validation and for calibration."""
    pool = TRAINING_PART * pictures
    return (
        max(1, min(MOST_VALIDATION, int(VALIDATION_PART * pool))),
        max(1, min(MOST_CALIBRATION, int(CALIBRATION_PART * pool))),
    )


def recipe_for(images: int, size: int, *, from_base: bool, epochs: int | None = None) -> Recipe:
    """The recipe for ``images`` training photos of ``size`` x ``size``.

    From nothing: many epochs, and photos that are shifted, turned, zoomed and mirrored. From a base: few, small steps.
    """
    batch = _batch(images, BATCH_PIXELS // size**2)
    seen = SEEN_FROM_BASE if from_base else SEEN
    least, most = (4, 20) if from_base else (15, 120)
    chosen = Recipe(
        epochs=epochs or max(least, min(most, round(seen / max(1, images)))),
        batch_size=batch,
        # Of batches of 128 the rate is 0.2 (see ``recipes``); it goes with the size of the batch.
        peak_learning_rate=0.2 * batch / 128,
        label_smoothing=0.05,
        augmentation=Augmentation(shift=size // 10, flip=True, rotate=10, zoom=0.15, fill=121),
        qat_epochs=2,
        calibration_images=MOST_CALIBRATION,
    )
    return replace(chosen, peak_learning_rate=0.01 * batch / 32, weight_decay=1e-4) if from_base else chosen


def _batch(images: int, most: int) -> int:
    """A power of two from 8 to 128 and up to ``most``, 32 steps an epoch or more where there are enough photos."""
    batch = 128
    while batch > 8 and (batch * 32 > images or batch > most):
        batch //= 2
    return max(1, min(batch, images))
