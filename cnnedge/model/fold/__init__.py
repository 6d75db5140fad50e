"""Turn a trained Keras 3 classifier into the same function with fewer, plainer layers, rule by rule.

The exporters all start from the folded model:

- ``separable``: a separable convolution becomes a depthwise one and one of 1 x 1,
- ``dense_on_maps``: a dense layer on a map becomes a convolution of 1 x 1,
- ``grouped``: a convolution with a group for every channel becomes a depthwise one,
- ``resized``: a bicubic or Lanczos resizing becomes two convolutions of 1 x 1 over rows and columns,
- ``activations``: a ``ReLU`` becomes the activation of the layer before it; every other activation a layer of its own,
- ``channel_order``: RGB to BGR goes into the weights of the first layer,
- ``affine``: batch normalization and the scaling of pixels go into the weights beside them,
- ``branches``: parallel convolutions that are added become one,
- ``walk`` calls the rules and names the final softmax ``probabilities``; ``flat.inference`` leaves out what does
  nothing at inference, and ``flat.widened`` gives a transposed convolution with output padding a larger kernel.

Folding before quantization means that what is quantized is exactly what runs: the fake-quantized kernel of
quantization-aware training is the kernel in the file, and batch statistics stay as the float model had them.
"""

from cnnedge.model.fold.activations import is_plain_relu
from cnnedge.model.fold.walk import fold
from cnnedge.model.signature import INPUT_NAME, OUTPUT_NAME

__all__ = ["INPUT_NAME", "OUTPUT_NAME", "fold", "is_plain_relu"]
