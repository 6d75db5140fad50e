"""How accuracy, size and work of a network follow its width, from short trainings.

    python scripts/width_curve.py cifar10 [--widths 0.5 1 1.5] [--epochs N] [--limit N]

Trains MODEL with its quick recipe once at each width, converts each to int8, and classifies the test images. Writes
exported/MODEL/width.json, which `cnnedge card` shows. The trained networks are not kept. The three
default widths are 3.5 times the work of one quick training.
"""

import argparse
import sys
from pathlib import Path

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.examples import script
from cnnedge.files import refuse_existing


def main(options: argparse.Namespace) -> int:
    out = options.out or Path("exported") / options.model / "width.json"
    refuse_existing([out], overwrite=options.overwrite)
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.model.networks import model_spec
    from cnnedge.training.job import TrainingJob
    from cnnedge.training.recipes import recipe

    spec = model_spec(options.model)
    quick = recipe(options.model, "quick", epochs=options.epochs, batch_size=options.batch_size)
    job = TrainingJob(options.model, quick, options.seed)
    require_tensorflow()
    from cnnedge.studies.widths import measure_widths, write_widths

    with console.progress() as progress:
        data = datasets.load(
            spec.dataset, image_shape=spec.input_shape, calibration=quick.calibration_images, progress=progress
        )
        found = measure_widths(job, script.limited(data, options.limit), options.widths, progress=progress)
    write_widths(out, found)
    print(f"{'width':>5} {'parameters':>10} {'MMAC':>7} {'int8 bytes':>10} {'float':>7} {'int8':>7} {'seconds':>8}")
    for row in found["rows"]:
        print(
            f"{row['width']:5g} {row['parameters']:10,} {row['macs'] / 1e6:7.2f} {row['int8_bytes']:10,} "
            f"{row['float_top1']:7.2%} {row['int8_top1']:7.2%} {row['seconds']:8.1f}"
        )
    print(f"written: {out}")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("model", metavar="MODEL", help="which network; cnnedge train --list shows them")
    widths = [0.5, 1.0, 1.5]
    option("--widths", nargs="+", type=script.factor, default=widths, metavar="FACTOR", help="default: 0.5 1 1.5")
    option("--epochs", type=script.count, metavar="N", help="instead of the quick preset's")
    option("--batch-size", type=script.count, metavar="N", help="instead of the quick preset's")
    option("--limit", type=script.count, metavar="N", help="only N training, validation and test images: to try it")
    option("--seed", type=script.seed, default=0, help="fixes weights, order, augmentation and dropout")
    option("--out", type=Path, metavar="FILE.json", help="default: exported/MODEL/width.json")
    option("--overwrite", action="store_true", help="replace the file if it exists")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(main, parse_arguments()))
