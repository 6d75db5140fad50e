"""Everything that decides a training, in one frozen record: what a resumed training must share with the one that was
killed, and what the manifest keeps of how a network was trained."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnedge.data import check_batch
from cnnedge.errors import DataError, UsageError
from cnnedge.files import sha256_of
from cnnedge.manifest import FileFacts, TrainedOn, TrainingRecord
from cnnedge.model.networks import OWN, ModelSpec, model_spec, own, stacked
from cnnedge.model.readers.opening import check_kind
from cnnedge.names import HIGHEST_SEED
from cnnedge.training.recipes import Recipe, recorded

if TYPE_CHECKING:
    from cnnedge.data import Dataset


@dataclass(frozen=True)
class SavedNetwork:
    """A Keras file, or folder, that a training starts or learns from. Two are equal if their bytes are, anywhere."""

    path: Path = field(compare=False)
    sha256: str

    def __str__(self) -> str:
        return f"{self.path.name} (SHA-256 {self.sha256[:12]}..)"

    @classmethod
    def of(cls, path: Path) -> "SavedNetwork":
        """The file at ``path``, or the SavedModel folder, as it is now.

        Raises:
            ModelError: there is no such file, or it is no Keras model file.
        """
        check_kind(path)
        if path.is_file():
            return cls(path, sha256_of(path.read_bytes()))
        parts = sorted(part for part in path.rglob("*") if part.is_file())
        return cls(path, sha256_of("".join(sha256_of(part.read_bytes()) for part in parts).encode()))

    def facts(self) -> FileFacts:
        return FileFacts(self.path.name, self.sha256)


@dataclass(frozen=True)
class TrainingJob:
    """One training: two of the same job end with the same network, up to the order in which threads add.

    network: a key of ``networks.MODELS``, or ``networks.OWN`` for one that ``init`` brings. seed: of weights, order,
    augmentation and dropout. width: factor on every channel count. init: the network to start from. teacher: the
    network to learn from besides (distillation). data: None until the images are at hand (see ``on``). size: height and
    width of the images, for a network of any size. shape: (height, width, channels) of the images, for OWN. name: how
    the trained network is called, its own name if empty; it decides nothing. stack: other layers for the network, see
    ``networks.stacked``.
    """

    network: str
    recipe: Recipe
    seed: int = 0
    width: float = 1.0
    init: SavedNetwork | None = None
    teacher: SavedNetwork | None = None
    data: TrainedOn | None = None
    size: int | None = None
    shape: tuple[int, ...] | None = None
    name: str = field(default="", compare=False)
    stack: str | None = None

    def __post_init__(self) -> None:
        _ = self.spec
        if not 0 <= self.seed <= HIGHEST_SEED:
            raise UsageError(f"seed is {self.seed}, expected 0 to {HIGHEST_SEED}")
        if not 0 < self.width < math.inf:
            raise UsageError(f"width is {self.width}, expected a number above 0")
        if self.init is not None and self.recipe.branches != "none":
            raise UsageError(
                f"--init {self.init.path} brings a trained network, and branches begin with a fresh one: "
                f"leave --branches {self.recipe.branches} out"
            )
        if self.init is not None and self.recipe.half:
            raise UsageError(f"--init {self.init.path} brings a network with its own arithmetic: leave --half out")
        if self.init is not None and self.stack:
            raise UsageError(f"--init {self.init.path} brings its own layers: leave --stack {self.stack} out")
        if self.init is not None and self.width != 1:
            raise UsageError(
                f"--init {self.init.path} brings a network that has its width: leave --width {self.width:g} out"
            )

    @property
    def spec(self) -> ModelSpec:
        """What is trained."""
        if self.network == OWN:
            return own(self.shape or ())
        spec = model_spec(self.network, self.size)
        return stacked(spec, self.stack) if self.stack else spec

    @property
    def file(self) -> str:
        """The name of the trained network's file."""
        return f"{self.name or self.network}.keras"

    def on(self, data: "Dataset") -> "TrainingJob":
        """This job with the identity of ``data``, of which it reads ``train`` and ``validation``.

        Raises:
            DataError: images of another shape than the network's, or fewer than one batch.
        """
        self.steps_per_epoch(data)
        identity = TrainedOn(
            data.name, data.is_sample, data.train.sha256, data.source, data.validation.sha256, data.labels
        )
        return dataclasses.replace(self, data=identity)

    def steps_per_epoch(self, data: "Dataset") -> int:
        """The whole batches in ``data.train``.

        Raises:
            DataError: images of another shape than the network's, or fewer than one batch.
        """
        expected = self.spec.input_shape
        shape = data.train.image_shape
        if shape != expected:
            raise DataError(f"{data.name} has images of shape {shape}, {self.network} takes {expected}")
        images, batch = len(data.train), self.recipe.batch_size
        check_batch(data.name, images, batch)
        return images // batch

    def difference(self, other: "TrainingJob") -> str | None:
        """The first setting in which ``other`` differs, as "epochs 4, not 5"; None if they are the same job."""
        return first_difference(_settings(self), _settings(other))

    def continued_as(self, other: "TrainingJob") -> "TrainingJob":
        """This job with the arithmetic and the length of ``other``, which a training may change on its way."""
        asked = other.recipe
        return dataclasses.replace(self, recipe=dataclasses.replace(self.recipe, half=asked.half, epochs=asked.epochs))

    def record(
        self, *, backend: str, versions: Mapping[str, str], cost: Mapping[str, Any] | None = None
    ) -> TrainingRecord:
        """What checkpoint, manifest and ``.keras`` file keep of the job, which must have its data.

        Args:
            backend: Keras's, which did it. versions: by package. cost: see ``cost.training_cost``; None before its end.
        """
        if self.data is None:
            raise ValueError("a job without data has no record: expected the job that `on` gives")
        init, teacher = (None if file is None else file.facts() for file in (self.init, self.teacher))
        return TrainingRecord(
            network=self.network, recipe=dataclasses.asdict(self.recipe), seed=self.seed, width=self.width,
            init=init, teacher=teacher, data=self.data, backend=backend, versions=dict(versions),
            cost=None if cost is None else dict(cost), size=self.size,
            shape=self.shape, stack=self.stack,
        )  # fmt: skip

    @classmethod
    def from_record(cls, record: TrainingRecord) -> "TrainingJob":
        """The job that ``record`` was made of.

        Raises:
            DataError: there is no such network or recipe.
        """
        try:
            recipe = recorded(record.recipe)
            init, teacher = (_saved(file) for file in (record.init, record.teacher))
            return cls(
                record.network, recipe, record.seed, record.width, init, teacher, record.data, record.size,
                record.shape, stack=record.stack,
            )  # fmt: skip
        except (KeyError, TypeError, UsageError) as error:
            raise DataError(f"the record of the training of {record.network!r} cannot be used ({error})") from None


def first_difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """The first setting in which two jobs of the same kind differ, as "epochs 4, not 5"; None if they do not."""
    return next((f"{name} {ours[name]}, not {theirs[name]}" for name in ours if ours[name] != theirs[name]), None)


def _saved(facts: FileFacts | None) -> SavedNetwork | None:
    return None if facts is None else SavedNetwork(Path(facts.file), facts.sha256)


def _settings(job: TrainingJob) -> dict[str, Any]:
    """Every setting by the name that a person knows it by."""
    whole = {entry.name: getattr(job, entry.name) for entry in dataclasses.fields(job)}
    recipe = dataclasses.asdict(whole.pop("recipe"))
    data = whole.pop("data")
    del whole["name"]
    splits = {"training images": data and data.train_sha256, "validation images": data and data.validation_sha256}
    return {**whole, **recipe, **splits}
