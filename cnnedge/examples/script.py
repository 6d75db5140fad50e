"""What the worked examples in ``scripts/`` share: their options, a quick training for few images, pictures, errors."""

import argparse
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge import console
from cnnedge.errors import CnnedgeError
from cnnedge.names import HIGHEST_SEED

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from cnnedge.data import Dataset, Split
    from cnnedge.training.recipes import Recipe


def argument_parser(description: str, *, out: str) -> argparse.ArgumentParser:
    """The options that every example has; ``out`` is the default of ``--out``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("--model", type=Path, metavar="FILE.keras", help="use this trained network and skip the training")
    option(
        "--epochs",
        type=count,
        metavar="N",
        help="how often training goes through all images; the recipe's if not given",
    )
    option("--limit", type=count, metavar="N", help="use only N training and N test images: quicker, less right")
    option("--out", type=Path, metavar="DIR", default=Path(out), help="folder for everything (%(default)s); replaces "
           "an earlier run's pictures, keeps its trained network and uses it")  # fmt: skip
    option("--overwrite", action="store_true", help="train anew, although DIR holds a trained network")
    option("--show", action="store_true", help="open each picture, besides saving it")
    return parser


def limited(data: "Dataset", limit: int | None) -> "Dataset":
    """Only the first ``limit`` images of train, of validation and of test."""
    if limit is None:
        return data
    import numpy as np

    parts = {name: getattr(data, name) for name in ("train", "validation", "test")}
    return dataclasses.replace(data, **{name: part.take(np.arange(len(part))[:limit]) for name, part in parts.items()})


def first_of_class(split: "Split", label: int, count: int = 8) -> "np.ndarray":
    """The first ``count`` images of class ``label``: uint8 ``(n, H, W, C)``."""
    return split.pixels((split.labels == label).nonzero()[0][:count])


def quick_recipe(model: str, images: int, *, epochs: int | None = None) -> "Recipe":
    """The model's quick recipe, suited to a number of training images, at least 1.

    Few images get batches small enough for 50 steps an epoch, with a learning rate in proportion (Goyal et al., arXiv
    1706.02677), and an average of the weights over at most a tenth of all steps: a longer one would still hold the
    untrained weights at the end.
    """
    from cnnedge.training.recipes import recipe

    quick = recipe(model, "quick")
    epochs = epochs or quick.epochs
    batch_size = min(quick.batch_size, max(8, images // 50))
    return dataclasses.replace(
        quick,
        epochs=epochs,
        batch_size=batch_size,
        peak_learning_rate=quick.peak_learning_rate * batch_size / quick.batch_size,
        ema_momentum=min(quick.ema_momentum, max(0.0, 1 - 10 * batch_size / (epochs * images))),
    )


def save(figure: "Figure", path: Path, *, show: bool) -> None:
    """Write a picture, say where, and if wished open it in the system's viewer."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f"picture: {path}")
    if show:
        Image.open(path).show()


def run(walk_through: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """The exit code of ``walk_through(options)``; a failure becomes one line on standard error."""
    try:
        return walk_through(options)
    except CnnedgeError as error:
        console.say(f"error: {error}")
        return error.exit_code
    except OSError as error:
        console.say(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return 1
    except KeyboardInterrupt:
        console.say("error: interrupted; the next run goes on from here")
        return 1


def seed(text: str) -> int:
    """A seed of all that is random in a training, for ``argparse``."""
    if not text.isdecimal() or int(text) > HIGHEST_SEED:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to {HIGHEST_SEED}")
    return int(text)


def factor(text: str) -> float:
    """A factor on a network's width, for ``argparse``."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return found


def count(text: str) -> int:
    """A whole number of at least 1, for ``argparse``."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)
