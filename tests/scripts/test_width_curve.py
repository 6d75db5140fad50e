import json


def test_widths_of_the_smallest_network(run_script, tmp_path):
    out = tmp_path / "width.json"
    arguments = ("mnist-tiny", "--epochs", 1, "--batch-size", 20, "--limit", 200, "--widths", 0.5, 1, "--out", out)
    done = run_script("width_curve.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"written: {out}"
    document = json.loads(out.read_text())
    assert [row["width"] for row in document["rows"]] == [0.5, 1.0]
    assert document["data"]["train_images"] == document["data"]["test_images"] == 200
    again = run_script("width_curve.py", *arguments)
    assert again.returncode == 1 and "already exists: choose another --out or add --overwrite" in again.stderr


def test_unknown_model_is_one_line(run_script, tmp_path):
    done = run_script("width_curve.py", "resnet", "--out", tmp_path / "width.json")
    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown model 'resnet'") and len(done.stderr.splitlines()) == 1
