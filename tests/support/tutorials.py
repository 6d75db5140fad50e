"""The networks of the official tutorials, as their users save them, at any size."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers


@dataclass(frozen=True)
class Tutorial:
    """``make`` takes the side of the pictures; ``side`` is the tutorial's own, ``small`` one that is tested with.
    ``scale`` is what the app divides pixels by; ``suffix`` says how it is saved, "" being a SavedModel."""

    make: Callable[[int], Any]
    side: int
    small: int
    suffix: str = ".keras"
    scale: float | None = None

    def save(self, model: Any, path: Path) -> Path:
        path = path.with_suffix(self.suffix)
        if self.suffix:
            model.save(path)
        else:
            model.export(path, verbose=False)
        return path


def _augmentation() -> Any:
    return keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1)])


def image_classification(side: int) -> Any:
    """tensorflow.org/tutorials/images/classification"""
    net = [_augmentation(), layers.Rescaling(1 / 255)]
    for filters in (16, 32, 64):
        net += [layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    net += [layers.Dropout(0.2), layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(5)]
    return keras.Sequential([keras.Input((side, side, 3)), *net])


def transfer_learning(side: int) -> Any:
    """tensorflow.org/tutorials/images/transfer_learning: operations, a nested base, one logit."""
    image = keras.Input((side, side, 3))
    base = keras.applications.MobileNetV2(input_shape=(side, side, 3), include_top=False, weights=None)
    x = base(keras.applications.mobilenet_v2.preprocess_input(_augmentation()(image)), training=False)
    return keras.Model(image, layers.Dense(1)(layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))))


def from_scratch(side: int) -> Any:
    """keras.io/examples/vision/image_classification_from_scratch: separable and residual, one sigmoid unit."""
    image = keras.Input((side, side, 3))
    x = layers.Conv2D(32, 3, strides=2, padding="same")(layers.Rescaling(1 / 255)(image))
    x = short = layers.Activation("relu")(layers.BatchNormalization()(x))
    for filters in (64, 128):
        for _ in range(2):
            x = layers.SeparableConv2D(filters, 3, padding="same")(layers.Activation("relu")(x))
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = short = layers.add([x, layers.Conv2D(filters, 1, strides=2, padding="same")(short)])
    x = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Dense(1, activation="sigmoid")(x))


def mnist_convnet(side: int) -> Any:
    """keras.io/examples/vision/mnist_convnet: pixels / 255 outside."""
    net = [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu")]
    net += [layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((side, side, 1)), *net])


def cnn_tutorial(side: int) -> Any:
    """tensorflow.org/tutorials/images/cnn: logits, pixels / 255 outside."""
    net = [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu")]
    net += [layers.MaxPooling2D(), layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10)]
    return keras.Sequential([keras.Input((side, side, 3)), *net])


def model_optimization(side: int) -> Any:
    """tensorflow.org/model_optimization: pictures without a channel, Reshape inside."""
    net = [layers.Reshape((side, side, 1)), layers.Conv2D(12, 3, activation="relu"), layers.MaxPooling2D()]
    return keras.Sequential([keras.Input((side, side)), *net, layers.Flatten(), layers.Dense(10)])


def efficientnet(side: int) -> Any:
    """keras.io/examples/vision/image_classification_efficientnet_fine_tuning: flat, with its own Normalization."""
    image = keras.Input((side, side, 3))
    base = keras.applications.EfficientNetB0(include_top=False, input_tensor=image, weights=None)
    x = layers.BatchNormalization()(layers.GlobalAveragePooling2D()(base.output))
    return keras.Model(image, layers.Dense(5, activation="softmax")(layers.Dropout(0.2)(x)))


def transfer_guide(side: int) -> Any:
    """keras.io/guides/transfer_learning: pixels to -1..1, a nested base of Xception's blocks, one logit."""
    inner = keras.Input((side // 2, side // 2, 8))
    x = inner
    for filters in (16, 24):
        short = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=2, padding="same")(x))
        for _ in range(2):
            x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(layers.Activation("relu")(x))
            x = layers.BatchNormalization()(x)
        x = layers.add([layers.MaxPooling2D(3, strides=2, padding="same")(x), short])
    base = keras.Model(inner, x, name="xception")
    base.trainable = False
    image = keras.Input((side, side, 3))
    x = layers.Rescaling(scale=1 / 127.5, offset=-1)(_augmentation()(image))
    x = base(layers.Conv2D(8, 3, strides=2, padding="same")(x), training=False)
    return keras.Model(image, layers.Dense(1)(layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))))


def vgg_head(side: int) -> Any:
    """VGG16's form, two blocks of it, under the usual Flatten head; pixels as they are."""
    image = keras.Input((side, side, 3))
    x = image
    for filters in (8, 16):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2, strides=2)(x)
    base = keras.Model(image, x, name="vgg16")
    head = [layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((side, side, 3)), base, *head, layers.Dense(3, activation="softmax")])


