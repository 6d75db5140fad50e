import re

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.support.scripts import is_drawn


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A dark 7 photographed with the camera on its side, and a text file that calls itself a picture."""
    folder = tmp_path_factory.mktemp("pictures")
    page = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(page).text((220, 20), "7", fill=(20, 30, 90), font=ImageFont.load_default(180))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    page.transpose(Image.Transpose.ROTATE_90).save(folder / "seven.jpg", exif=exif)
    (folder / "text.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("mnist")


@pytest.fixture(scope="module")
def first(run_script, pictures, out):
    """Trains on 2,000 digits, then reads the two files: 1,000 digits for the sample that comes with the package."""
    files = (pictures / "seven.jpg", pictures / "text.png")
    return run_script("mnist_script.py", "--limit", 2000, "--epochs", 4, "--out", out, "--digits", *files)


def test_photo_of_dark_ink_is_turned_inverted_and_read(first, out):
    assert re.search(r"^seven\.jpg +7 .*inverted: dark ink on light paper$", first.stdout, re.MULTILINE)
    assert is_drawn(out / "digits.png")


def test_text_file_is_named_and_ends_with_1(first):
    assert first.returncode == 1
    errors = [line for line in first.stderr.splitlines() if line.startswith("error")]
    assert len(errors) == 1 and "text.png: not a picture" in errors[0]


def test_every_step_says_what_it_found(first, out):
    assert re.search(r"^total +34,746 +4,857,408$", first.stdout, re.MULTILINE)
    right = {
        file: float(top1) for file, top1 in re.findall(r"^(mnist\S+) .* ([\d.]+)% of the test", first.stdout, re.M)
    }
    # 2,000 digits and 200 steps: not 99 %, but far above the 10 % of guessing. One of 500 test digits is 0.2 points.
    assert right["mnist.keras"] > 85 and abs(right["mnist.keras"] - right["mnist_int8.tflite"]) < 2
    assert is_drawn(out / "data.png") and (out / "exported/mnist_int8.tflite").exists()


def test_next_run_uses_the_network_and_reads_files_it_writes_itself(first, run_script, out):
    second = run_script("mnist_script.py", "--limit", 100, "--out", out)
    assert second.returncode == 0, second.stderr
    assert f"using {out / 'mnist.keras'} of an earlier run" in second.stdout
    read = re.findall(r"^test\d_is_(\d)\.png +(\d) +[\d.]+%  (\w+)", second.stdout, re.MULTILINE)
    assert [form for *_, form in read] == ["light", "inverted", "light", "inverted", "light"]
    # The network is right on more than 85 of 100; of five, at least three.
    assert sum(true == answer for true, answer, _ in read) >= 3


def test_help_teaches(run_script):
    shown = run_script("mnist_script.py", "--help")
    assert shown.returncode == 0 and "--digits my1.png my2.jpg" in shown.stdout
