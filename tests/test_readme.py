"""The README: its tables come from the shipped benchmarks, and its commands run."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnedge.apps.snippets.render import FENCES, TITLES
from cnnedge.cli.app import run as cnnedge
from cnnedge.documents import read_document
from cnnedge.report.table import markdown

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
BLOCKS += re.findall(r"`((?:cnnedge|python|\./scripts/test) [^`\n]+)`", README)
COMMANDS = sorted({line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()} - {""})
# What takes minutes or sets a machine up, and where else it is run.
ELSEWHERE = {
    "./scripts/quickstart": "by hand before a release, in a fresh clone; `run` itself in tests/cli/test_run.py",
    "./scripts/test": "this is it",
    "./scripts/test --fast": "the same, without what is slow",
    "./scripts/test tests/runtime": "the same with an argument of pytest",
    "python3 -m venv --system-site-packages .venv && .venv/bin/pip install .": "tests/test_light_install.py",
    ".venv/bin/cnnedge predict exported/mnist/mnist_int8_qat.tflite digit.png": "tests/test_light_install.py",
    "pip install '.[onnx]'": "tests/test_light_install.py looks for the same words",
    "pi=$(./scripts/emulated_pi)": "tests/test_emulated_pi.py",
    '"$pi/cnnedge" predict exported/mnist/mnist_int8_qat.tflite digit.png': "tests/test_emulated_pi.py",
    "cnnedge score FILE --data photos/ --out labels": "tests/cli/test_score_many.py",
    "cnnedge predict FILE *.jpg": "tests/cli/test_predict.py",
    "cnnedge fleet boards.txt FILE --report boards.html": "tests/cli/test_fleet.py",
    "cnnedge data photos/ --report looks.html": "tests/cli/test_data.py",
    "cnnedge run cifar10": "tests/cli/test_run.py, with the smallest network",
    "cnnedge inspect --errors": "tests/convert/layer_errors/test_show.py",
    "cnnedge train cifar10 --data photos/ --init exported/cifar10/cifar10.keras --out runs/photos": "test_fine_tuning",
    "cnnedge search my.keras --data photos/ --max-drop 0.5": "tests/cli/test_photos.py, on a tutorial's model",
    "cnnedge photos flowers/ --max-drop 0.5": "tests/cli/test_photos.py, on generated photos",
    "cnnedge demo exported/mnist exported/cifar10 --host 0.0.0.0": "tests/apps/demo/page, on loopback",
    "cnnedge report exported/mnist/benchmark.json demo/my-phone.json": "tests/documents/test_merged.py",
    "cnnedge report before.json after.json --compare --fail-slower 5": "tests/cli/test_report.py",
    "cnnedge golden exported/cifar10/cifar10_int8.tflite --data cifar10": "tests/cli/test_match.py",
    "cnnedge match exported/cifar10/cifar10_int8.tflite dump.bin": "tests/cli/test_match.py",
    "python scripts/soak.py exported/mnist/mnist_int8_qat.tflite": "tests/scripts/test_soak.py, 3,000 predictions",
    "cnnedge card exported/mnist": "tests/cli/test_card.py",
    "cnnedge train cifar10 --width 0.5": "tests/cli/test_train.py, with the smallest network",
    "python scripts/width_curve.py cifar10": "tests/scripts/test_width_curve.py, with the smallest network",
    "python scripts/seeds.py exported/mnist": "tests/scripts/test_seeds.py, with the smallest network",
    "python scripts/mnist_script.py": "tests/scripts",
    "python scripts/cifar_script.py": "tests/scripts",
}
QUICK = [command for command in COMMANDS if command not in ELSEWHERE]


def test_commands_were_found():
    assert len(COMMANDS) >= 12 and set(ELSEWHERE) <= set(COMMANDS) | {"pip install '.[onnx]'"}


@pytest.mark.parametrize("command", QUICK)
def test_quick_commands_run_as_they_stand(command, tmp_path):
    words = shlex.split(command)
    program = [sys.executable, "-m", "cnnedge"] if words[0] == "cnnedge" else [sys.executable]
    if "benchmark" in command:  # the same command on fewer images, and without touching the shipped figures
        words += ["--limit", "100", "--num-runs", "4"]
        words += ["--json", str(tmp_path / "benchmark.json"), "--report", str(tmp_path / "report.html")]
    found = subprocess.run([*program, *words[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip()


@pytest.mark.parametrize("model", ["mnist", "cifar10"])
def test_table_is_the_shipped_benchmarks(model):
    table = markdown(read_document(REPOSITORY / "exported" / model / "benchmark.json")).split("\n\n")[0]
    assert table.strip() in README


@pytest.mark.parametrize("model", ["mnist", "mnist-tiny", "cifar10-small", "cifar10"])
def test_spread_is_that_of_the_seeds(model):
    rows = json.loads((REPOSITORY / "exported" / model / "seeds.json").read_text())["seeds"]
    found = sorted(100 * row["int8_top1"] for row in rows)
    count = {2: "two", 5: "five"}[len(rows)]
    spread = rf"{found[0]:.2f} to {found[-1]:.2f}( %)? \(`{model}`, {count}"
    assert re.search(spread, README.replace("\n", " "))


def test_python_example_runs(tmp_path, monkeypatch, capsys):
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exported").symlink_to(REPOSITORY / "exported")
    Image.fromarray(np.full((60, 40, 3), 120, np.uint8)).save(tmp_path / "photo.jpg")
    exec(compile(example, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.strip().splitlines()) == 3


def test_it_is_short_and_in_the_order_of_a_newcomers_questions():
    assert len(README.splitlines()) <= 220
    assert re.findall("^## (.*)", README, re.MULTILINE) == [
        "Two commands", "Your own model, your own photos", "From ten pictures to a billion", "What comes out",
        "Try it on a phone", "In a phone app", "In Python, and on a Raspberry Pi",
        "How the int8 files are made right", "Layout", "Licence",
    ]  # fmt: skip


def test_code_for_phones_is_printed_and_not_copied_here(capsys):
    """The README names the command; it prints a block for every platform, and the README has none to grow stale."""
    (command,) = [line for line in COMMANDS if "--snippets" in line]
    assert cnnedge(shlex.split(command)[1:]) == 0
    printed = capsys.readouterr().out
    for platform in TITLES:
        fence = f"```{FENCES.get(platform, platform)}\n"
        assert fence in printed and (platform == "python" or fence not in README)


def test_service_unit_starts_what_is_there():
    unit = (REPOSITORY / "scripts" / "cnnedge.service").read_text()
    script, file, *_ = re.search(r"^ExecStart=\S+ (.*)", unit, re.MULTILINE)[1].split()
    assert (REPOSITORY / script).is_file() and (REPOSITORY / file).is_file()


def test_every_file_and_folder_that_it_names_is_there():
    named = set(re.findall(r"`((?:scripts|exported|tests)/[^`\s*<>{]+)`", README))
    assert len(named) >= 8 and [word for word in named if not (REPOSITORY / word).exists()] == []
    rooms = re.findall(r"\b(\w+)/", README[README.index("cnnedge/  ") : README.index("scripts/ exported/")])
    assert [room for room in rooms[1:] if room != "scripts" and not (REPOSITORY / "cnnedge" / room).is_dir()] == []


def test_fine_tuning(tmp_path, capsys):
    """The README's `train --init` on a folder of three colours: a new head, right on all of them."""
    rng = np.random.default_rng(0)
    for channel, name in enumerate(("red", "green", "blue")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(40):
            pixels = rng.integers(0, 60, (32, 32, 3), dtype=np.uint8)
            pixels[..., channel] += np.uint8(150)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    command = ["train", "cifar10", "--data", str(tmp_path / "photos"), "--out", str(tmp_path / "out")]
    start = ["--init", str(REPOSITORY / "exported/cifar10/cifar10.keras")]
    assert cnnedge([*command, *start, "--epochs", "4", "--batch-size", "16"]) == 0
    assert "100.00%" in capsys.readouterr().out
