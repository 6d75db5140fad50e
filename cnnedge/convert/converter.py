"""The conversions of one model, each made once."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.convert.audit import audit_calibration, refuse_broken
from cnnedge.convert.calibration import calibration_pixels, spanning
from cnnedge.convert.proof import pictures_for, prove_model
from cnnedge.convert.scheme import Scheme
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import Dataset, pixels_of
from cnnedge.errors import UsageError
from cnnedge.model.fold import fold
from cnnedge.model.predictor import KerasPredictor
from cnnedge.progress import Progress, silent
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.score import score
from cnnedge.training.recipes import Recipe

if TYPE_CHECKING:
    import keras


@dataclass
class Converter:
    """Converts one trained model; what several files share is made once.

    ``data`` may be None when no file of the plan needs calibration. ``calibrated_ranges`` False is for comparison only:
    quantization-aware training then starts from -6..6, as TFMOT does by default. ``labels`` names the classes where
    there is no data.
    """

    model: "keras.Model"
    data: Dataset | None
    recipe: Recipe
    seed: int = 0
    force_calibration: bool = False
    calibrated_ranges: bool = True
    labels: tuple[str, ...] | None = None
    progress: Progress = silent
    _tflite: dict[tuple[str, bool, str], bytes] = field(default_factory=dict)

    @cached_property
    def folded(self) -> "keras.Model":
        """The folded twin of the model, proved to be the same function.

        Raises:
            ConversionError: it is not.
        """
        folded = fold(self.model)
        prove_model(KerasPredictor(folded), self._pictures, self._expected, "the folded model")
        return folded

    @cached_property
    def _pictures(self) -> np.ndarray:
        shape = tuple(self.model.inputs[0].shape[1:])
        return pictures_for(shape, None if self.data is None else self.data.calibration)

    @cached_property
    def _expected(self) -> np.ndarray:
        return KerasPredictor(self.model).predict(self._pictures)

    @cached_property
    def pixels(self) -> np.ndarray | None:
        return None if self.data is None else calibration_pixels(pixels_of(self.data.calibration))

    @cached_property
    def calibration(self) -> dict[str, Any]:
        """The audit of the calibration images, and how far two disjoint halves of them lead apart.

        The halves are compared in top-1 on the validation images: the test split chooses nothing.

        Raises:
            DataError: the images are plainly broken, unless ``force_calibration``.
        """
        if self.data is None or self.pixels is None:
            raise UsageError("calibration needs training images: give --data")
        facts = audit_calibration(self.data.calibration, self.data.test, len(self.data.labels))
        if not self.force_calibration:
            refuse_broken(facts)
        top1 = []
        for half in (self.pixels[::2], self.pixels[1::2]):
            content = convert_tflite(self.folded, precision="int8", pixels=spanning(half))
            with open_runner(content, format="tflite") as runner:
                top1.append(score(runner, self.data.validation).top1)
        difference = round(100 * abs(top1[0] - top1[1]), 3)
        return {**facts, "forced": bool(facts["problems"]), "halves_differ_pp": difference}

    @cached_property
    def fake_quantized(self) -> Any:
        """The tf_keras model after quantization-aware training."""
        from cnnedge.convert.qat.fine_tune import quantization_aware_train
        from cnnedge.training.batches import AugmentedBatches

        if self.data is None or self.pixels is None:
            raise UsageError("quantization-aware training needs training images: give --data")
        batch_size = min(self.recipe.batch_size, len(self.data.train))
        batches = AugmentedBatches(
            self.data.train,
            num_classes=len(self.data.labels),
            batch_size=batch_size,
            augmentation=self.recipe.augmentation,
            seed=self.seed,
        )
        steps = max(1, round(self.recipe.qat_epochs * batches.steps))
        return quantization_aware_train(
            self.folded,
            (batches[index][0] for index in range(steps)),
            calibration=self.pixels,
            steps=steps,
            learning_rate=self.recipe.qat_learning_rate,
            seed=self.seed,
            calibrated_ranges=self.calibrated_ranges,
            progress=self.progress,
        )

    def convert(self, scheme: Scheme) -> bytes:
        """The file's content, without a passport.

        Raises:
            ConversionError, ModelError, UsageError: it cannot be converted, or a float file is not the function that
                the model is; the message says why.
        """
        content = self._converted(scheme)
        if scheme.precision == "float32":
            with open_runner(content, format=scheme.format) as runner:
                prove_model(runner, self._pictures, self._expected, f"the float32 {scheme.format} file")
        return content

    def _converted(self, scheme: Scheme) -> bytes:
        if scheme.format == "tflite":
            return self._to_tflite(scheme.precision, scheme.qat, scheme.io)
        if scheme.precision == "int8":
            return convert_onnx_int8(self._to_tflite("int8", scheme.qat, "uint8"))
        return convert_onnx_float32(self._to_tflite("float32", False, "uint8"))

    def _to_tflite(self, precision: str, qat: bool, io: str) -> bytes:
        key = (precision, qat, io)
        if key not in self._tflite:
            model = self.fake_quantized if qat else self.folded
            self._tflite[key] = convert_tflite(
                model, precision=precision, pixels=self.pixels, io=io, fake_quantized=qat
            )
        return self._tflite[key]
