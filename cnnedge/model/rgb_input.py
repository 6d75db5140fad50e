"""A grey classifier that takes RGB pictures: for tools that know no grey ones, such as MediaPipe Tasks.

Grey is taken as the mean of the three channels. That mean is a 1x1 convolution with the weights 1/3, and folded into
the first layer it costs no operator: every input channel gets a third of the kernel. Quantized per output channel, a
third of the kernel has a third of the scale and the same integers.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cnnedge.errors import ModelError
from cnnedge.model.fold import INPUT_NAME, fold
from cnnedge.model.readers.declared import refuse_colour
from cnnedge.model.source import SourceModel

if TYPE_CHECKING:
    import keras

CHANNELS = 3
# The axis of the input channels in a convolution's kernel (height, width, in, out).
_IN = 2


def taking_rgb(source: SourceModel) -> SourceModel:
    """The grey classifier that was read as one of RGB pictures, see ``with_rgb_input``."""
    reference = replace(source.reference, of_rgb=True)
    return replace(source, model=with_rgb_input(source.model), reference=reference, changed=True)


def with_rgb_input(model: "keras.Model") -> "keras.Model":
    """The folded twin of a grey classifier, taking float32 ``(N, H, W, 3)`` pixels 0..255.

    Args:
        model: float32 ``(N, H, W, 1)`` pixels 0..255 in, probabilities out.

    Raises:
        UsageError: the model takes RGB already.
        ModelError: the first layer is no convolution, or ``fold`` refuses the model.
    """
    import keras

    grey = fold(model)
    height, width, channels = grey.inputs[0].shape[1:]
    refuse_colour(channels)
    first = [layer for layer in grey.layers[1:] if layer.input is grey.inputs[0]]
    for layer in first:
        if type(layer).__name__ != "Conv2D":
            raise ModelError(
                f"layer {layer.name!r} ({type(layer).__name__}) takes the image, expected Conv2D: the mean of three "
                "channels folds into no other layer"
            )
    image = keras.Input((height, width, CHANNELS), name=INPUT_NAME)
    twin = keras.models.clone_model(grey, input_tensors=image)
    for layer in grey.layers[1:]:
        values = layer.get_weights()
        if layer in first:
            values[0] = np.repeat(values[0] / np.float32(CHANNELS), CHANNELS, axis=_IN)
        twin.get_layer(layer.name).set_weights(values)
    return twin
