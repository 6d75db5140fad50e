"""The distillation loss against its formula, and teachers that do not fit."""

import keras
import numpy as np
import pytest

from cnnedge.errors import ModelError
from cnnedge.model.networks import build_model
from cnnedge.training.distillation import ProbabilityDistillation, distiller


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_distillation_loss_on_probabilities_is_that_on_logits():
    rng = np.random.default_rng(0)
    teacher, student = rng.normal(size=(2, 50, 10)) * 2
    softer_teacher, softer_student = softmax(teacher / 4), softmax(student / 4)
    expected = 16 * (softer_teacher * np.log(softer_teacher / softer_student)).sum(axis=1).mean()
    loss = ProbabilityDistillation(temperature=4.0, loss=keras.losses.KLDivergence()).compute_loss(
        softmax(teacher).astype(np.float32), softmax(student).astype(np.float32)
    )
    # Logarithms of float32 probabilities of at least 1e-5 are right to 2^-24 * 1 each: 1e-5 covers sums of ten.
    assert float(loss) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_teacher_of_other_images_or_classes_is_refused():
    student = build_model("mnist-tiny")
    with pytest.raises(ModelError, match=r"images of shape \(32, 32, 3\), expected \(28, 28, 1\) as in mnist-tiny"):
        distiller(student, build_model("cifar10-small"), teacher_weight=0.9, temperature=4.0)
    with pytest.raises(ModelError, match=r"class count \(7,\), expected \(10,\) as in mnist-tiny"):
        distiller(student, build_model("mnist", num_classes=7), teacher_weight=0.9, temperature=4.0)
