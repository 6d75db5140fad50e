"""How quantization-aware training is done: what it learns from besides the float model, and where it is kept."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnedge.convert.qat import resuming
from cnnedge.data import Dataset
from cnnedge.training.job import SavedNetwork
from cnnedge.training.recipes import Recipe

if TYPE_CHECKING:
    import keras

    from cnnedge.convert.qat.target import Teacher

# What a recipe says of it; the rest is for the training before.
SETTINGS = ("qat_epochs", "qat_learning_rate", "batch_size", "augmentation", "teacher_weight", "temperature")


@dataclass(frozen=True)
class Learning:
    """How one is done.

    teacher: the network to learn from besides the float one, where a person names it; that of the training before is
    not taken unasked, see exported/TRAINING.md. checkpoints: the folder that keeps the states, where a training that
    was cut short is gone on with; None keeps none. calibrated_ranges: False is for comparison only: every range then
    starts at -6..6, as TFMOT's do by default.
    """

    teacher: SavedNetwork | None = None
    checkpoints: Path | None = None
    calibrated_ranges: bool = True

    def job(
        self, model: "keras.Model", data: Dataset, recipe: Recipe, seed: int, float_layers: tuple[str, ...]
    ) -> resuming.Job:
        """What decides the training of ``model``."""
        teacher = None if self.teacher is None else self.teacher.sha256
        return resuming.Job(
            model=resuming.weights_digest(model.get_weights()), teacher=teacher,
            recipe={name: value for name, value in asdict(recipe).items() if name in SETTINGS}, seed=seed,
            float_layers=float_layers, train_images=data.train.sha256, validation_images=data.validation.sha256,
            calibration_images=data.calibration.sha256,
        )  # fmt: skip

    def begin(self, job: resuming.Job) -> Path | None:
        """The file for the states of ``job``; see ``resuming.begin``."""
        return None if self.checkpoints is None else resuming.begin(self.checkpoints, job)

    def open_teacher(self, model: "keras.Model", recipe: Recipe) -> "Teacher | None":
        """The network that ``model`` is to learn from.

        Raises:
            ModelError: see ``start.load_saved`` and ``distillation.check_teacher``.
        """
        from cnnedge.convert.qat.target import Teacher
        from cnnedge.training.distillation import check_teacher
        from cnnedge.training.start import load_saved

        if self.teacher is None:
            return None
        network = load_saved(self.teacher)
        check_teacher(network, model)
        return Teacher(network, recipe.teacher_weight, recipe.temperature)
