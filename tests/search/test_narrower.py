"""``cnnedge search --width``: narrower networks of our own, trained as the model was, as further candidates."""

import pytest

from cnnedge.cli.app import run
from cnnedge.documents.trials import read_search
from cnnedge.formats.model_file import open_model_file
from cnnedge.manifest import read_manifest
from tests.support.digits import write_image_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_image_folder(tmp_path_factory.mktemp("digits"), train=None, test=12)


@pytest.fixture(scope="module")
def source(tensorflow, folder, tmp_path_factory):
    """A network of ours, trained for an epoch."""
    out = tmp_path_factory.mktemp("whole")
    asked = ["--data", str(folder), "--epochs", "1", "--batch-size", "40", "--name", "net", "--out", str(out)]
    assert run(["train", "mnist-tiny", *asked]) == 0
    return out / "net" / "net.keras"


def search(source, folder, out, *more):
    return run(["search", str(source), "--data", str(folder), "--no-qat", "--out", str(out), *more])


def test_a_narrower_network_is_trained_judged_and_taken(source, folder, tmp_path, capsys, monkeypatch):
    """Where all may be lost, the narrowest is the smallest."""
    monkeypatch.setattr("cnnedge.search.speeds.measured", lambda *_: {})
    asked = ["--width", "0.5", "--precision", "float16", "--max-drop", "100"]
    assert search(source, folder, tmp_path, *asked) == 0
    told, narrow = capsys.readouterr(), tmp_path / "net-width0.5"
    assert "train mnist-tiny at width 0.5 first" in told.err and ": 1 epochs of" in told.err
    assert f"file: {narrow / 'net-width0.5_float16.tflite'}" in told.out
    assert "tflite float16 at width 0.5 is the smallest of 2" in told.out

    record = read_search(tmp_path / "net" / "search.json")
    wide, other = record.trials
    assert (wide.width, other.width) == (None, 0.5) and other.size_bytes < wide.size_bytes
    assert record.taken_file(tmp_path / "net") == narrow / "net-width0.5_float16.tflite"
    assert "float16 at width 0.5" in (tmp_path / "net" / "search.html").read_text()
    manifest, trained = read_manifest(narrow), read_manifest(source.parent).training
    assert manifest.training.width == 0.5 and manifest.training.recipe == trained.recipe
    assert manifest.training.data == trained.data
    assert open_model_file(narrow / "net-width0.5_float16.tflite").passport.model == "net-width0.5"
    # What it is judged beside is the wide network, not its own float model.
    assert manifest.files["net-width0.5_float16.tflite"].top1 == record.test.top1
    own = round(120 * manifest.files["net-width0.5.keras"].top1)
    beside = record.test.right - record.test.gained + record.test.lost
    assert beside == round(120 * wide_top1(source, folder)) and own != beside

    (narrow / "net-width0.5_float16.tflite").unlink()
    assert search(source, folder, tmp_path, *asked, "--overwrite") == 0
    assert "net-width0.5.keras is there, 1 epochs of training: taken as it is" in capsys.readouterr().err
    (narrow / "net-width0.5.keras").write_bytes(source.read_bytes())
    assert search(source, folder, tmp_path, *asked, "--overwrite") == 1
    assert "net-width0.5.keras is not mnist-tiny at width 0.5: move it away" in capsys.readouterr().err


def wide_top1(source, folder):
    from cnnedge.data import load
    from cnnedge.model.keras_file import load_keras
    from cnnedge.model.predictor import KerasPredictor
    from cnnedge.scoring.score import score

    data = load(folder, image_shape=(28, 28, 1))
    return score(KerasPredictor(load_keras(source)), data.test).top1


@pytest.mark.parametrize(
    "more, message",
    [
        (["--width", "half"], "--width 'half': expected factors between 0 and 1, such as 0.75,0.5"),
        (["--width", "0.5,2"], "--width '2': expected factors between 0 and 1"),
        (["--width", ""], "--width '': expected factors between 0 and 1"),
        (["--width", "0.5", "--scale", "255"], "leave the options for pixels out"),
    ],
)
def test_what_no_network_can_be_is_refused_in_a_line(more, message, source, folder, tmp_path, capsys):
    assert search(source, folder, tmp_path, *more) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_it_is_for_a_network_of_ours_trained_from_nothing(model_folder, source, folder, tmp_path, capsys):
    assert search(model_folder / "digits.keras", folder, tmp_path, "--width", "0.5") == 2
    assert "--width is for networks of cnnedge train --list, and" in capsys.readouterr().err
    started = ["--init", str(source), "--epochs", "1", "--batch-size", "40", "--name", "later", "--out", str(tmp_path)]
    assert run(["train", "mnist-tiny", "--data", str(folder), *started]) == 0
    assert search("later", folder, tmp_path, "--width", "0.5") == 2
    assert "later.keras began with net.keras, and --width trains from nothing" in capsys.readouterr().err
