import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from cnnedge.apps.golden.content import MANIFEST, choose, folder_content, is_telling, make_images
from cnnedge.apps.golden.folder import read_folder, refuse_folder, write_folder
from cnnedge.data import ArraySplit
from cnnedge.errors import DataError, FileExistsRefusal, UsageError
from cnnedge.runtime.opening import open_runner
from tests.support import models

LABELS = tuple("0123456789")
SHA256 = "5" * 64


@pytest.fixture(scope="module")
def runner():
    with open_runner(models.digits_tflite(), format="tflite") as opened:
        yield opened


@pytest.fixture(scope="module")
def split():
    return ArraySplit(*models.digits("test"))


@pytest.fixture
def folder(runner, split, tmp_path):
    content = folder_content(
        runner, make_images(runner, split, LABELS), sha256=SHA256, labels=LABELS, data="mnist", licence="CC BY-SA 3.0"
    )
    write_folder(tmp_path / "golden", content)
    return tmp_path / "golden"


def test_twenty_images_of_all_classes_that_the_file_gets_right(runner, split):
    chosen, confusion = choose(runner, split, 10)
    assert confusion.sum() == len(split) and (confusion.sum(axis=1) == np.bincount(split.labels)).all()
    assert len(set(chosen)) == 20
    assert sorted(split.labels[chosen]) == sorted([*range(10), *range(10)])
    assert (runner.predict(split.pixels(chosen)).argmax(1) == split.labels[chosen]).all()


def test_fewer_images_than_twenty_are_all_taken(runner, split):
    assert sorted(choose(runner, split.take(range(7)), 10)[0]) == list(range(7))


def test_a_file_in_another_order_and_one_that_guesses_are_refused(runner, split):
    turned = ArraySplit(split.images, (split.labels + 1) % 10)
    with pytest.raises(DataError, match=r"in another order: .* --labels 1,2,3,4,5,6,7,8,9,0$"):
        make_images(runner, turned, LABELS)
    rolled = ArraySplit(split.images, np.random.default_rng(0).permutation(split.labels))
    with pytest.raises(DataError, match=r"may be guessing: wrong scaling \(--mean, --std\)"):
        make_images(runner, rolled, LABELS)