def grey(side: int) -> Any:
    """A person detector of TinyML: grey, depthwise separable, two classes."""
    image = keras.Input((side, side, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(layers.Rescaling(1 / 127.5, -1)(image))
    for filters, strides in ((16, 1), (32, 2), (32, 2)):
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.Conv2D(filters, 1, use_bias=False)(layers.ReLU(6.0)(layers.BatchNormalization()(x)))
    x = layers.GlobalAveragePooling2D(keepdims=True)(layers.ReLU(6.0)(layers.BatchNormalization()(x)))
    return keras.Model(image, layers.Softmax()(layers.Flatten()(layers.Conv2D(2, 1)(x))))


def teachable_machine(side: int) -> Any:
    """teachablemachine.withgoogle.com: keras_model.h5 of Keras 2, a MobileNet and dense layers."""
    import tf_keras
    from tf_keras import layers as old

    image = tf_keras.Input((side, side, 3))
    x = old.ReLU(6.0)(old.BatchNormalization()(old.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(image)))
    short = x = old.Conv2D(8, 1, use_bias=False)(old.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
    x = old.Add()([short, old.Conv2D(8, 1)(old.ReLU(6.0)(old.BatchNormalization()(old.Conv2D(24, 1)(x))))])
    features = tf_keras.Sequential([tf_keras.Model(image, x), old.GlobalAveragePooling2D()])
    classifier = tf_keras.Sequential([old.Dense(100, "relu"), old.Dense(3, "softmax", use_bias=False)])
    model = tf_keras.Sequential([features, classifier])
    model.build((None, side, side, 3))
    return model


def thousand_classes(side: int) -> Any:
    """ImageNet's number of classes, Normalization inside."""
    norm = layers.Normalization(mean=[123.0, 117.0, 104.0], variance=[58.0**2, 57.0**2, 57.0**2])
    net = [norm, layers.Conv2D(32, 3, strides=4, activation="swish"), layers.Conv2D(64, 3, strides=2)]
    net += [layers.BatchNormalization(), layers.LeakyReLU(0.1), layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input((side, side, 3)), *net, layers.Dense(1000, activation="softmax")])


def caffe_resnet(side: int) -> Any:
    """ResNet50 nested behind its own ``preprocess_input``: blue first, ImageNet's mean taken out; two classes."""
    image = keras.Input((side, side, 3))
    base = keras.applications.ResNet50(input_shape=(side, side, 3), include_top=False, weights=None)
    x = base(keras.applications.resnet50.preprocess_input(image))
    return keras.Model(image, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def application(name: str, classes: int = 10) -> Callable[[int], Any]:
    make = getattr(keras.applications, name)
    return lambda side: make(input_shape=(side, side, 3), weights=None, classes=classes)


TUTORIALS = {
    "image-classification": Tutorial(image_classification, 180, 32),
    "transfer-learning": Tutorial(transfer_learning, 160, 64, ".h5"),
    "from-scratch": Tutorial(from_scratch, 180, 32),
    "from-scratch-exported": Tutorial(from_scratch, 180, 32, ""),
    "mnist-convnet": Tutorial(mnist_convnet, 28, 28, ".h5", 255.0),
    "cnn": Tutorial(cnn_tutorial, 32, 32, ".keras", 255.0),
    "model-optimization": Tutorial(model_optimization, 28, 28, ".h5", 255.0),
    "transfer-guide": Tutorial(transfer_guide, 150, 48),
    "vgg-head": Tutorial(vgg_head, 224, 32, ".h5"),
    "grey": Tutorial(grey, 96, 32),
    "teachable-machine": Tutorial(teachable_machine, 224, 32, ".h5", 127.5),
    "thousand-classes": Tutorial(thousand_classes, 64, 32),
}
LARGE = {
    "efficientnet": Tutorial(efficientnet, 224, 32),
    "caffe-resnet": Tutorial(caffe_resnet, 224, 32),
    **{
        name: Tutorial(application(name), side, 32)
        for name, side in (("MobileNetV2", 224), ("MobileNetV3Small", 224), ("MobileNetV3Large", 224),
                           ("ResNet50", 224), ("DenseNet121", 224),
                           ("NASNetMobile", 224), ("ConvNeXtTiny", 224), ("InceptionV3", 299), ("Xception", 299))
    },
}  # fmt: skip


def settled(model: Any, side: int, scale: float | None = None) -> Any:
    """Batch statistics as of a trained network: those of random pictures, in place of 0 and 1; and layer scales that
    let a branch through, where they begin at 1e-6: what it adds is then less than any 8-bit step."""
    keras.utils.set_random_seed(7)
    shape = tuple(size or side for size in model.inputs[0].shape[1:])
    pictures = np.random.default_rng(7).integers(0, 256, (16, *shape)).astype("float32") / (scale or 1)
    for layer in model._flatten_layers():
        if type(layer).__name__ == "LayerScale":
            layer.gamma.assign(np.full(layer.gamma.shape, 0.1, "float32"))
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    if norms:
        model(pictures, training=True)
    for layer in norms:
        layer.momentum = 0.99
    return model
