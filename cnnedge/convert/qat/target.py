"""What quantization-aware training aims at: the float model's probabilities, and a teacher's where there is one."""

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from cnnedge.training.distillation import ProbabilityDistillation


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network that takes the same images and gives the same classes; ``weight`` and ``temperature`` as in
    ``Recipe``."""

    network: keras.Model
    weight: float
    temperature: float


class Target:
    """What the twin is to answer, and how far an answer is from it."""

    def __init__(self, folded: keras.Model, teacher: Teacher | None) -> None:
        self.models = [folded] if teacher is None else [folded, teacher.network]
        self.weight = 0.0 if teacher is None else teacher.weight
        temperature = 1.0 if teacher is None else teacher.temperature
        self.distillation = ProbabilityDistillation(temperature=temperature, loss=keras.losses.KLDivergence())

    def answers(self, images: Any) -> list[Any]:
        """Probabilities (N, classes) of the float model, and of the teacher where there is one."""
        return [model(images, training=False) for model in self.models]

    def loss(self, expected: list[Any], found: Any) -> Any:
        """The mean over the images of a batch, a scalar tensor."""
        own = tf.reduce_mean(keras.losses.categorical_crossentropy(expected[0], found))
        if len(expected) == 1:
            return own
        return (1 - self.weight) * own + self.weight * self.distillation.compute_loss(expected[1], found)
