"""What calibrated ranges are worth to quantization-aware training (QAT): an A/B on exported models.

    python scripts/qat_ab.py exported/mnist exported/cifar10

From each folder's float Keras model, with the same seed, images and steps: post-training quantization (PTQ), QAT
whose activation ranges start from calibration images (what cnnedge does), and QAT whose ranges start at -6..6 (what
TFMOT does by default). All test images through each file. Minutes for each model; writes FOLDER/qat_ab.json.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge import console
from cnnedge import data as datasets
from cnnedge.convert.converter import Converter
from cnnedge.convert.qat.learning import Learning
from cnnedge.convert.scheme import Scheme
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.files import write_atomically
from cnnedge.model.keras_file import load_keras
from cnnedge.model.predictor import KerasPredictor
from cnnedge.progress import Progress
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.accuracy import compare
from cnnedge.scoring.agreement import agreement
from cnnedge.scoring.score import score
from cnnedge.training.recipes import PRESETS, recipe


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="holds <name>.keras, named like itself")
    parser.add_argument("--preset", choices=PRESETS, default="quick", help="whose QAT epochs and rate")
    options = parser.parse_args()
    for folder in options.folders:
        with console.progress() as progress:
            found = measure(folder, options.preset, progress)
        write_atomically(folder / "qat_ab.json", json.dumps(found, indent=1).encode())
        for name, variant in found["variants"].items():
            print(f"{folder.name} {name:<22} {variant['top1']:.2%}, agrees with float on {variant['agreement']:.2%}")
        print(found["verdict"])
    return 0


def measure(folder: Path, preset: str, progress: Progress) -> dict[str, Any]:
    """Top-1 and agreement with the float model of the three int8 TFLite files, and whether QAT reached PTQ."""
    name = folder.name
    data, model = datasets.load(name, progress=progress), load_keras(folder / f"{name}.keras")
    baseline, scores = score(KerasPredictor(model), data.test), {}
    for variant, qat, calibrated in (("ptq", False, True), ("qat", True, True), ("qat_from_minus_6_to_6", True, False)):
        learning = Learning(calibrated_ranges=calibrated)
        converter = Converter(model, data, recipe(name, preset), learning=learning, progress=progress)
        if qat:  # the file as trained, whether or not an export would keep it
            content = convert_tflite(converter.trained().model, precision="int8", fake_quantized=True)
        else:
            content = converter.convert(Scheme("tflite", "int8"))
        with open_runner(content, format="tflite") as runner:
            scores[variant] = score(runner, data.test)
    return {
        "model": name,
        "preset": preset,
        "test_images": baseline.images,
        "float_top1": baseline.top1,
        "variants": {
            variant: {"top1": found.top1, "agreement": agreement(found.answers, baseline.answers)}
            for variant, found in scores.items()
        },
        "verdict": verdict(scores["qat"].answers, scores["ptq"].answers, baseline.labels),
    }


def verdict(qat: np.ndarray, ptq: np.ndarray, truth: np.ndarray) -> str:
    difference = compare(qat, ptq, truth)
    place = "at or above" if difference.delta_pp >= 0 else "BELOW"
    return (
        f"QAT ended {place} PTQ: {difference.delta_pp:+.2f} points "
        f"(95 % interval {difference.delta_low_pp:+.2f} to {difference.delta_high_pp:+.2f})"
    )


if __name__ == "__main__":
    sys.exit(main())
