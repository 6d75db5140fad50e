"""Turn a trained Keras 3 classifier into the same function with fewer, plainer layers, rule by rule.

The exporters all start from the folded model:

- ``batch_norm``: batch normalization goes into the weights of the convolution or dense layer before it,
- ``input_scaling``: scaling of the pixels goes into the weights of the first layer: raw pixels go in at no cost,
- ``activations``: a ``ReLU`` becomes the activation of the layer before it,
- ``inference``: dropout and augmentation layers, which do nothing at inference, are left out,
- ``walk`` goes through the layers and makes the final softmax a layer of its own, named ``probabilities``.

Folding before quantization means that what is quantized is exactly what runs: the fake-quantized kernel of
quantization-aware training is the kernel in the file, and batch statistics stay as the float model had them.
"""

from cnnedge.model.fold.activations import is_plain_relu
from cnnedge.model.fold.walk import fold
from cnnedge.model.signature import INPUT_NAME, OUTPUT_NAME

__all__ = ["INPUT_NAME", "OUTPUT_NAME", "fold", "is_plain_relu"]
