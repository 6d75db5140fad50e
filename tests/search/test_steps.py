"""Searches over networks that lose their answers for a known reason."""

import pytest

from cnnedge.convert.converter import Converter
from cnnedge.documents.trials import Wish, read_search
from cnnedge.errors import FileExistsRefusal, GateError, UsageError
from cnnedge.manifest import read_manifest
from cnnedge.search import judging
from cnnedge.search.beginning import begun, refuse_unfinished, subject_of
from cnnedge.search.narrower import Narrower
from cnnedge.search.steps import SEARCH, Seeker
from cnnedge.search.taking import check_met, take
from cnnedge.training.recipes import Recipe
from tests.support.planted import fragile, network, searchable, stickered, watching

MAX_DROP = 5.0
# A step of training, too little to change anything.
RECIPE = Recipe(epochs=1, batch_size=50, qat_epochs=0.05, qat_learning_rate=1e-6)


@pytest.fixture(scope="module")
def data(tensorflow):
    return searchable()


@pytest.fixture(scope="module")
def robust(data):
    return network(data)


def seeker(model, data, folder, *precisions, resume=False, max_drop=MAX_DROP, narrower=None, tell=lambda line: None):
    """``narrower``: a network that stands for one at width 0.5."""
    source = folder.parent / f"{folder.name}.keras"
    if not source.exists():
        model.save(source)
    wish = Wish(max_drop, "smallest", ("tflite",), precisions, 0)
    record = begun(folder, wish, subject_of(source, "digits", data), resume=resume)
    others = [] if narrower is None else [Narrower(0.5, source, converter(narrower, data))]
    return Seeker(converter(model, data), record, folder, tell, narrower=tuple(others))


def converter(model, data):
    return Converter(model, data, RECIPE, force_calibration=True)


def taken(found: Seeker, trial):
    return take(found, trial, source=found.folder.parent / f"{found.folder.name}.keras", name="digits")


@pytest.mark.parametrize("layers", [("two",), ("two", "three")])
def test_planted_layers_are_the_ones_left_in_float(layers, robust, data, tmp_path):
    found = seeker(fragile(robust, *layers), data, tmp_path / "out", "int8", "int8_mixed")
    trial = found.seek(qat=False)
    # Of int8 in the planted layers 20 points and more are lost, as in the files of every rule for ranges.
    whole = [one for one in found.record.trials if one.precision == "int8"]
    assert len(whole) == 3 and all(one.found.delta_pp < -20 for one in whole)
    assert set(trial.float_layers) == set(layers) and trial.precision == "int8_mixed"
    assert found.record.met and trial.found.verdict == "within"
    assert {cost.layer for cost in found.record.layers[: len(layers)]} == set(layers)


def test_a_calibration_set_with_outliers_is_rescued_by_percentile_ranges(robust, data, tmp_path):
    found = seeker(watching(robust), stickered(data), tmp_path / "out", "int8")
    trial = found.seek(qat=False)
    whole = {one.ranges: one.found for one in found.record.trials}
    assert whole["minmax"].delta_pp < -20
    assert trial.ranges == "percentile" and trial.found.verdict == "within" and found.record.met


def test_a_robust_network_ends_in_plain_int8_after_an_interruption_too(robust, data, tmp_path, monkeypatch):
    evaluated = []

    def counted(self, content, format, *, stage, progress):
        evaluated.append(stage)
        if len(evaluated) == 3:
            raise KeyboardInterrupt
        return look_at(self, content, format, stage=stage, progress=progress)

    look_at = judging.Judge.look_at
    monkeypatch.setattr(judging.Judge, "look_at", counted)
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        seeker(robust, data, folder, "int8", "int8_mixed", "float16").seek(qat=True)
    with pytest.raises(FileExistsRefusal, match="holds an unfinished search: add --resume to go on with it"):
        refuse_unfinished(folder)
    assert len(read_search(folder / SEARCH).trials) == 2

    found = seeker(robust, data, folder, "int8", "int8_mixed", "float16", resume=True)
    trial = found.seek(qat=True)
    # Three rules for int8 and float16, the interrupted one twice; neither layers in float nor training were needed.
    assert len(evaluated) == 5 and len(set(evaluated)) == 4
    assert trial.precision == "int8" and not found.record.layers
    assert all(one.p50_ms > 0 for one in found.record.trials if not one.same_as)

    record = taken(found, trial)
    check_met(record)
    assert record.file == "digits_int8.tflite" and record.test.images == 100
    assert sorted(path.name for path in folder.iterdir()) == [
        "digits.keras", "digits_int8.tflite", "manifest.json", SEARCH,
    ]  # fmt: skip
    assert read_manifest(folder).files[record.file].top1 == record.test.top1
    assert read_search(folder / SEARCH) == record
    refuse_unfinished(folder)
    with pytest.raises(UsageError, match="is a search with other options, data or model"):
        seeker(robust, data, folder, "int8", resume=True)


