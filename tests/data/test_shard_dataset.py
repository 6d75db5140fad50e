"""The same labelled pictures as folder, tar shards, Parquet, list and arrays: the same dataset."""

import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnnedge import data as datasets
from cnnedge.errors import DataError, UsageError

COLOURS = ("blue", "red")
SHAPE = (6, 6, 3)


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNEDGE_DATA", str(tmp_path / "kept"))


@pytest.fixture
def photos(tmp_path):
    """Twelve pictures of each class for training, five for test, all different."""
    random = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 5)):
        for colour in COLOURS:
            folder = tmp_path / "photos" / part / colour
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 50, SHAPE, np.uint8)
                pixels[..., 0 if colour == "red" else 2] += np.uint8(200)
                Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return tmp_path / "photos"


def files(photos, part):
    return sorted((photos / part).rglob("*.png"))


def as_tar(photos, folder):
    for part in ("train", "test"):
        with tarfile.open(folder / f"net-{part}-00.tar", "w") as archive:
            for number, path in enumerate(files(photos, part)):
                for suffix, content in ((".png", path.read_bytes()), (".cls", path.parent.name.encode())):
                    member = tarfile.TarInfo(f"{number:04}{suffix}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return folder / "net-*.tar"


def as_tar_of_folders(photos, folder):
    with tarfile.open(folder / "all.tar", "w") as archive:
        for part in ("train", "test"):
            for path in files(photos, part):
                archive.add(path, path.relative_to(photos))
    return folder / "all.tar"


def as_parquet(photos, folder):
    for part in ("train", "test"):
        paths = files(photos, part)
        features = {"info": {"features": {"label": {"names": COLOURS}}}}
        labels = [COLOURS.index(path.parent.name) for path in paths]
        table = pa.table({"image": [{"bytes": path.read_bytes(), "path": None} for path in paths], "label": labels})

        pq.write_table(
            table.replace_schema_metadata({"huggingface": json.dumps(features)}), folder / f"{part}-0.parquet"
        )
    return folder / "*.parquet"


def as_list(photos, folder):
    lines = [f"photos/{path.relative_to(photos)}\n" for part in ("train", "test") for path in files(photos, part)]
    (photos.parent / "list.txt").write_text("".join(lines))
    return photos.parent / "list.txt"


@pytest.mark.parametrize("pack", [as_tar, as_tar_of_folders, as_parquet, as_list])
def test_shards_give_what_the_folder_gives(photos, tmp_path, pack):
    (tmp_path / "packed").mkdir()
    expected = datasets.load(photos, image_shape=SHAPE, calibration=3, validation=3)
    found = datasets.load(str(pack(photos, tmp_path / "packed")), image_shape=SHAPE, calibration=3, validation=3)
    assert found.labels == COLOURS and found.source == "folder"
    for part in ("train", "validation", "calibration", "test"):
        assert getattr(found, part).sha256 == getattr(expected, part).sha256
    order = [3, 0, 9, 3]
    assert (found.test.pixels(order) == expected.test.pixels(order)).all()


def test_arrays_are_brought_to_size_and_named(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 5, 5), np.uint8)
    classes = np.arange(30)[:, None] % 2  # as Keras's CIFAR-10 has them
    np.savez(tmp_path / "own.npz", x_train=images[:20], y_train=classes[:20], x_test=images[20:], y_test=classes[20:])
    found = datasets.load(str(tmp_path / "own.npz"), image_shape=(5, 5, 1), validation=2, calibration=2)
    assert (found.name, found.labels, len(found.train), len(found.test)) == ("own", ("0", "1"), 16, 10)
    by_class = np.argsort(classes[20:, 0], kind="stable")
    assert (found.test.pixels(range(10))[..., 0] == images[20:][by_class]).all()
    assert datasets.load(str(tmp_path / "own.npz")).image_shape == (32, 32, 3)
    np.savez(tmp_path / "float.npz", x_train=images / 255, y_train=classes[:, 0])
    with pytest.raises(DataError, match=r"train has float64 \(30, 5, 5\) and \(30,\) classes, expected uint8"):
        datasets.load(str(tmp_path / "float.npz"))


def test_findings_and_damage_are_said_of_shards_too(photos, tmp_path, caplog):
    (photos / "train" / "red" / "00.png").write_bytes(b"damaged")
    (photos / "test" / "red" / "00.png").write_bytes((photos / "train" / "red" / "01.png").read_bytes())
    shards = str(as_tar(photos, tmp_path))
    found, parts = datasets.look(shards, datasets.FolderOptions(max_bad=0.1))
    assert found.leaks["test", "train"] == 1 and len(parts["test"]) == 10
    assert len(found.unreadable) == 1 and "net-train-00.tar/0012.png: not a picture" in found.unreadable[0]


def test_refusals(photos, tmp_path):
    with tarfile.open(tmp_path / "plain.tar", "w") as archive:
        archive.add(files(photos, "train")[0], "1.png")
    with pytest.raises(DataError, match=r"plain.tar/1.png has no class: expected a folder of that name, a .cls file"):
        datasets.load(str(tmp_path / "plain.tar"))
    with pytest.raises(UsageError, match="--test goes with a folder"):
        datasets.load(str(as_tar_of_folders(photos, tmp_path)), folder=datasets.FolderOptions(test=photos / "test"))
    with pytest.raises(UsageError, match="unknown dataset"):
        datasets.check_source("photos.tgz")
