"""The layers of a folded model, each fed by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnedge.convert.layer_errors.float_layers import float_layers
from cnnedge.errors import ModelError
from cnnedge.model.fold import fold


def test_layers_fed_one_after_the_other_give_the_models_answer(residual_model, pixels):
    folded, images = fold(residual_model), pixels[:4].astype("float32")
    values = {id(folded.inputs[0]): images}
    for layer in float_layers(folded):
        values[id(layer.tensor)] = layer.part([values[id(source)] for source in layer.sources], training=False)
    answer = np.asarray(values[id(folded.outputs[0])])
    # The same float32 operations in the same order.
    np.testing.assert_allclose(answer, folded.predict(images, verbose=0), rtol=1e-5)


def test_relu_belongs_to_the_layer_before_it(residual_model):
    found = float_layers(fold(residual_model))
    kinds = ["Conv2D", "Conv2D", "Add", "GlobalAveragePooling2D", "Dense", "Dense", "Softmax"]
    assert [layer.kind for layer in found] == kinds
    total = found[2]
    assert {id(source) for source in total.sources} == {id(found[0].tensor), id(found[1].tensor)}
    assert np.asarray(total.part([np.full((1, 16, 16, 8), -1.0, "float32")] * 2)).max() == 0


def after_a_convolution(layer) -> keras.Model:
    image = keras.Input((8, 8, 1))
    x = layers.Flatten()(layer(layers.Conv2D(8, 3)(image)))
    return fold(keras.Model(image, layers.Dense(2, activation="softmax")(x)))


def test_an_activation_inside_a_layer_is_an_operator_of_its_own():
    found = float_layers(after_a_convolution(layers.Conv2D(8, 3, activation="tanh", name="bent")))
    assert [layer.kind for layer in found] == ["Conv2D", "Conv2D", "Dense", "Softmax"]
    # Its output is that before the tanh, which belongs to the layer that reads it.
    assert np.abs(np.asarray(found[1].part([np.full((1, 6, 6, 8), 100.0, "float32")]))).max() > 1


def test_a_relu_whose_limit_no_file_has_is_refused():
    with pytest.raises(ModelError, match="layer low is a ReLU with the limit 3, expected none or 6"):
        float_layers(after_a_convolution(layers.ReLU(max_value=3, name="low")))
