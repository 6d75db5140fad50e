"""``.keras`` files that cannot be used, each refused in one line."""

import keras
import pytest

from cnnedge.errors import ModelError
from cnnedge.model.keras_file import load_keras, save_keras
from cnnedge.model.networks import build_model


def test_what_is_saved_is_what_is_loaded(tmp_path):
    model = build_model("mnist-tiny", seed=3)
    save_keras(model, tmp_path / "digits.keras")
    loaded = load_keras(tmp_path / "digits.keras")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert all((ours == theirs).all() for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["digits.keras"]


def test_load_keras_refuses_with_one_line(tmp_path):
    def refuse(name: str, message: str, content: bytes | None = None) -> None:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ModelError, match=message) as caught:
            load_keras(path)
        assert "\n" not in str(caught.value)

    refuse("absent.keras", "does not exist")
    refuse("text.keras", "is not a Keras model file", b"hello")
    refuse("empty.keras", "is not a Keras model file", b"")
    refuse("model.h5", "is not a Keras model file", b"\x89HDF")
    good = tmp_path / "good.keras"
    save_keras(build_model("mnist-tiny"), good)
    content = good.read_bytes()
    refuse("cut.keras", "is not a Keras model file|cannot be read", content[: len(content) // 2])
    refuse(
        "damaged.keras", "cannot be read", content.replace(b"mnist-tiny", b"mnist/tiny").replace(b"conv1", b"vnoc1", 1)
    )


def test_load_keras_runs_no_code_and_takes_only_classifiers(tmp_path):
    image = keras.Input((8, 8, 1))
    code = keras.Model(image, keras.layers.Lambda(lambda pixels: pixels * 2)(image))
    code.save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match="Lambda layer: that is code, which is never run"):
        load_keras(tmp_path / "lambda.keras")
    not_a_classifier = keras.Model(image, keras.layers.ReLU()(image))
    save_keras(not_a_classifier, tmp_path / "image.keras")
    with pytest.raises(ModelError, match=r"image\.keras: the model gives output of shape"):
        load_keras(tmp_path / "image.keras")
