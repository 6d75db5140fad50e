"""How much a model's accuracy depends on chance: its training again, from other seeds.

    python scripts/seeds.py exported/mnist [--seeds 1 2 3 4]

Trains the model of FOLDER as its manifest says it was trained, once from each seed, converts each to int8, and
classifies all test images. Writes FOLDER/seeds.json after every seed; `cnnedge card` shows mean and spread. The
shipped model stays the first row, and what it is. Killed, the same command goes on where it stopped. Each seed costs
what the model's training did: see its card. With --limit, seeds.json goes into the work folder: figures of a few
images have no place in a card.
"""

import argparse
import statistics
import sys
from pathlib import Path

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.errors import DataError
from cnnedge.examples import script


def main(options: argparse.Namespace) -> int:
    from cnnedge.model.backend import require_tensorflow

    require_tensorflow()
    from cnnedge.studies import seeds

    job = seeds.shipped(options.folder).job
    if job.data is None:
        raise DataError(f"{options.folder} does not say which data the model was trained on")
    work = options.work or options.folder / "seeds"
    out = (work if options.limit else options.folder) / "seeds.json"
    with console.progress() as progress:
        data = datasets.load(job.data.name, calibration=job.recipe.calibration_images, progress=progress)
        rows = seeds.measure_seeds(
            options.folder, script.limited(data, options.limit), options.seeds, out=out,
            work=work, teacher=options.teacher, progress=progress,
        )  # fmt: skip
    print(f"{'seed':>9} {'float':>7} {'int8':>7}")
    for row in rows:
        print(f"{row['seed']:9} {row['float_top1']:7.2%} {row['int8_top1']:7.2%}")
    for name, of in (("mean", statistics.mean), ("deviation", statistics.stdev)):
        if len(rows) > 1:
            print(
                f"{name:>9} "
                + " ".join(f"{of([row[key] for row in rows]):7.2%}" for key in ("float_top1", "int8_top1"))
            )
    print(f"written: {out}")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("folder", type=Path, metavar="FOLDER", help="holds MODEL.keras and manifest.json")
    option("--seeds", nargs="+", type=script.seed, default=[1, 2, 3, 4], metavar="N", help="default: 1 2 3 4")
    option("--teacher", type=Path, metavar="FILE.keras", help="the one that the model learned from, if it had one")
    option("--work", type=Path, metavar="DIR", help="for checkpoints and trained networks; default: FOLDER/seeds")
    option("--limit", type=script.count, metavar="N", help="only N training, validation and test images: to try it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(main, parse_arguments()))
