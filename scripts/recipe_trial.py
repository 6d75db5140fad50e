"""Short proofs before long trainings: is a recipe better than the present one, beyond what chance makes?

    python scripts/recipe_trial.py cifar10 erase=0.25 cutmix=1,trivial=false --epochs 8 --half
    python scripts/recipe_trial.py cifar10-small teacher=exported/cifar10/cifar10.keras branches=asymmetric

Each CHANGE is a recipe: the model's full preset with other settings, NAME=VALUE and several with commas between: the
fields of Recipe and Augmentation (cnnedge/training/recipes.py), teacher=FILE.keras, width=FACTOR, and other layers:
stack=16-24-P-32-P has the filters of each convolution and P for a pooling. All of them, and the present recipe, are
trained for --epochs from each of --seeds on a part of the training split, and judged on another part of it: top-1,
and the mean of -ln p(true class), which tells more from few images. The test split is not touched. A teacher
from elsewhere knows all training images, so that validation images judge; one that a trial of as many images has left
in its --work, present-0/MODEL.keras, does not. A recipe is better, or worse, if both figures are, by more than two
seeds of one recipe differ.

Writes OUT after every training; the same command goes on where it stopped, and takes further changes and seeds.
"""

import argparse
import sys
from pathlib import Path

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.examples import script


def main(options: argparse.Namespace) -> int:
    from cnnedge.model.backend import require_keras
    from cnnedge.model.networks import model_spec
    from cnnedge.training.job import TrainingJob
    from cnnedge.training.recipes import recipe

    present = recipe(options.model, "full", epochs=options.epochs, half=options.half or None)
    spec = model_spec(options.model)
    require_keras()
    from cnnedge.studies import recipe_trials

    job = TrainingJob(options.model, present)
    jobs = {recipe_trials.PRESENT: job} | {change: recipe_trials.changed(job, change) for change in options.changes}
    work = options.work or Path("runs/trials") / options.model
    with console.progress() as progress:
        data = datasets.load(
            spec.dataset, image_shape=spec.input_shape, calibration=present.calibration_images, progress=progress
        )
        teachers = [one.teacher for one in jobs.values() if one.teacher is not None]
        judged = min(options.judged, len(data.train) // 2)
        part = recipe_trials.held_out(data, min(options.images, len(data.train) - judged), judged, teachers)
        rows = recipe_trials.measure_recipes(
            jobs, part, options.seeds, out=options.out or work / "trials.json", work=work,
            progress=progress,
        )  # fmt: skip
    print(f"{'seed':>4} {'top-1':>7} {'NLL':>7} {'images/s':>8}  recipe")
    for row in rows:
        print(f"{row['seed']:4} {row['top1']:7.2%} {row['nll']:7.4f} {row['images_per_s']:8,.0f}  {row['recipe']}")
    for one in recipe_trials.comparisons(rows):
        print(
            f"{one.recipe}: top-1 {100 * one.top1:+.2f} points (seeds differ by {100 * one.spread:.2f}), "
            f"NLL {one.nll:+.4f} ({one.nll_spread:.4f}): {one.verdict}"
        )
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("model", metavar="MODEL", help="which network; cnnedge train --list shows them")
    option("changes", nargs="+", metavar="CHANGE", help="NAME=VALUE[,NAME=VALUE ..]")
    option("--epochs", type=script.count, default=8, metavar="N", help="of each training; default: 8")
    option("--seeds", nargs="+", type=script.seed, default=[0, 1], metavar="N", help="default: 0 1")
    option("--images", type=script.count, default=40_000, metavar="N", help="to learn from; default: 40000")
    option("--judged", type=script.count, default=7_500, metavar="N", help="others to judge on; default: 7500")
    option("--half", action="store_true", help="compute in bfloat16, see cnnedge train --half")
    option("--work", type=Path, metavar="DIR", help="for checkpoints and networks; default: runs/trials/MODEL")
    option("--out", type=Path, metavar="FILE.json", help="default: DIR/trials.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(main, parse_arguments()))
