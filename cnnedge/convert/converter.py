"""The conversions of one model, each made once."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnedge.convert.audit import audit_calibration, halves_differ, refuse_broken
from cnnedge.convert.calibration import calibration_images
from cnnedge.convert.integer_files import IntegerFiles
from cnnedge.convert.mixed import Calibrated, check_float_layers
from cnnedge.convert.qat.learning import Learning
from cnnedge.convert.round_weights import EIGHT_BITS, SEVEN_BITS
from cnnedge.convert.scheme import CALIBRATED, Scheme
from cnnedge.convert.to_onnx import convert_onnx_float32, convert_onnx_int8
from cnnedge.convert.to_tflite import convert_tflite
from cnnedge.data import Dataset, evenly_spaced, pixels_of
from cnnedge.errors import ConversionError, UsageError
from cnnedge.model.fold import fold
from cnnedge.model.predictor import KerasPredictor
from cnnedge.model.proof import difference, float32_rounding, synthetic_pictures
from cnnedge.progress import Progress, silent
from cnnedge.records import known
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.score import Predictor
from cnnedge.training.recipes import Recipe

if TYPE_CHECKING:
    import keras

    from cnnedge.convert.qat.fine_tune import Trained
    from cnnedge.convert.qat.outcome import Outcome
    from cnnedge.convert.qat.resuming import Job

_FLOAT32 = ("float32", False, "uint8")
# To compare a float file with its model.
PICTURES = 32
# Validation images that say which of two int8 files is the better one: one image is 0.1 points.
WATCHED_IMAGES = 1_000


@dataclass
class Converter:
    """Converts one trained model; what several files share is made once.

    ``data`` may be None when no file of the plan needs calibration. ``learning`` is for quantization-aware training.
    ``labels`` names the classes where there is no data. ``contents`` are the files made so far.
    """

    model: "keras.Model"
    data: Dataset | None
    recipe: Recipe
    seed: int = 0
    force_calibration: bool = False
    labels: tuple[str, ...] | None = None
    learning: Learning = field(default_factory=Learning)
    progress: Progress = silent
    contents: dict[Scheme, bytes] = field(default_factory=dict)
    _tflite: dict[tuple[str, bool, str], bytes] = field(default_factory=dict)
    _ranges: dict[tuple[int, tuple[str, ...]], Calibrated] = field(default_factory=dict)
    _trained: dict[tuple[str, ...], "Trained"] = field(default_factory=dict)
    _outcomes: dict[tuple[str, ...], "Outcome"] = field(default_factory=dict)

    @cached_property
    def folded(self) -> "keras.Model":
        """The folded twin of the model, proved to be the same function.

        Raises:
            ConversionError: it is not.
        """
        folded = fold(self.model)
        self._prove(KerasPredictor(folded), "the folded model")
        return folded

    @cached_property
    def _pictures(self) -> np.ndarray:
        """uint8 (n, H, W, C): calibration images, or without data gradients, noise and patches."""
        if self.data is None:
            return synthetic_pictures(tuple(self.model.inputs[0].shape[1:]), PICTURES).astype("uint8")
        held = len(self.data.calibration)
        return self.data.calibration.pixels(np.linspace(0, held - 1, min(PICTURES, held)).astype(int))

    @cached_property
    def _expected(self) -> np.ndarray:
        return KerasPredictor(self.model).predict(self._pictures)

    @cached_property
    def pixels(self) -> np.ndarray | None:
        """The calibration images, uint8 (N, H, W, C)."""
        return None if self.data is None else calibration_images(pixels_of(self.data.calibration))

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
        differ = halves_differ(self.folded, self.pixels, self.data.validation)
        return {**facts, "forced": bool(facts["problems"]), "halves_differ_pp": differ}

    def trained(self, float_layers: tuple[str, ...] = ()) -> "Trained":
        """What quantization-aware training makes of the folded model, with ``float_layers`` left as they are."""
        from cnnedge.convert.qat.fine_tune import Images, Schedule, quantization_aware_train, training_images

        if float_layers not in self._trained:
            watched = self._watched
            steps, batch = training_images(known(self.data), self.recipe, self.seed)
            self._trained[float_layers] = quantization_aware_train(
                self._integers.model(SEVEN_BITS), Images(batch, self._calibrating(), watched),
                schedule=Schedule(steps, self.recipe.qat_learning_rate, self.seed, self.learning.calibrated_ranges),
                left_in_float=float_layers, teacher=self.learning.open_teacher(self.model, self.recipe),
                kept=self.learning.begin(self.job(float_layers)), progress=self.progress,
            )  # fmt: skip
        return self._trained[float_layers]

    def job(self, float_layers: tuple[str, ...] = ()) -> "Job":
        """What decides that training."""
        return self.learning.job(self.model, known(self.data), self.recipe, self.seed, float_layers)

    def begin_training(self, float_layers: tuple[str, ...] = ()) -> None:
        """Note where states are kept that it is under way; raises as ``resuming.begin``, ``Learning.open_teacher``."""
        self.learning.open_teacher(self.model, self.recipe)
        self.learning.begin(self.job(float_layers))

    def outcome(self, float_layers: tuple[str, ...] = ()) -> "Outcome":
        """Whether the file of quantization-aware training is no worse than that of post-training quantization."""
        from cnnedge.convert.qat.outcome import outcome_of

        if float_layers not in self._outcomes:
            files = {"qat": self._int8(True, float_layers)}
            with contextlib.suppress(ConversionError):  # a layer without an integer kernel
                files["ptq"] = self._int8(False, float_layers)
            self._outcomes[float_layers] = outcome_of(self.trained(float_layers), files, self.folded, self._watched)
        return self._outcomes[float_layers]

    def _int8(self, qat: bool, float_layers: tuple[str, ...]) -> bytes:
        """A TFLite file, trained or not."""
        if float_layers:
            return self._calibrated(EIGHT_BITS, float_layers, qat).file(float_layers)
        return self._made("int8", qat, "uint8")

    @property
    def _watched(self) -> np.ndarray:
        """The images that quantization-aware training is watched on, uint8; never test images."""
        if self.data is None:
            raise UsageError("quantization-aware training needs training images: give --data")
        split = self.data.validation if len(self.data.validation) else self.data.calibration
        return pixels_of(evenly_spaced(split, WATCHED_IMAGES))

    def _prove(self, model: Predictor, what: str) -> None:
        """Compare with what the Keras model itself answers.

        Raises:
            ConversionError: ``what`` is another function.
        """
        answers = model.predict(self._pictures)
        found = difference(answers, self._expected)
        if found is not None:
            rounding = float32_rounding(self.model, self._pictures)
            found = difference(answers, self._expected, rounding=rounding)
        if found is not None:
            raise ConversionError(
                f"{what} is not the function that the Keras model is ({found}, on {len(self._pictures)} pictures): it "
                "is not written; please report the layers of the model"
            )

    def convert(self, scheme: Scheme) -> bytes:
        """The file's content, without a passport.

        Raises:
            ConversionError, ModelError, UsageError: it cannot be converted, or a float file is not the function that
                the model is; the message says why.
        """
        if scheme not in self.contents:
            content = self._converted(scheme)
            if scheme.precision == "float32":
                with open_runner(content, format=scheme.format) as runner:
                    self._prove(runner, f"the float32 {scheme.format} file")
            self.contents[scheme] = content
        return self.contents[scheme]

    def keep_for(self, schemes: Collection[Scheme]) -> None:
        """Let go of what none of ``schemes``, those still to be made, is made of; asked for, it is made again."""
        self.contents.clear()
        if all(scheme.precision != "float32" for scheme in schemes):
            self._tflite.pop(_FLOAT32, None)
        if "_integers" in vars(self) and not any(scheme.qat for scheme in schemes):  # QAT is compared with both
            self._integers.keep({scheme.integers for scheme in schemes if scheme.needs_calibration})

    def _converted(self, scheme: Scheme) -> bytes:
        if scheme.precision == "int8_mixed" or scheme.ranges != "minmax":
            return self._mixed(scheme)
        if scheme.format == "tflite":
            return self._to_tflite(scheme.precision, scheme.qat, scheme.io)
        if scheme.qat and self.outcome().kept == "qat":
            return convert_onnx_int8(self._made("int8", True, "uint8"))
        if scheme.precision == "int8":
            return convert_onnx_int8(self._integers.file(scheme.levels, "int8"), scheme.weight_bits)
        return convert_onnx_float32(self._to_tflite(*_FLOAT32))

    def _mixed(self, scheme: Scheme) -> bytes:
        check_float_layers(self.folded, scheme.float_layers)
        qat = scheme.qat and self.outcome(scheme.float_layers).kept == "qat"
        calibrated = self._calibrated(scheme.levels, scheme.float_layers, qat).with_ranges(
            self._calibrating(), scheme.ranges
        )
        content = calibrated.file(scheme.float_layers, scheme.io)
        return content if scheme.format == "tflite" else convert_onnx_int8(content, scheme.weight_bits)

    def _calibrated(self, levels: int, float_layers: tuple[str, ...], qat: bool) -> Calibrated:
        key = (0 if qat else levels), float_layers
        if key not in self._ranges:
            model = self._fine_tuned(float_layers) if qat else self._integers.rounded(levels, float_layers=float_layers)
            self._ranges[key] = Calibrated.of(model, self._calibrating())
        return self._ranges[key]

    def _to_tflite(self, precision: str, qat: bool, io: str) -> bytes:
        return self._made(precision, qat and self.outcome().kept == "qat", io)

    def _made(self, precision: str, qat: bool, io: str) -> bytes:
        if precision in CALIBRATED and not qat:
            return self._integers.file(EIGHT_BITS, precision, io)
        key = (precision, qat, io)
        if key in self._tflite:
            return self._tflite[key]
        model = self.trained().model if qat else self.folded
        content = convert_tflite(model, precision=precision, pixels=self.pixels, io=io, fake_quantized=qat)
        if qat or precision == "float32":  # others are made of these
            self._tflite[key] = content
        return content

    @cached_property
    def _integers(self) -> IntegerFiles:
        return IntegerFiles(self.folded, self._calibrating(), self._pictures, self._expected)

    def _fine_tuned(self, float_layers: tuple[str, ...]) -> "keras.Model":
        from cnnedge.convert.qat.twin import with_trained_weights

        return with_trained_weights(self._integers.model(SEVEN_BITS), self.trained(float_layers).model)

    def is_equalized(self, scheme: Scheme) -> bool:
        """Whether the channels of what a calibrated file is made of are equalized."""
        trained = scheme.qat and self.outcome(scheme.float_layers).kept == "qat"
        return self._integers.is_equalized(*((SEVEN_BITS, "int8") if trained else scheme.integers))

    def _calibrating(self) -> np.ndarray:
        if self.pixels is None:
            raise UsageError("calibration needs training images: give --data")
        return self.pixels