def test_pictures_that_hide_mistakes_are_not_telling():
    ramp = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    ramp[0, 0], ramp[7, 3] = 0, 255
    assert is_telling(ramp)
    assert not is_telling(ramp[..., :1].repeat(3, axis=2))  # grey: blue and red are the same
    assert not is_telling(np.concatenate([ramp, ramp[:, ::-1]], axis=1))  # symmetrical
    assert not is_telling(ramp // 2)  # no white


def test_folder_comes_back_and_holds_what_the_file_takes_and_gives(folder, runner):
    images = read_folder(folder, runner, SHA256)
    assert len(images) == 20
    for number, image in enumerate(images):
        assert np.array_equal(np.asarray(Image.open(folder / f"{number:02d}.png")), image.pixels[..., 0])
        assert image.input == image.pixels.tobytes() == (folder / f"{number:02d}_input.bin").read_bytes()
        assert image.output == runner.run(image.pixels[None]).tobytes()
        assert image.large.shape == (84, 112, 1)


def test_manifest_says_everything_to_a_program(folder, runner):
    document = json.loads((folder / MANIFEST).read_text())
    assert document["file"]["sha256"] == SHA256
    assert document["input"] == {
        "name": runner.input.name, "shape": [1, 28, 28, 1], "dtype": "uint8", "scale": runner.input.scale,
        "zero_point": 0, "bytes": 784, "byte_order": "little endian", "mean": [0.0], "std": [1.0],
    }  # fmt: skip
    assert (document["output"]["dtype"], document["output"]["bytes"]) == ("uint8", 10)
    assert document["labels"] == list(LABELS)
    for entry in document["images"]:
        assert all((folder / entry[key]).is_file() for key in ("picture", "large", "input", "output"))
        raw = np.frombuffer((folder / entry["output"]).read_bytes(), np.uint8)
        assert entry["answer"] == entry["label"] == LABELS[raw.argmax()]
        assert entry["score"] == pytest.approx(raw.max() * document["output"]["scale"])


def test_readme_is_for_whoever_writes_the_app(folder, runner):
    text = (folder / "README.txt").read_text()
    assert max(map(len, text.splitlines())) <= 100
    for words in ("20 pictures", "cnnedge match", "CC BY-SA 3.0", "CIFAR-10 may not be\nredistributed"):
        assert words in text
    assert "$" not in text


def test_an_existing_folder_is_refused_and_a_foreign_one_never_replaced(folder, tmp_path):
    with pytest.raises(FileExistsRefusal, match="add --overwrite"):
        refuse_folder(folder, overwrite=False)
    refuse_folder(folder, overwrite=True)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.png").write_bytes(b"")
    with pytest.raises(UsageError, match="not a golden folder"):
        refuse_folder(tmp_path / "photos", overwrite=True)


def test_overwriting_removes_the_pictures_that_are_too_many_and_nothing_else(folder, runner, split):
    (folder / "notes.txt").write_text("mine")
    images = make_images(runner, split, LABELS)[:3]
    write_folder(folder, folder_content(runner, images, sha256=SHA256, labels=LABELS, data="m", licence=""))
    assert len(read_folder(folder, runner, SHA256)) == 3
    assert len(list(folder.glob("*_input.bin"))) == 3 and (folder / "notes.txt").exists()


def test_a_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(OSError):
        write_folder(tmp_path / "golden", {"a.bin": b"1", "x" * 300: b"no file system takes this name"})
    assert list(tmp_path.iterdir()) == []


def _edit(folder, change):
    document = json.loads((folder / MANIFEST).read_text())
    change(document)
    (folder / MANIFEST).write_text(json.dumps(document))


DAMAGES = {
    "no manifest": (lambda f: (f / MANIFEST).unlink(), "No such file"),
    "no JSON": (lambda f: (f / MANIFEST).write_text("{"), "is damaged"),
    "deep JSON": (lambda f: (f / MANIFEST).write_text("[" * 200_000), "is damaged"),
    "a list": (lambda f: (f / MANIFEST).write_text("[1]"), "is damaged"),
    "huge JSON": (lambda f: (f / MANIFEST).write_text(" " * 2_000_000), "expected at most 1,000,000"),
    "unknown label": (lambda f: _edit(f, lambda d: d["images"][0].update(label="x")), "is damaged"),
    "no images": (lambda f: _edit(f, lambda d: d["images"].clear()), "0 images"),
    "many images": (lambda f: _edit(f, lambda d: d["images"].extend(d["images"])), "40 images"),
    "newer schema": (lambda f: _edit(f, lambda d: d.update(schema=2)), "schema 2"),
    "another file": (lambda f: _edit(f, lambda d: d["file"].update(sha256="0" * 64)), "made for another file"),
    "picture missing": (lambda f: (f / "05.png").unlink(), "05.png: No such file"),
    "picture damaged": (lambda f: (f / "05.png").write_bytes(b"x"), "not a picture"),
    "huge picture": (lambda f: (f / "05.png").write_bytes(bytes(200_000)), "has 200,000 bytes"),
    "picture of another size": (lambda f: Image.new("L", (99, 99), 7).save(f / "05.png"), "does not belong"),
    "pictures exchanged": (lambda f: (f / "05.png").replace(f / "06.png"), "No such file|does not belong"),
    "input cut": (lambda f: (f / "05_input.bin").write_bytes(b"1"), "does not belong"),
    "output cut": (lambda f: (f / "05_output.bin").write_bytes(b"1"), "does not belong"),
    "huge output": (lambda f: (f / "05_output.bin").write_bytes(bytes(10_000)), "has 10,000 bytes"),
    "a way out": (lambda f: _link_out(f), "leads out of its folder"),
    "a pipe": (lambda f: ((f / MANIFEST).unlink(), os.mkfifo(f / MANIFEST)), "is a pipe or a device"),
}


def _link_out(folder):
    outside = folder.parent / "secret.bin"
    outside.write_bytes(bytes(784))
    (folder / "05_input.bin").unlink()
    (folder / "05_input.bin").symlink_to(outside)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_folders_are_refused_in_one_line(folder, runner, damage):
    change, words = DAMAGES[damage]
    change(folder)
    with pytest.raises(DataError) as refusal:
        read_folder(folder, runner, SHA256)
    assert "\n" not in str(refusal.value)
    assert re.search(words, str(refusal.value))


def test_names_in_the_manifest_are_not_followed(folder, runner):
    _edit(folder, lambda document: document["images"][0].update(picture="../../etc/passwd", input="/etc/passwd"))
    assert len(read_folder(folder, runner, SHA256)) == 20
