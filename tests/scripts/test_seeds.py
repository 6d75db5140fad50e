"""The script on a folder as the commands leave it; what it does is tested in tests/studies/test_seeds.py."""

import json

from cnnedge.studies.trial import train_and_convert
from cnnedge.training.job import TrainingJob
from cnnedge.training.recipes import Recipe


def test_one_more_seed_of_the_smallest_network(run_script, sample, tmp_path):
    folder = tmp_path / "mnist-tiny"
    recipe = Recipe(epochs=1, batch_size=50, calibration_images=100)
    train_and_convert(TrainingJob("mnist-tiny", recipe, seed=0), sample, folder=folder)
    done = run_script("seeds.py", folder, "--seeds", 5, "--limit", 200)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["seed", "0", "5", "mean", "deviation", "written:"]
    written = json.loads((folder / "seeds" / "seeds.json").read_text())
    assert [row["seed"] for row in written["seeds"]] == [0, 5]
    assert not (folder / "seeds.json").exists(), "the card would show figures of 200 images"


def test_a_folder_without_a_model_is_one_line(run_script, tmp_path):
    done = run_script("seeds.py", tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "does not say how the model was trained" in done.stderr
