"""How each model is trained: frozen recipes, two presets per model.

``quick`` shows that everything works: minutes on two CPU cores. ``full`` is the recipe for a model worth shipping:
hours on two cores, minutes on a GPU.

Where the numbers come from (public measurements on CIFAR-10, single networks of this size):

- SGD with Nesterov momentum 0.9: ResNet-20, 400 epochs, tuned grids: 92.39 % against 90.19 % for AdamW.
- Batch 128, peak learning rate 0.2 to 0.4: ResNet-preact-20, 200 epochs, rates .05/.1/.2/.4/.8 gave
  8.81/8.09/7.96/7.28/7.54 % error.
- Weight decay: the literature's coupled 5e-4 is ``decay = rate * 5e-4 / (1 - momentum)`` per step in the steady state;
  Keras decouples it (``weight -= weight * rate * weight_decay``), so the same pull is 10 * 5e-4 = 5e-3.
- Average of the weights: a horizon of ``1 / (1 - ema_momentum)`` steps must be short against the run, and is: 100 steps
  for the quick presets (thousands of steps), 1,000 for the full ones (tens of thousands).
- Cutout: on MNIST 0.40 % error became 0.25 % (ResNet-preact-20), on CIFAR-10 5.85 % became 4.96 % (ResNet-preact-56).
  No preset has it: on MNIST it costs networks of this size accuracy, and TrivialAugment takes its place on CIFAR-10.
  exported/TRAINING.md has what was measured here, Muon among it.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnedge.errors import UsageError
from cnnedge.names import expected_one_of

PRESETS = ("quick", "full")
# The kernels, (height, width), that are trained beside each 3 x 3 one: those of ACNet, and the 1 x 1 of RepVGG.
BRANCHES: dict[str, tuple[tuple[int, int], ...]] = {
    "none": (),
    "asymmetric": ((1, 3), (3, 1)),
    "pointwise": ((1, 1),),
}


def _check(holds: bool, name: str, value: float, expected: str) -> None:
    if not holds:
        raise UsageError(f"{name} is {value}, expected {expected}")


@dataclass(frozen=True)
class Augmentation:
    """Random changes to each training image; 0 and False leave that change out.

    shift: at most this many pixels up, down, left, right.
    flip: mirror left-right in every second epoch of each image.
    cutout: side of a square, in pixels, that is painted with ``fill`` (0..255) at a random place.
    rotate: at most this many degrees either way.
    zoom: at most this fraction larger or smaller.
    trivial: one of fourteen operations, at a random strength (see ``trivial``); outside lies ``fill``.
    erase: share of the images into which a rectangle of noise is painted.
    mixup, cutmix: the alpha of the distribution by which two images become one, blended or with a box of the other
    (see ``mixing``); the published ones are 0.2 to 1, and 1.
    """

    shift: int = 0
    flip: bool = False
    cutout: int = 0
    fill: int = 0
    rotate: float = 0.0
    zoom: float = 0.0
    trivial: bool = False
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name in ("shift", "cutout"):
            _check(getattr(self, name) >= 0, name, getattr(self, name), "at least 0 pixels")
        _check(0 <= self.fill <= 255, "fill", self.fill, "a pixel value 0..255")
        _check(0 <= self.rotate < 180, "rotate", self.rotate, "degrees in 0..180")
        _check(0 <= self.zoom < 1, "zoom", self.zoom, "a fraction in 0..1")
        _check(0 <= self.erase <= 1, "erase", self.erase, "a share of the images in 0..1")
        for name in ("mixup", "cutmix"):
            _check(0 <= getattr(self, name) < math.inf, name, getattr(self, name), "at least 0")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, besides the model, the data and the seed.

    ``warmup_fraction`` of all steps go to a linear rise from 0 to ``peak_learning_rate``; a cosine to 0 follows.
    ``weight_decay`` is decoupled and acts on kernels only. ``ema_momentum`` 0 keeps no average of the weights. With a
    teacher, the loss is ``(1 - teacher_weight)`` times the cross entropy plus ``teacher_weight`` times the divergence
    from the teacher at ``temperature`` (Hinton et al., arXiv 1503.02531). ``qat_*`` and ``calibration_images`` are for
    the quantization that follows the training. ``branches`` is one of BRANCHES: what is trained beside each convolution
    and fused into it at the end (see ``reparameterize``). ``half``: compute in bfloat16 (see ``learner``).
    ``muon_rate``: by how much of its length a step turns a convolution's kernel at the peak (see ``muon``); 0 leaves
    kernels to SGD, like all else.
    """

    epochs: int
    batch_size: int = 128
    peak_learning_rate: float = 0.2
    warmup_fraction: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-3
    label_smoothing: float = 0.0
    ema_momentum: float = 0.99
    augmentation: Augmentation = Augmentation()
    teacher_weight: float = 0.9
    temperature: float = 4.0
    qat_epochs: int = 1
    qat_learning_rate: float = 1e-3
    calibration_images: int = 500
    branches: str = "none"
    half: bool = False
    muon_rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "calibration_images"):
            _check(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        _check(self.qat_epochs >= 0, "qat_epochs", self.qat_epochs, "at least 0")
        for name in ("peak_learning_rate", "qat_learning_rate", "temperature"):
            _check(getattr(self, name) > 0, name, getattr(self, name), "more than 0")
        _check(self.weight_decay >= 0, "weight_decay", self.weight_decay, "at least 0")
        for name in ("warmup_fraction", "momentum", "label_smoothing", "ema_momentum", "muon_rate"):
            _check(0 <= getattr(self, name) < 1, name, getattr(self, name), "at least 0 and below 1")
        _check(self.momentum > 0 or not self.muon_rate, "momentum", self.momentum, "more than 0 with a muon_rate")
        _check(0 <= self.teacher_weight <= 1, "teacher_weight", self.teacher_weight, "0..1")
        if self.branches not in BRANCHES:
            raise UsageError(f"unknown --branches {self.branches!r}: {expected_one_of(self.branches, BRANCHES)}")


_DIGITS = Augmentation(shift=2, rotate=10, zoom=0.1)
_PHOTOS = Augmentation(shift=4, flip=True)
# What TrivialAugment's turn or shear leaves bare: 121 is the mean CIFAR-10 training pixel (0.473 of 255), which says
# nothing; digits stand on black.
_BARE = {"mnist": 0, "mnist-tiny": 0, "cifar10": 121, "cifar10-small": 121}
_PHOTOS_TRIVIAL = Augmentation(shift=4, flip=True, fill=_BARE["cifar10"], trivial=True)

RECIPES: dict[tuple[str, str], Recipe] = {
    ("mnist", "quick"): Recipe(epochs=3, weight_decay=1e-3, augmentation=_DIGITS),
    # 34,000 weights under-fit: cutout 8 made 39 errors on 10,000 held-out training digits 69 (20 epochs).
    ("mnist", "full"): Recipe(
        epochs=60,
        ema_momentum=0.999,
        augmentation=_DIGITS,
        qat_epochs=4,
    ),
    ("mnist-tiny", "quick"): Recipe(epochs=5, weight_decay=5e-4, augmentation=_DIGITS),
    ("mnist-tiny", "full"): Recipe(
        epochs=60,
        weight_decay=5e-4,
        ema_momentum=0.999,
        augmentation=_DIGITS,
        qat_epochs=4,
    ),
    ("cifar10", "quick"): Recipe(epochs=5, augmentation=Augmentation(shift=2, flip=True)),
    # 466,000 weights over-fit with less augmentation, and want long with this one: see exported/TRAINING.md.
    ("cifar10", "full"): Recipe(
        epochs=150,
        label_smoothing=0.05,
        ema_momentum=0.999,
        augmentation=_PHOTOS_TRIVIAL,
        qat_epochs=4,
        muon_rate=0.05,
    ),
    ("cifar10-small", "quick"): Recipe(epochs=8, weight_decay=2e-3, augmentation=Augmentation(shift=2, flip=True)),
    # 80,000 weights under-fit by SGD: Muon, less decay, no smoothing, no cutout.
    ("cifar10-small", "full"): Recipe(
        epochs=180,
        weight_decay=2e-3,
        ema_momentum=0.999,
        augmentation=_PHOTOS,
        qat_epochs=4,
        muon_rate=0.05,
    ),
}


def recorded(found: Mapping[str, Any]) -> Recipe:
    """The recipe that ``dataclasses.asdict`` wrote into a record; settings that came later have their defaults.

    Raises:
        KeyError, TypeError, UsageError: it is no recipe.
    """
    return Recipe(**{**found, "augmentation": Augmentation(**found["augmentation"])})


def recipe(model: str, preset: str, *, trivial: bool = False, **settings: Any) -> Recipe:
    """The recipe of ``model`` under ``preset`` ("quick" or "full"), with what is given instead.

    Args:
        trivial: TrivialAugment as well, for photos with their mean where it leaves an image bare. settings: fields of
            ``Recipe``; None leaves the preset's.

    Raises:
        UsageError: no such model or preset; the message lists those that exist.
    """
    models = sorted({name for name, _ in RECIPES})
    if model not in models:
        raise UsageError(f"no recipe for model {model!r}: {expected_one_of(model, models)}")
    if preset not in PRESETS:
        raise UsageError(f"unknown preset {preset!r}: {expected_one_of(preset, PRESETS)}")
    chosen = RECIPES[model, preset]
    if trivial:
        settings["augmentation"] = dataclasses.replace(chosen.augmentation, trivial=True, fill=_BARE[model])
    return dataclasses.replace(chosen, **{name: value for name, value in settings.items() if value is not None})
