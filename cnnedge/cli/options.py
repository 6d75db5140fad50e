"""Options that several commands share: declared once, in one wording.

A command writes ``seed: Seed = 0``; the name after the dashes, the hint of what to type and the help come from here.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from cnnedge.names import HIGHEST_SEED


class Command(TyperCommand):
    """A command whose options take no number that nothing can be compared with: ``nan`` passes any check of a range,
    ``inf`` one without an end, and a whole number of more than 32 bits is more than C counts."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        for option in self.params:
            value = ctx.params.get(option.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise typer.BadParameter(f"{value} is given, expected a finite number.", ctx, option)
            if isinstance(value, int) and abs(value) > HIGHEST_SEED:
                raise typer.BadParameter(f"{value} is given, expected a number of 32 bits at most.", ctx, option)
        return rest


Model = Annotated[str, typer.Argument(metavar="MODEL", help="Which network; cnnedge train --list shows them.")]
ModelPath = Annotated[Path, typer.Argument(metavar="FILE", help="A .tflite or .onnx file, of any tool.")]

Data = Annotated[
    str | None,
    typer.Option("--data", metavar="NAME|DIR", help="A dataset, or a folder <class>/*.png; else the model's own."),
]
Test = Annotated[
    Path | None,
    typer.Option("--test", metavar="DIR", help="Class folders to test on, instead of a part of the data."),
]
MaxBad = Annotated[
    float,
    typer.Option("--max-bad", min=0, max=99, metavar="PERCENT", help="Of a folder's pictures may be unreadable."),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only N images, evenly spaced.")]
Mean = Annotated[
    str | None,
    typer.Option("--mean", metavar="M[,M,M]", help="It takes (pixel - M) / S, where it does not say so itself."),
]
Std = Annotated[str | None, typer.Option("--std", metavar="S[,S,S]", help="See --mean; pixels are 0..255.")]
Labels = Annotated[
    str | None,
    typer.Option("--labels", metavar="FILE|a,b,c", help="Names of the classes, in the order of the outputs."),
]
Scale = Annotated[
    float | None, typer.Option("--scale", metavar="S", help="The network takes pixels / S; put inside every file.")
]
Preprocessing = Annotated[
    str | None,
    typer.Option(
        "--preprocessing", metavar="0..1|tf|torch|caffe|bgr", help="What the network takes; put inside every file."
    ),
]
InputSize = Annotated[
    int | None,
    typer.Option("--input-size", min=1, max=4096, metavar="N", help="Height and width, for a network that takes any."),
]
CustomObjects = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-custom-objects", metavar="MODULE", help="A module with layers that the file uses; its code is run."
    ),
]
FloatLayers = Annotated[
    str,
    typer.Option(
        "--float-layers", metavar="a,b", help="Layers that stay in float32 in the int8 files, then called int8_mixed."
    ),
]
Require = Annotated[
    str,
    typer.Option(
        "--require",
        metavar="int8,no-flex,..",
        help="Exit with 3 unless every file is: no-flex, no-custom, static-batch, no-dynamic, gpu, passport; and every "
        "integer file int8, without a layer in float.",
    ),
]

Preset = Annotated[
    str, typer.Option("--preset", metavar="quick|full", help="How long to train: minutes on two cores, or hours.")
]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, metavar="N", help="Instead of the recipe's.")]
Width = Annotated[float, typer.Option(metavar="FACTOR", help="Scales every layer: 0.5 halves its channels.")]
Stack = Annotated[
    str | None,
    typer.Option(metavar="8-P-16-P", help="Other layers: filters of each convolution, P for a pooling."),
]
Init = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Start from this model, without MODEL from any; new classes get a new head."),
]
Teacher = Annotated[Path | None, typer.Option(metavar="FILE.keras", help="Learn from this model too (distillation).")]
Branches = Annotated[
    str | None,
    typer.Option(metavar="none|asymmetric|pointwise", help="Trained beside each convolution, then fused into it."),
]
Half = Annotated[
    bool,
    typer.Option("--half", help="Compute in bfloat16: quicker on CPUs with AMX or AVX-512 BF16, slower on others."),
]
Muon = Annotated[
    float | None,
    typer.Option(metavar="RATE", help="Convolutions learn by Muon: 0.05 is quicker for small photos. 0: SGD."),
]
Trivial = Annotated[bool, typer.Option("--trivial", help="TrivialAugment: stronger changes, for long trainings.")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=1, metavar="N", help="Instead of the recipe's.")]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", min=0, max=HIGHEST_SEED, metavar="N", help="Fixes all that is random in training and quantization."
    ),
]

# Which machines train one network together.
Machines = Annotated[
    str | None,
    typer.Option("--workers", metavar="HOST:PORT,..", help="Share it among machines (JAX); TF_CONFIG names them too."),
]
Task = Annotated[
    int | None, typer.Option("--task", min=0, metavar="I", help="Which of --workers this is; else by its address.")
]

Wide = Annotated[
    bool, typer.Option("--wide", help="Also show cold start, peak memory and how many nodes a delegate took.")
]
Threads = Annotated[int, typer.Option("--threads", min=1, metavar="N", help="Threads for one image.")]
NumRuns = Annotated[
    int, typer.Option("--num-runs", min=1, metavar="N", help="Timed calls per file, at most; fewer is quicker.")
]

# What a benchmark compares with, and what it measures besides.
Baseline = Annotated[
    Path | None, typer.Option(metavar="FILE.keras", help="The float model; in a folder of ours it is found.")
]
Margin = Annotated[float, typer.Option(metavar="PP", help="Differences within so many points count as equal.")]
Sustained = Annotated[
    float, typer.Option(metavar="MINUTES", help="Then keep all files busy so long: does the board slow down?")
]
Layers = Annotated[bool, typer.Option("--layers", help="Also time each operator, by the runtime's own profiler.")]
Throughput = Annotated[
    bool, typer.Option("--throughput", help="Also images a second, with 1, 2 and 4 threads and with batches.")
]
Power = Annotated[
    Path | None, typer.Option(metavar="FILE.csv", help="What a power meter logs meanwhile: time, W or V and A.")
]

Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Of the files and their folder; else the source's.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The files go into DIR/<name of the model>.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a training that was cut short.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
