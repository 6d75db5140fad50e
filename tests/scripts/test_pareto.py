"""The Pareto script on the shipped MNIST files: one run, and drawn again without another."""

import json
from pathlib import Path

EXPORTED = Path(__file__).parents[2] / "exported" / "mnist"


def test_measured_in_one_run_and_drawn_again(run_script, tmp_path):
    out = tmp_path / "pareto.html"
    ours, anchor = EXPORTED / "mnist_int8_qat.tflite", EXPORTED / "mnist_float32.tflite"
    done = run_script("pareto.py", ours, "--anchors", anchor, "--limit", 50, "--num-runs", 5, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"written: {out.with_suffix('.json')}\nwritten: {out}\n"
    document = json.loads(out.with_suffix(".json").read_text())
    assert document["pareto"]["anchors"] == [anchor.name]
    assert document["pareto"]["macs"] == {ours.name: 4_857_408, anchor.name: 4_857_408}
    assert [row["images"] for row in document["rows"]] == [50, 50]

    out.unlink()
    redrawn = run_script("pareto.py", "--redraw", "--out", out)
    assert redrawn.returncode == 0 and redrawn.stdout == f"written: {out}\n"
    assert out.read_text().count("<svg ") == 3
    refused = run_script("pareto.py", ours, "--out", out)
    assert refused.returncode == 1 and "pareto.json and 1 more already exist:" in refused.stderr


def test_redraw_without_figures_is_one_line(run_script, tmp_path):
    done = run_script("pareto.py", "--redraw", "--out", tmp_path / "pareto.html")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