def test_where_nothing_is_shown_to_keep_the_limit_what_was_given_up_is_seen_to_the_end(
    robust, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(judging, "is_futile", lambda *_: True)
    found = seeker(robust, data, tmp_path / "out", "int8", "dynamic")
    trial = found.seek(qat=False)
    assert (trial.found.images, trial.stopped, found.record.met) == (400, False, True)
    others = [one for one in found.record.trials if one.sha256 != trial.sha256]
    assert others and all((one.found.images, one.stopped) == (250, True) for one in others), "it was enough"


def test_nothing_within_ends_with_the_nearest_and_advice(robust, data, tmp_path):
    found = seeker(fragile(robust, "two"), data, tmp_path / "out", "int8")
    trial = found.seek(qat=True)
    assert [one.method for one in found.record.trials] == ["ptq", "ptq", "ptq", "qat"]
    record = taken(found, trial)
    assert (tmp_path / "out" / record.file).is_file() and not record.met
    assert record.words[0].startswith("none of 4 candidates stays within 5 points; the nearest is ")
    assert record.words[1].startswith("what would help: ")
    with pytest.raises(GateError, match=r"no file stays within 5 points: digits_int8.*tflite is the nearest to it"):
        check_met(record)


def test_at_most_nothing_lost_is_a_fair_question(robust, data, tmp_path):
    """No number of images proves it: what is taken has lost none, and the words say what cannot be told."""
    found = seeker(robust, data, tmp_path / "out", "float16", max_drop=0.0)
    trial = found.seek(qat=False)
    record = taken(found, trial)
    assert record.met and trial.found.delta_pp >= 0 and trial.found.verdict == "unclear"
    assert record.words[1] == (
        "400 validation images cannot tell whether it stays within 0 points: any number of them shows that of a better "
        "file alone"
    )


@pytest.fixture
def untimed(monkeypatch):
    """Starting every file anew takes most of a search so small."""
    monkeypatch.setattr("cnnedge.search.speeds.measured", lambda *_: {})


def test_where_int8_of_a_narrower_network_keeps_the_limit_nothing_is_trained(robust, data, tmp_path, untimed):
    found = seeker(fragile(robust, "two"), data, tmp_path / "out", "int8", narrower=robust)
    trial = found.seek(qat=True)
    assert trial.label.startswith("tflite int8 at width 0.5") and trial.width == 0.5 and found.record.met
    assert {one.width: one.found.verdict for one in found.record.trials} == {None: "over", 0.5: "within"}
    assert all(one.method == "ptq" for one in found.record.trials) and len(found.record.trials) == 6


def test_layers_in_float_are_those_of_the_network_that_needs_them(robust, data, tmp_path, monkeypatch, untimed):
    monkeypatch.setattr(Seeker, "_largest", lambda self: float("inf"))  # they are larger than the robust one's int8
    found = seeker(robust, data, tmp_path / "out", "int8", "int8_mixed", narrower=fragile(robust, "two"))
    found.seek(qat=False)
    mixed = [one for one in found.record.trials if one.precision == "int8_mixed"]
    assert {one.width for one in mixed} == {0.5} and ("two",) in {one.float_layers for one in mixed}
    assert found.record.costs(0.5)[0].layer == "two" and not found.record.costs(None)


def test_a_narrower_network_that_loses_too_much_in_float_is_left_at_that(robust, data, tmp_path, untimed):
    import keras

    lost, lines = keras.models.clone_model(robust), []
    found = seeker(robust, data, tmp_path / "out", "int8", "int8_mixed", narrower=lost, tell=lines.append)
    found.seek(qat=True)
    assert "int8_mixed" not in {one.precision for one in found.record.trials}
    (told,) = (line for line in lines if line.startswith("width 0.5: "))
    assert "its float network loses too much already, top-1 " in told
