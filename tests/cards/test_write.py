"""The model card: every figure is one of the documents', and what was not measured is said to be so."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest

from cnnedge.cards.architecture import reproducing_command
from cnnedge.cards.evidence import load_facts
from cnnedge.cards.markdown import few
from cnnedge.cards.write import render
from cnnedge.errors import DataError
from cnnedge.manifest import FileFacts, TrainedOn, TrainingRecord
from cnnedge.training.recipes import Recipe, recipe

SHIPPED = Path(__file__).parents[2] / "exported" / "mnist"


@pytest.fixture
def folder(tmp_path) -> Path:
    """The shipped MNIST model without what a card may do without."""
    folder = tmp_path / "mnist"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("README.md", "tensorboard", "*.html"))
    for optional in ("robustness.json", "seeds.json", "width.json"):
        (folder / optional).unlink(missing_ok=True)
    return folder


def cells(card: str, heading: str) -> list[list[str]]:
    """The rows of the first table of a section, without its header and rule."""
    section = card.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def edit(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_figures_are_those_of_the_benchmark(folder):
    card = render(load_facts(folder))
    benchmark = json.loads((folder / "benchmark.json").read_text())
    rows = {row["file"]: row for row in benchmark["rows"]}
    files = cells(card, "Files")
    assert [line[0].strip("`") for line in files] == list(rows)  # the Keras file once
    for file, size, zipped, top1, *_ in files:
        row = rows[file.strip("`")]
        assert size == f"{row['size_bytes']:,}" and 0 < int(zipped.replace(",", "")) < row["size_bytes"]
        assert top1.startswith(f"{100 * row['top1']:.2f} ({100 * row['top1_low']:.2f} to ")
    seven = cells(card, "Accuracy per class")[7]
    right = rows["mnist_int8_qat.tflite"]["confusion"][7]
    assert seven[:2] == ["7", f"{sum(right):,}"] and seven[-1].startswith(f"{100 * right[7] / sum(right):.1f} (")
    calibration = dict(line[:2] for line in cells(card, "Calibration"))
    assert calibration["`mnist_int8.tflite`"] == f"{100 * rows['mnist_int8.tflite']['ece']:.2f}"
    assert benchmark["machine"]["cpu"] in card.split("## Latency")[1]


def test_architecture_has_the_figures_of_the_builders_docstring(folder):
    lines = cells(render(load_facts(folder)), "Architecture")
    assert lines[0] == ["conv1 (Conv2D)", "28 x 28 x 16", "144", "112,896"]
    assert ["pool1 (MaxPooling2D)", "14 x 14 x 16", "", ""] in lines
    assert sum(int(line[3].replace(",", "")) for line in lines if line[3]) == 4_857_408


def test_what_was_not_measured_is_said(folder):
    card = render(load_facts(folder))
    assert "## Robustness\n\nNot measured." in card
    assert "the spread between seeds was not measured" in card
    assert "## Width\n\nNot measured (`python scripts/width_curve.py mnist` does it)." in card
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["training"]["cost"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "Energy: not measured.\n" in render(load_facts(folder))
    del manifest["training"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    card = render(load_facts(folder))
    assert "how it was trained is not recorded" in card and "`cnnedge export` made its files" in card
    # A network from elsewhere has no builder that a script could scale.
    assert "## Width" not in card and "preset" not in card.split("## Training")[1]


def test_names_of_someone_elses_classes_fit_into_tables(folder):
    benchmark = json.loads((folder / "benchmark.json").read_text())
    names = ["a|b", *map(str, range(1, 10))]
    edit(folder / "benchmark.json", data=benchmark["data"] | {"labels": names})
    card = render(load_facts(folder))
    assert r"| a\|b | 980 |" in card and few([str(index) for index in range(1000)]).endswith(" 9 and 990 more")


def test_cost_is_the_recorded_one(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    machine = {"cpu": "Test CPU", "cores": 2, "accelerator": None}
    cost = {"epochs": 2, "train_images": 10_000, "seconds": 100.0, "images_per_second": 200.0, "machine": machine}
    edit(folder / "manifest.json", training=manifest["training"] | {"cost": cost})
    (folder / "history.csv").write_text("epoch,seconds\n0,40\n1,60\n")
    card = render(load_facts(folder))
    assert (
        "2 epochs in 1 min 40 s, 50.0 s each with the evaluation after it, on the CPU alone (Test CPU, 2 cores)" in card
    )
    # 6 x 4,857,408 x 20,000 = 5.8e11
    assert "10,000 images an epoch, 200 images per second. About 5.8e+11 floating-point operations" in card
    # 2 x 12 W x 100 s = 2,400 J
    assert "Energy: not measured. 0.00067 kWh if each of the 2 cores took 12 W all the time" in card
    parts = [
        machine | {"first_epoch": 0, "epochs": 1, "planned_epochs": 9, "seconds": 40.0, "half": True},
        machine | {"first_epoch": 1, "epochs": 1, "planned_epochs": 2, "seconds": 60.0, "half": False, "cores": 5},
    ]
    edit(folder / "manifest.json", training=manifest["training"] | {"cost": cost | {"parts": parts}})
    card = render(load_facts(folder))
    assert (
        "after it, epochs 1 to 1 of 9 in bfloat16 on the CPU alone (Test CPU, 2 cores), 40.0 s each, then epochs 2 to "
        "2 of 2 in float32 on the CPU alone (Test CPU, 5 cores), 60.0 s each: 10,000 images"
    ) in card
    # 2 x 12 W x 40 s + 5 x 12 W x 60 s = 4,560 J
    assert "0.0013 kWh if each of the 2, then 5 cores took 12 W" in card
    machine["accelerator"] = "Test GPU"
    edit(folder / "manifest.json", training=manifest["training"] | {"cost": cost})
    assert "Energy: not measured, and not estimated: what the Test GPU took" in render(load_facts(folder))


def test_a_teacher_is_shown_with_what_it_can_and_cost(folder):
    training = json.loads((folder / "manifest.json").read_text())["training"]
    machine = {"cpu": "Test CPU", "cores": 2, "accelerator": None}
    cost = {"epochs": 2, "train_images": 10_000, "seconds": 7_200.0, "images_per_second": 200.0, "machine": machine}
    found = dataclasses.asdict(recipe("mnist", "full", half=True, muon_rate=0.02))
    own = training | {"network": "mnist", "width": 4.0, "recipe": found, "cost": cost | {"epochs": 60}}
    taught = {"parameters": 538_330, "macs": 76_000_000, "top1": 0.9975, "images": 2_000, "training": own}
    edit(folder / "manifest.json", training=training | {
        "teacher": {"file": "big.keras", "sha256": "ab" * 32}, "cost": cost | {"teacher": taught},
    })  # fmt: skip
    (folder / "history.csv").write_text("epoch,seconds\n0,40\n1,60\n")
    card = render(load_facts(folder))
    # (6 x 4,857,408 + 2 x 76,000,000) x 20,000 = 3.6e12
    assert "About 3.6e+12 floating-point operations, the teacher's answers among them" in card
    for words in (
        "Its teacher `big.keras` (SHA-256 abababababab..) has 538,330 parameters and 76.0 million multiply-accumulates",
        "names 99.75 % of 2,000 validation images right; it took 60 epochs in 2 h 0 min",
        f"(`cnnedge train mnist --preset full --seed {training['seed']} --out runs --half --muon 0.02 --width 4`).",
    ):
        assert words in card
    edit(folder / "manifest.json", training=training | {
        "teacher": {"file": "big.keras", "sha256": "ab" * 32}, "cost": cost | {"teacher": taught | {"training": None}},
    })  # fmt: skip
    assert "99.75 % of 2,000 validation images right. How it was trained is not recorded." in render(load_facts(folder))


@pytest.mark.parametrize(("rate", "kind"), [(0.0, "SGD"), (0.05, "Muon for convolutions, else SGD")])
def test_what_moves_the_weights_is_said(folder, rate, kind):
    training = json.loads((folder / "manifest.json").read_text())["training"]
    edit(folder / "manifest.json", training=training | {"recipe": training["recipe"] | {"muon_rate": rate}})
    assert f"| optimizer | {kind} with Nesterov momentum, warm-up" in render(load_facts(folder))


@pytest.mark.parametrize(("half", "word"), [(True, "yes"), (False, "no")])
def test_a_switch_is_yes_or_no(half, word, folder):
    training = json.loads((folder / "manifest.json").read_text())["training"]
    edit(folder / "manifest.json", training=training | {"recipe": training["recipe"] | {"half": half}})
    assert f"| half | {word} |" in render(load_facts(folder))


def test_other_layers_are_named(folder):
    training = json.loads((folder / "manifest.json").read_text())["training"]
    edit(folder / "manifest.json", training=training | {"stack": "8-P-16"})
    card = render(load_facts(folder))
    assert "the preset `full`, with the layers 8-P-16" in card and " --stack 8-P-16 && cnnedge export" in card


def test_seeds_are_shown_with_mean_and_spread(folder):
    shipped = json.loads((folder / "manifest.json").read_text())["files"]["mnist.keras"]["top1"]
    seeds = [
        {"seed": 4, "float_top1": shipped, "int8_top1": 0.9940},
        {"seed": 5, "float_top1": shipped - 0.001, "int8_top1": 0.9920},
    ]
    (folder / "seeds.json").write_text(json.dumps({"seeds": seeds}))
    card = render(load_facts(folder))
    assert "those of the first seed (4), not of the best" in card
    # Two values that are 0.20 apart deviate by 0.20 / sqrt(2).
    assert re.search(r"\| mean \| [\d.]+ \| 99\.30 \|\n\| standard deviation \| 0\.07 \| 0\.14 \|", card)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([{"seed": 0, "float_top1": 0.5, "int8_top1": 0.5}] * 2, r"float_top1 0\.5, the shipped model has 0\.99"),
        ([{"seed": 0, "float_top1": 0.5, "int8_top1": 0.5}], "not a list of two or more seeds"),
        (
            [{"seed": 0}, {"seed": 1}],
            r"is damaged \(seeds\[0\]\.float_top1 is missing\): run scripts/seeds",
        ),
    ],
)
def test_seeds_of_another_model_are_refused(seeds, message, folder):
    (folder / "seeds.json").write_text(json.dumps({"seeds": seeds}))
    with pytest.raises(DataError, match=message):
        load_facts(folder)


def test_a_benchmark_of_other_files_is_refused(folder):
    file = folder / "mnist_int8.onnx"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(DataError, match=r"measured another mnist_int8\.onnx: run cnnedge benchmark .* --overwrite"):
        load_facts(folder)
    (folder / "benchmark.json").unlink()
    with pytest.raises(DataError, match=r"benchmark\.json does not exist: run cnnedge benchmark"):
        load_facts(folder)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"manifest\.json does not exist: expected a folder that cnnedge run"):
        load_facts(tmp_path)


def test_width_curve_is_marked_as_short_trainings(folder):
    row = {"width": 0.5, "parameters": 9, "macs": 2_000_000, "int8_bytes": 1234, "float_top1": 0.5, "int8_top1": 0.25}
    data = {"name": "mnist", "is_sample": False, "train_images": 55_000, "test_images": 10_000}
    document = {"schema": 1, "epochs": 3, "seed": 0, "data": data, "rows": [row | {"seconds": 61}]}
    (folder / "width.json").write_text(json.dumps(document))
    card = render(load_facts(folder))
    assert cells(card, "Width") == [["0.5", "9", "2.00", "1,234", "50.00", "25.00", "1 min 1 s"]]
    assert "Short trainings" in card and "They are not the shipped model" in card


def training(of: Recipe, *, network: str = "cifar10", **facts) -> TrainingRecord:
    data = TrainedOn("cifar10", False, "", "cache")
    record = TrainingRecord(dataclasses.asdict(of), 3, "tensorflow", None, None, data, {}, network=network)
    return dataclasses.replace(record, **facts)


@pytest.mark.parametrize(
    ("facts", "command"),
    [
        ({}, "cnnedge run cifar10 --preset full --seed 3 --out runs"),
        ({"width": 1.0, "teacher": None}, "cnnedge run cifar10 --preset full --seed 3 --out runs"),
        (
            {"width": 0.5, "teacher": FileFacts("big.keras", "")},
            "cnnedge train cifar10 --preset full --seed 3 --out runs --width 0.5 --teacher big.keras && "
            "cnnedge export runs/cifar10/cifar10.keras --data cifar10 --qat --preset full --out runs",
        ),
        (
            {"stack": "8-P-16"},
            "cnnedge train cifar10 --preset full --seed 3 --out runs --stack 8-P-16 && "
            "cnnedge export runs/cifar10/cifar10.keras --data cifar10 --qat --preset full --out runs",
        ),
        (
            {"backend": "jax"},
            "KERAS_BACKEND=jax cnnedge train cifar10 --preset full --seed 3 --out runs && "
            "cnnedge export runs/cifar10/cifar10.keras --data cifar10 --qat --preset full --out runs",
        ),
    ],
)
def test_command_trains_it_again(facts, command):
    assert reproducing_command(training(recipe("cifar10", "full"), **facts)) == command


def test_command_names_what_differs_from_the_preset():
    shorter = dataclasses.replace(recipe("cifar10", "full"), epochs=7, batch_size=64)
    command = reproducing_command(training(shorter))
    assert command == "cnnedge run cifar10 --preset full --epochs 7 --batch-size 64 --seed 3 --out runs"
    strong = recipe("mnist", "full", epochs=9, half=True, muon_rate=0.05, trivial=True)
    assert reproducing_command(training(strong, network="mnist")).startswith(
        "cnnedge train mnist --preset full --epochs 9 --seed 3 --out runs --half --muon 0.05 --trivial && "
    )
    other = dataclasses.replace(shorter, momentum=0.5)
    assert reproducing_command(training(other)) is None
    assert reproducing_command(training(shorter, network="mine")) is None
