"""Learning from a larger network's probabilities, with Keras's own ``Distiller``."""

import keras

from cnnedge.errors import ModelError

# A smaller probability counts as this one, so that its logarithm is finite; Keras's own losses clip there too.
SMALLEST_PROBABILITY = 1e-7


@keras.saving.register_keras_serializable("cnnedge")
class ProbabilityDistillation(keras.distillation.LogitsDistillation):
    """Keras's distillation on logits, for networks that end in a softmax.

    The logarithm of a softmax is its logits up to a constant, and the softmax at any temperature does not see a
    constant: nothing is lost on the way back.
    """

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """Temperature squared times KL(teacher, student) of ``(batch, classes)`` probabilities, a scalar."""
        return super().compute_loss(_logits(teacher_outputs), _logits(student_outputs), **kwargs)


def distiller(student: keras.Model, teacher: keras.Model, *, teacher_weight: float, temperature: float) -> keras.Model:
    """A model that trains ``student`` against labels and ``teacher`` at once; only the student's weights
    change.

    Raises:
        ModelError: see ``check_teacher``.
    """
    check_teacher(teacher, student)
    trainee = keras.distillation.Distiller(
        teacher=teacher,
        student=student,
        # The loss object, not its name: given "kl_divergence", Keras 3.15 takes no softmax and no temperature.
        distillation_losses=ProbabilityDistillation(temperature=temperature, loss=keras.losses.KLDivergence()),
        student_loss_weight=1 - teacher_weight,
    )
    trainee.build(student.input_shape)  # Keras loads no checkpoint into one that has seen neither a shape nor an image
    return trainee


def check_teacher(teacher: keras.Model, student: keras.Model) -> None:
    """Refuse a teacher of something else.

    Raises:
        ModelError: the two do not take the same images or do not give the same classes.
    """
    for what, ours, theirs in (
        ("images of shape", student.input_shape[1:], teacher.input_shape[1:]),
        ("class count", student.output_shape[1:], teacher.output_shape[1:]),
    ):
        if ours != theirs:
            raise ModelError(f"the teacher has {what} {theirs}, expected {ours} as in {student.name}")


def _logits(probabilities):
    return keras.ops.log(keras.ops.maximum(probabilities, SMALLEST_PROBABILITY))
