"""The script on a folder as the commands leave it; what it does is tested in tests/studies/test_seeds.py."""

import json

from cnnedge.cli.app import run as cnnedge


def test_one_more_seed_of_the_smallest_network(run_script, tmp_path):
    options = ["--epochs", "1", "--out", str(tmp_path)]
    assert cnnedge(["train", "mnist-tiny", *options]) == 0
    assert cnnedge(["export", "mnist-tiny", "--format", "tflite", "--precision", "int8", "--out", str(tmp_path)]) == 0
    folder = tmp_path / "mnist-tiny"
    done = run_script("seeds.py", folder, "--seeds", 5, "--limit", 500)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["seed", "0", "5", "mean", "deviation", "written:"]
    written = json.loads((folder / "seeds" / "seeds.json").read_text())
    assert [row["seed"] for row in written["seeds"]] == [0, 5]
    assert not (folder / "seeds.json").exists(), "the card would show figures of 500 images"


def test_a_folder_without_a_model_is_one_line(run_script, tmp_path):
    done = run_script("seeds.py", tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "does not say how the model was trained" in done.stderr
