"""What a model file says of itself, read without Keras: for what can be refused before anything heavy is loaded."""

import difflib
import zipfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cnnedge.errors import ModelError, UsageError
from cnnedge.model.readers.dot_keras import read_config
from cnnedge.model.readers.hdf5 import stated_config, stated_training
from cnnedge.model.readers.keras2 import GRAPHS, modernized
from cnnedge.model.readers.opening import check_kind
from cnnedge.model.readers.stored import check_hdf5

# Layers that the folded model has and no file names: what is done to pixels, and heads.
_OURS = ("logits", "probabilities", "two_classes", "preprocessing", "reversed_channels", "without_channels", "groups")
# Without case and underscores. How far an amount is off; of probabilities some are losses too, behind a softmax.
_LOSSES_OF_AMOUNTS = (
    "mse", "mae", "mape", "msle", "meansquarederror", "meanabsoluteerror", "meanabsolutepercentageerror",
    "meansquaredlogarithmicerror", "huber", "logcosh", "poisson",
)  # fmt: skip


def check_asked(
    path: Path, *, labels: Sequence[str] | None = None, float_layers: Sequence[str] = (), modules: Sequence[str] = (),
    rgb_input: bool = False,
) -> None:  # fmt: skip
    """Refuse what certainly does not fit the model in ``path``; what only Keras can tell is left to be seen later.

    Args:
        labels: names for its classes. float_layers: names of layers. modules: with custom layers of it.
        rgb_input: whether a network of grey pictures is to take RGB.

    Raises:
        ModelError: there is no Keras model, or no such module; or it was trained to give amounts, or several labels.
        UsageError: the file declares another number of classes, or no layer that any of the names comes from, or a
            network that takes RGB already.
    """
    check_kind(path)
    for module in modules:
        _check_module(module)
    config = _config(path)
    if rgb_input and config is not None:
        refuse_colour(_channels(config))
    if config is None or modules:  # layers of one's own may have others inside, which the file does not name
        return
    _refuse_other_losses(path, config)
    classes = _classes(config)
    if labels and classes and len(labels) != classes:
        raise UsageError(f"--labels names {len(labels)} classes and {path.name} gives {classes}")
    known = {*_OURS, *_names(config)}
    for name in float_layers:
        if not any(name == layer or name.startswith(f"{layer}_") for layer in known):
            meant = difflib.get_close_matches(name, known, n=3)
            shown = ", ".join(meant) if meant else "none that is called so, or nearly"
            raise UsageError(f"no layer {name!r} to leave in float: {path.name} has {shown}")


def refuse_colour(channels: int | None) -> None:
    """Refuse ``--rgb-input`` for a network that takes so many channels; None where that is not certain.

    Raises:
        UsageError: there are several.
    """
    if channels not in (1, None):
        raise UsageError(f"the model takes {channels} channels already: leave --rgb-input out")


def _check_module(name: str) -> None:
    try:
        found = find_spec(name)
    except (ImportError, ValueError) as error:
        raise ModelError(f"--allow-custom-objects {name}: it cannot be imported ({error})") from None
    if found is None:
        raise ModelError(f"--allow-custom-objects {name}: it cannot be imported (there is no module of this name)")


def _config(path: Path) -> dict[str, Any] | None:
    """The configuration of a ``.keras`` or ``.h5`` file in the words of Keras 3; None for a SavedModel, or a damaged
    file, which is said where it is opened."""
    if path.is_dir():
        return None
    try:
        found = modernized(_stated(path))
    # Whatever a damaged file makes of it, opening it says it better.
    except Exception:
        return None
    return found if isinstance(found, dict) else None


def _stated(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return read_config(archive)
    check_hdf5(path)
    return stated_config(path) | {"compile_config": stated_training(path)}


def _refuse_other_losses(path: Path, config: dict[str, Any]) -> None:
    """Refuse a network that was compiled to come near to numbers, or to answer several questions at once: its units are
    no logits of classes."""
    compiled, end = config.get("compile_config"), _dense_end(config)
    loss = compiled.get("loss") if isinstance(compiled, dict) else None
    name = loss.get("class_name") if isinstance(loss, dict) else loss
    name = loss.get("config") if isinstance(loss, dict) and name == "function" else name
    if end is None or end.get("activation") != "linear" or not isinstance(name, str):
        return
    plain = name.lower().replace("_", "")
    if plain.startswith("binary") and end.get("units") != 1:
        raise ModelError(
            f"{path} was trained with the loss {name}, so each of its {end.get('units')} units is a yes or no of its "
            "own, expected one class of several: train it with a softmax, or with one unit for two classes"
        )
    if plain in _LOSSES_OF_AMOUNTS:
        raise ModelError(
            f"{path} was trained with the loss {name} and its last layer has no activation, so it gives amounts: "
            "expected a classifier, with a softmax, or one sigmoid unit for two classes"
        )


def _channels(config: dict[str, Any]) -> int | None:
    """How many channels a network's one image has; None where that is not certain."""
    parts = config.get("config")
    layers = parts.get("layers") if isinstance(parts, dict) else None
    first = layers[0] if isinstance(layers, list) and layers and isinstance(layers[0], dict) else {}
    settings = first.get("config")
    if not isinstance(settings, dict) or config.get("class_name") not in (*GRAPHS, "Sequential"):
        return None
    # Keras 2 calls it otherwise, and lets the first layer of a Sequential say it.
    shape = settings.get("batch_shape", settings.get("batch_input_shape"))
    return shape[3] if isinstance(shape, list) and len(shape) == 4 and shape[3] in (1, 3) else None


def _classes(config: dict[str, Any]) -> int | None:
    """How many classes a network gives that ends in a Dense layer of Keras; None where that is not certain.

    One unit may stand for two classes.
    """
    units = (_dense_end(config) or {}).get("units")
    return units if isinstance(units, int) and units > 1 else None


def _dense_end(config: dict[str, Any]) -> dict[str, Any] | None:
    """The configuration of the Dense layer of Keras in which a network ends; None where that is not certain."""
    parts = config.get("config")
    found = parts.get("layers") if isinstance(parts, dict) else None
    layers = [layer for layer in found if isinstance(layer, dict)] if isinstance(found, list) else []
    if not isinstance(parts, dict) or not layers:
        return None
    if config.get("class_name") in GRAPHS:
        end = parts.get("output_layers")
        end = end[0] if isinstance(end, list) and len(end) == 1 else end  # an .h5 file has a list of its one output
        layers = [layer for layer in layers if isinstance(end, list) and layer.get("name") in end[:1]]
    elif config.get("class_name") != "Sequential":
        return None
    last = layers[-1] if layers else {}
    settings = last.get("config")
    kind = last.get("module", "keras.layers"), last.get("class_name")  # Keras 2 writes no module
    if kind != ("keras.layers", "Dense") or not isinstance(settings, dict):
        return None  # another layer, or somebody's own of this name
    return settings


def _names(config: dict[str, Any]) -> Iterator[str]:
    """Every layer's name, at any depth; and names of what no layer is called after, which does not matter here."""
    pending: list[Any] = [config]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            yield from (part["name"],) if isinstance(part.get("name"), str) else ()
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)
