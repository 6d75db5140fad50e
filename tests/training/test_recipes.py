"""Recipes are checked when they are made, and every model has both presets."""

import dataclasses

import pytest

from cnnedge.errors import UsageError
from cnnedge.model.networks import MODELS
from cnnedge.training.recipes import PRESETS, RECIPES, Augmentation, Recipe, recipe


def test_every_model_has_every_preset():
    assert set(RECIPES) == {(model, preset) for model in MODELS for preset in PRESETS}


def test_a_full_training_is_longer_than_a_quick_one():
    for model in MODELS:
        assert recipe(model, "full").epochs > recipe(model, "quick").epochs


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe("mnist", "quick").epochs = 1


def test_what_is_given_takes_the_presets_place():
    """None is an option that was not given; TrivialAugment comes beside what the preset has."""
    present = recipe("mnist", "full")
    assert recipe("mnist", "full", epochs=None, muon_rate=None) == present
    other = recipe("mnist", "full", epochs=9, muon_rate=0.05, trivial=True)
    assert (other.epochs, other.muon_rate) == (9, 0.05) and not present.augmentation.trivial
    strong = dataclasses.replace(present.augmentation, trivial=True)
    assert other == dataclasses.replace(present, epochs=9, muon_rate=0.05, augmentation=strong)
    # What a turn leaves bare is the mean of all photos, as in the preset that has TrivialAugment.
    assert recipe("cifar10-small", "full", trivial=True).augmentation == recipe("cifar10", "full").augmentation


def test_overrides_are_checked_too():
    assert dataclasses.replace(recipe("mnist", "quick"), epochs=7).epochs == 7
    with pytest.raises(UsageError, match="epochs is 0, expected at least 1"):
        dataclasses.replace(recipe("mnist", "quick"), epochs=0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batch_size", 0),
        ("peak_learning_rate", 0.0),
        ("warmup_fraction", 1.0),
        ("momentum", 1.0),
        ("weight_decay", -1e-4),
        ("label_smoothing", 1.0),
        ("ema_momentum", 1.0),
        ("teacher_weight", 1.5),
        ("temperature", 0.0),
        ("qat_epochs", -1),
        ("qat_learning_rate", 0.0),
        ("calibration_images", 0),
        ("muon_rate", 1.0),
    ],
)
def test_impossible_recipes(field, value):
    with pytest.raises(UsageError, match=f"{field} is {value}, expected"):
        Recipe(**{"epochs": 1, field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shift", -1),
        ("cutout", -8),
        ("fill", 256),
        ("rotate", 180),
        ("zoom", 1.0),
        ("erase", 1.5),
        ("mixup", -0.2),
        ("cutmix", float("inf")),
    ],
)
def test_impossible_augmentations(field, value):
    with pytest.raises(UsageError, match=f"{field} is {value}, expected"):
        Augmentation(**{field: value})


def test_unknown_names_list_the_choices():
    with pytest.raises(UsageError, match="no recipe for model 'x': expected one of cifar10, cifar10-small, mnist"):
        recipe("x", "quick")
    with pytest.raises(UsageError, match="unknown preset 'slow': expected one of quick, full"):
        recipe("mnist", "slow")
