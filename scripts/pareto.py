"""The Pareto chart of CIFAR-10 files: accuracy against bytes, multiply-accumulates and p50 latency.

    python scripts/pareto.py exported/cifar10/cifar10_{float32,int8,int8_qat}.tflite --anchors mlperf/*.tflite

Measures all files in one interleaved benchmark, those of --anchors beside ours, and draws them with published networks,
which are marked as quoted. Writes OUT.html, and the figures behind it as OUT.json. On a quiet machine, some minutes.
MLPerf Tiny's files are in github.com/mlcommons/tiny, benchmark/training/image_classification/trained_models.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge import console
from cnnedge.errors import CnnedgeError
from cnnedge.examples import script
from cnnedge.files import refuse_existing
from cnnedge.scoring.testdata import choose_dataset

if TYPE_CHECKING:
    from cnnedge.documents import Document


def main(options: argparse.Namespace) -> int:
    from cnnedge.documents import read_document
    from cnnedge.report.pages import require_report_packages
    from cnnedge.report.pareto import write_pareto

    figures = options.out.with_suffix(".json")
    require_report_packages()
    if options.redraw:
        document = read_document(figures)
    else:
        refuse_existing([figures, options.out], overwrite=options.overwrite)
        document = measure(options)
        document.write(figures)
        print(f"written: {figures}")
    write_pareto(options.out, document)
    print(f"written: {options.out}")
    if document.failed:
        raise CnnedgeError(f"not every file could be measured: {options.out} says why")
    return 0


def measure(options: argparse.Namespace) -> "Document":
    from cnnedge.benchmark.candidate import candidates_for
    from cnnedge.benchmark.plan import Plan
    from cnnedge.benchmark.session import benchmark, data_facts
    from cnnedge.data import evenly_spaced
    from cnnedge.report.pareto import with_work

    paths = [*options.files, *options.anchors]
    with console.progress() as progress:
        dataset = choose_dataset(options.data, options.files, [], progress=progress)
        test = evenly_spaced(dataset.test, options.limit)
        plan = Plan(num_runs=options.num_runs)
        document = benchmark(candidates_for(paths), test, data_facts(dataset, test), plan, progress=progress)
    return with_work(document, options.files, options.anchors)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("files", nargs="*", type=Path, metavar="FILE", help="our .tflite and .onnx files")
    option(
        "--anchors", nargs="+", type=Path, default=[], metavar="FILE", help="others' files, measured in the same run"
    )
    option("--data", metavar="NAME|DIR", help="a dataset, or a folder <class>/*.png; else what the files name")
    option("--limit", type=script.count, metavar="N", help="only N test images, evenly spaced: to try it")
    option(
        "--num-runs",
        type=script.count,
        default=200,
        metavar="N",
        help="timed calls per file, at most (%(default)s)",
    )
    option("--out", type=Path, default=Path("exported/pareto.html"), metavar="OUT.html", help="default: %(default)s")
    option("--redraw", action="store_true", help="draw OUT.html again from OUT.json; measures nothing")
    option("--overwrite", action="store_true", help="replace files that exist")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(script.run(main, parse_arguments()))
