"""The files that the repository ships, and the test images that each is measured with."""

import json
from pathlib import Path

from cnnedge import data as datasets
from cnnedge.model.networks import MODELS as SPECS
from cnnedge.names import EXPORTS, ExportName

EXPORTED = Path(__file__).parents[2] / "exported"
# One integer kernel of ONNX Runtime for each convolution and each dense layer.
FUSED = {
    "mnist": {"QLinearConv": 6, "QGemm": 1},
    "mnist-tiny": {"QLinearConv": 5, "QGemm": 1},
    "cifar10": {"QLinearConv": 9, "QGemm": 1},
    "cifar10-small": {"QLinearConv": 7, "QGemm": 1},
}
MODELS = list(FUSED)
FILES = [
    EXPORTED / model / ExportName(model, precision, format, qat).filename
    for model in MODELS
    for format, precisions in EXPORTS.items()
    for precision in precisions
    for qat in ((False, True) if precision == "int8" else (False,))
]
INT8 = [path for path in FILES if "_int8" in path.name]


def images_for(model: str) -> datasets.Split:
    """The whole test split of the data that a model was trained on."""
    return datasets.load(SPECS[model].dataset).test


def manifest(path: Path) -> dict:
    return json.loads((path.parent / "manifest.json").read_text())
