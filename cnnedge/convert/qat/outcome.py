"""Whether quantization-aware training was worth it: its file beside that of post-training quantization."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from cnnedge.convert.qat.fine_tune import Trained
from cnnedge.model.predictor import KerasPredictor
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.agreement import agreement
from cnnedge.scoring.score import answers_of


@dataclass(frozen=True)
class Outcome:
    """Which file was kept, and why.

    kept: "qat", or "ptq" where training made the file no better. The two agreements are the fractions of ``images``
    validation images on which the file answers as the float model does; None without a post-training file. best_step:
    of the optimizer, 0 the start. float_layers: those that the trained file computes in float.
    """

    kept: str
    images: int
    qat_agreement: float
    ptq_agreement: float | None
    best_step: int
    float_layers: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"float_layers": list(self.float_layers)}

    def notes(self) -> list[str]:
        """What a person should know: that nothing was gained, and what is not integer."""
        found = []
        if self.kept == "ptq":
            found.append(
                f"quantization-aware training gained nothing, and the post-training file is kept: of {self.images:,} "
                f"validation images they answer {self.qat_agreement:.2%} and {self.ptq_agreement:.2%} as the float "
                f"model does"
            )
        elif self.float_layers:
            found.append(f"quantization-aware training leaves in float32: {', '.join(self.float_layers)}")
        return found


def outcome_of(trained: Trained, files: Mapping[str, bytes], folded: keras.Model, images: np.ndarray) -> Outcome:
    """Compare the TFLite files "qat" and, if it could be made, "ptq" on uint8 (N, H, W, C) ``images``; at a tie the
    trained one is kept."""
    expected = answers_of(KerasPredictor(folded).predict(images))
    agreed = {}
    for method, content in files.items():
        with open_runner(content, format="tflite") as runner:
            agreed[method] = agreement(answers_of(runner.predict(images)), expected)
    kept = max(agreed, key=lambda method: agreed[method])  # the first of equals
    return Outcome(kept, len(images), agreed["qat"], agreed.get("ptq"), trained.best.step, trained.float_layers)
