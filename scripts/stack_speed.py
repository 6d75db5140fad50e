"""What the layers of a network cost before it is trained: its size, its work and the latency of its TFLite files.

    python scripts/stack_speed.py cifar10-small 16-16-P-32-32-P-48-48-64 16-24-P-32-32-P-48-48-48

Each STACK has the filters of every 3x3 convolution and P for a 2x2 max pooling, as `recipe_trial.py MODEL stack=STACK`
trains it. They get random weights and are exported, and all files are timed in one interleaved benchmark: medians of
one image on one thread, in microseconds. On a quiet machine, some minutes. Nothing is kept.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.errors import CnnedgeError
from cnnedge.examples import script
from cnnedge.records import known

if TYPE_CHECKING:
    from cnnedge.data import Dataset
    from cnnedge.progress import Progress
    from cnnedge.training.job import TrainingJob

PRECISIONS = ("float32", "int8")
# The accuracy of random weights is nobody's question: these are only what the runtimes are fed.
IMAGES = 200


def main(options: argparse.Namespace) -> int:
    from cnnedge.benchmark.candidate import candidates_for
    from cnnedge.benchmark.plan import Plan
    from cnnedge.benchmark.session import benchmark, data_facts
    from cnnedge.model.backend import require_tensorflow
    from cnnedge.model.networks import model_spec
    from cnnedge.training.job import TrainingJob
    from cnnedge.training.recipes import recipe

    spec, quick = model_spec(options.model), recipe(options.model, "quick")
    jobs = [TrainingJob(options.model, quick, stack=stack) for stack in dict.fromkeys(options.stacks)]
    require_tensorflow()
    with tempfile.TemporaryDirectory() as folder, console.progress() as progress:
        data = datasets.load(
            spec.dataset, image_shape=spec.input_shape, calibration=quick.calibration_images, progress=progress
        )
        data = script.limited(data, IMAGES)
        sizes = [export_untrained(job, data, Path(folder) / job.stack, progress) for job in jobs]
        paths = [Path(folder) / job.stack for job in jobs]
        plan = Plan(num_runs=options.num_runs)
        document = benchmark(candidates_for(paths), data.test, data_facts(data, data.test), plan, progress=progress)
    if document.failed:
        reasons = "; ".join(f"{row.file}: {row.error}" for row in document.failed)
        raise CnnedgeError(f"not every file could be measured: {reasons}")
    medians = {row.file: 1000 * known(row.latency_ms).p50 for row in document.rows}
    print(f"{'parameters':>10} {'MMAC':>6} {'int8 bytes':>10} {'float32':>8} {'int8':>8}  stack")
    for job, (parameters, macs, size) in zip(jobs, sizes, strict=True):
        times = " ".join(f"{medians[f'{job.stack}_{precision}.tflite']:8.1f}" for precision in PRECISIONS)
        print(f"{parameters:10,} {macs / 1e6:6.2f} {size:10,} {times}  {job.stack}")
    return 0


def export_untrained(job: "TrainingJob", data: "Dataset", folder: Path, progress: "Progress") -> tuple[int, int, int]:
    """Parameters, multiply-accumulates and bytes of the int8 file of the network with random weights, whose files go
    into ``folder`` under the name of its stack."""
    from cnnedge.convert.converter import Converter
    from cnnedge.convert.exporting import export
    from cnnedge.convert.scheme import plan_of
    from cnnedge.model.keras_file import save_keras
    from cnnedge.model.networks import count_macs

    network = job.spec.build(len(data.labels), job.width, job.seed)
    source = folder / f"{job.stack}.keras"
    folder.mkdir()
    save_keras(network, source, job.on(data).record(backend="tensorflow", versions={}))
    converter = Converter(network, data, job.recipe, progress=progress)
    done = export(
        converter, plan_of(("tflite",), PRECISIONS), source=source, name=job.stack, folder=folder, keep_losses=True
    )
    if done.failures:
        raise CnnedgeError(f"{job.stack} could not be exported: {done.failures}")
    return network.count_params(), count_macs(network), done.entries[f"{job.stack}_int8.tflite"].size_bytes


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("model", metavar="MODEL", help="which network's images and classes; cnnedge train --list shows them")
    option("stacks", nargs="+", metavar="STACK", help="filters and poolings with - between: 16-16-P-32-P")
    option(
        "--num-runs", type=script.count, default=200, metavar="N", help="timed calls per file, at most (%(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(main, parse_arguments()))
