"""Muon for convolutions: every step turns a kernel equally far in all directions that its gradients have shown.

cifar10-small is as far after 4 epochs as after 8 of SGD, and ends higher; mnist and 100 epochs of mnist-tiny gain
nothing (exported/TRAINING.md). Source: Jordan et al., Muon (2024), and its training of a CIFAR-10 network;
``keras.optimizers.Muon`` takes matrices alone and has AdamW for all else, which here stays with SGD.
"""

import keras
from keras import ops

# Newton-Schulz steps, as in the source: singular values then lie between 0.7 and 1.2.
STEPS = 5


class ConvolutionMuon(keras.optimizers.SGD):
    """SGD with Nesterov momentum, except for the kernels of convolutions.

    A kernel (height, width, inputs, filters) is a matrix of ``filters`` columns. Its momentum is made orthogonal and
    scaled to the length that a step of 1 in every filter has, the root of ``filters``; the step is ``muon_rate`` of
    that at the schedule's peak, and follows the schedule. A quarter of ``muon_rate`` is its decay: steps in directions
    of chance then hold each filter at the length with which it began, the root of 2 (He et al., arXiv 1502.01852),
    for the squared length at which ``rate**2`` a step is lost to ``2 * rate * decay`` of it is ``rate / (2 * decay)``.
    """

    def __init__(self, learning_rate, *, peak: float, muon_rate: float, **kwargs) -> None:
        """``peak``: what the schedule ``learning_rate`` reaches. ``kwargs``: see keras.optimizers.SGD."""
        super().__init__(learning_rate, nesterov=True, **kwargs)
        self.muon_rate = muon_rate
        self.share = muon_rate / peak
        self._orthogonal = keras.optimizers.Muon().zeropower_via_newtonschulz5

    def update_step(self, gradient, variable, learning_rate):
        if not _turns(variable):
            super().update_step(gradient, variable, learning_rate)
            return
        rate = ops.cast(learning_rate, variable.dtype) * self.share
        past = self.momentums[self._get_variable_index(variable)]
        self.assign(past, ops.add(ops.multiply(past, self.momentum), gradient))
        ahead = ops.add(gradient, ops.multiply(past, self.momentum))
        filters = variable.shape[-1]
        matrix = ops.reshape(ahead, (-1, filters))
        turned = self._orthogonal(matrix, STEPS) * (filters / min(matrix.shape)) ** 0.5
        step = ops.add(ops.reshape(turned, variable.shape), ops.multiply(variable, self.muon_rate / 4))
        self.assign_sub(variable, ops.multiply(step, rate))

    def _use_weight_decay(self, variable):
        return not _turns(variable) and super()._use_weight_decay(variable)


def _turns(variable) -> bool:
    """A kernel of several filters; a depthwise one, whose last axis is 1, is no matrix."""
    return len(variable.shape) == 4 and variable.shape[-1] > 1
