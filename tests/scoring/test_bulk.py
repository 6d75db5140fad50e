"""A labelling: every picture once, whoever is killed; the rows are what ``predict`` says of each picture."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnnedge.data.sources.entry import Entry
from cnnedge.errors import CnnedgeError, DataError, FileExistsRefusal, UsageError
from cnnedge.runtime.classifier import Classifier
from cnnedge.scoring.bulk.attempts import Attempts
from cnnedge.scoring.bulk.inventory import Inventory, write_inventory
from cnnedge.scoring.bulk.labelling import label_all
from cnnedge.scoring.bulk.order import Order
from cnnedge.scoring.bulk.ray_data import run_on_ray
from tests.support import models

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "exported" / "mnist-tiny" / "mnist-tiny_int8.tflite"


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "colours.onnx"
    path.write_bytes(models.with_passport(models.colours_onnx()))
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three colours, of each five pictures in its folder; a damaged one; a green one among the red."""
    folder = tmp_path_factory.mktemp("photos")
    for name in models.COLOURS:
        (folder / name).mkdir()
        for number in range(5):
            Image.fromarray(models.colour_picture(name, (8, 8)) // (number + 1)).save(folder / name / f"{number}.png")
    Image.fromarray(models.colour_picture("green", (8, 8))).save(folder / "red" / "wrong.png")
    (folder / "red" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    return folder


def rows(out: Path) -> list[dict]:
    return [row for part in sorted(out.glob("part-*.parquet")) for row in pq.read_table(part.open("rb")).to_pylist()]


@pytest.fixture(scope="module")
def labelled(colours, photos, tmp_path_factory):
    order = Order(colours, str(photos), tmp_path_factory.mktemp("out") / "labels", top=2, part_rows=4)
    return order, label_all(order, workers=2)


def test_rows_are_what_predict_says(labelled, colours, photos):
    order, _ = labelled
    found = {row["key"]: row for row in rows(order.out)}
    assert len(found) == 17 and len(rows(order.out)) == 17
    assert [path.name for path in sorted(order.out.glob("*.parquet"))] == [
        "_pictures.parquet", *(f"part-{number:06d}.parquet" for number in range(5)),
    ]  # fmt: skip
    with Classifier(colours) as classifier:
        for path in photos.rglob("*.png"):
            row = found[str(path)]
            assert row["truth"] == path.parent.name and row["model_sha256"] == classifier.file.sha256
            if path.name == "damaged.png":
                assert row["label"] is row["index"] is row["score"] is row["top"] is None
                assert "truncated" in row["error"] or "damaged" in row["error"] or "cannot" in row["error"]
                continue
            expected = [(one.label, one.index, np.float32(one.score)) for one in classifier.predict(path, top=2)]
            assert [(one["label"], one["index"], np.float32(one["score"])) for one in row["top"]] == expected
            assert (row["label"], row["index"], np.float32(row["score"])) == expected[0]
            assert row["value"] is None and row["error"] is None


def test_tally_counts_through_score(labelled):
    _, found = labelled
    tally = found.tally
    assert (tally.pictures, tally.known, tally.right, tally.failed) == (17, 16, 15, 1)
    assert dict(tally.labels) == {"red": 5, "green": 6, "blue": 5}
    assert tally.confusion.tolist() == [[5, 1, 0], [0, 5, 0], [0, 0, 5]]
    scores = [one.score for one in tally.doubts]
    assert scores == sorted(scores) and len(scores) == 16
    assert all(re.search(r"/4\.png$", one.key) for one in tally.doubts[:3])  # the darkest of each colour


def test_refusals_before_any_work(labelled, colours, photos, tmp_path):
    order, _ = labelled
    before = rows(order.out)
    with pytest.raises(FileExistsRefusal, match="holds a labelling already: add --resume"):
        label_all(order)
    with pytest.raises(UsageError, match=r"labelling with another --top \(2\)"):
        label_all(Order(colours, str(photos), order.out, top=1, part_rows=4), resume=True)
    with pytest.raises(UsageError, match=r"labelling with another model file \([0-9a-f]{64} of colours.onnx\)"):
        label_all(Order(TINY, str(photos), order.out, top=2, part_rows=4), resume=True)
    assert rows(order.out) == before
    (tmp_path / "list.txt").write_text(f"{photos}/red/0.png\n{photos}/red/1.png\n{photos}/red/0.png\n")
    with pytest.raises(DataError, match=r"red/0.png is named twice"):
        label_all(Order(colours, str(tmp_path / "list.txt"), tmp_path / "out"))
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_resume_makes_only_what_is_missing(labelled):
    order, _ = labelled
    kept = order.part(1).stat().st_mtime_ns
    before = rows(order.out)
    order.part(0).unlink()
    (order.out / ".part-000000.parquet.x.part").write_bytes(b"half")
    found = label_all(order, resume=True)
    assert found.pictures == 4 and rows(order.out) == before and order.part(1).stat().st_mtime_ns == kept
    assert not list(order.out.glob(".*.part"))


def test_damaged_part_is_named(labelled):
    order, _ = labelled
    content = order.part(2).read_bytes()
    order.part(2).write_bytes(content[:100])
    with pytest.raises(CnnedgeError, match=r"000002\.parquet cannot be read .*: remove it and go on with --resume"):
        label_all(order, resume=True)
    order.part(2).write_bytes(content)


@pytest.fixture
def poisoned(colours, tmp_path, monkeypatch):
    """Six blue pictures, and a HEIC file with a decoder for it that dies as a faulty C library does."""
    (tmp_path / "pillow_heif.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.syspath_prepend(tmp_path)  # for the processes
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{REPOSITORY}")  # for Ray
    (tmp_path / "pictures").mkdir()
    for number in range(6):
        Image.fromarray(models.colour_picture("blue")).save(tmp_path / "pictures" / f"{number}.png")
    (tmp_path / "pictures" / "3.heic").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(100))
    return Order(colours, str(tmp_path / "pictures"), tmp_path / "out", part_rows=4)


def test_picture_that_kills_its_process_is_an_error_row(poisoned):
    found = label_all(poisoned, workers=1)
    assert dict(found.tally.labels) == {"blue": 6}
    (bad,) = [row for row in rows(poisoned.out) if row["error"]]
    assert bad["key"].endswith("3.heic") and bad["error"] == "ended the process that read it, 2 times"
    assert not (poisoned.out / "_attempts").exists()


@pytest.mark.slow
def test_ray_gives_the_same_rows_and_loses_nothing_with_an_actor(poisoned, tmp_path):
    """Four actors, two of which the picture ends: what they had begun is labelled by others."""
    label_all(poisoned, workers=2)
    found = label_all(replace(poisoned, out=tmp_path / "ray"), workers=4, engine=run_on_ray)
    assert rows(tmp_path / "ray") == rows(poisoned.out)
    assert (found.pictures, found.tally.failed) == (7, 1)


def test_a_suspect_is_tried_first_and_acquitted(tmp_path):
    with pytest.raises(ZeroDivisionError), Attempts(tmp_path, 0, 5) as attempts:
        for row in attempts.in_order():
            attempts._path.with_suffix(".killed").write_bytes(attempts._path.read_bytes())
            if row == 3:
                raise ZeroDivisionError
    attempts._path.with_suffix(".killed").replace(attempts._path)  # as a kill at row 3 leaves it
    with Attempts(tmp_path, 0, 5) as attempts:
        assert attempts.given_up == [] and list(attempts.in_order()) == [3, 0, 1, 2, 4]
    assert not attempts._path.exists()


def test_full_disk_is_one_line_and_nothing_is_lost(colours, photos, tmp_path):
    """A limit on the size of files, which the workers inherit, stands for the full disk: writing a part ends in it."""
    order = Order(colours, str(photos), tmp_path / "out", part_rows=4)
    label_all(order)
    before = rows(order.out)
    order.part(1).unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(CnnedgeError, match=r"File too large: what is labelled is kept; put that right, then add "):
            label_all(order, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not order.part(1).exists() and not list(order.out.glob(".*.part"))
    assert label_all(order, resume=True).pictures == 4 and rows(order.out) == before


def test_inventory_has_a_row_group_for_each_part(tmp_path):
    class Numbered:
        may_repeat = True

        def entries(self, labels):
            return (Entry(f"{number}", f"\udce9{number}", number, 7, "red") for number in range(10))

    assert write_inventory(tmp_path / "i.parquet", Numbered(), None, 4) == []
    inventory = Inventory(tmp_path / "i.parquet")
    assert (inventory.parts, inventory.pictures, inventory.rows(2)) == (3, 10, 2)
    assert inventory.read(2) == [Entry(f"{number}", f"\udce9{number}", number, 7, "red") for number in (8, 9)]


def command(out: Path, pictures: int, *options: str) -> list[str]:
    source = ["--data", f"synthetic:{pictures}", "--out", str(out), "--workers", "1"]
    return [sys.executable, "-m", "cnnedge", "score", str(TINY), *source, *options]


@pytest.mark.slow
def test_twenty_kills_lose_and_repeat_nothing(tmp_path):
    """Driver, worker or both are ended by SIGKILL while pictures are labelled, and the same command goes on."""
    out, random, pictures = tmp_path / "out", np.random.default_rng(0), 20_000
    resumed, driver = command(out, pictures, "--part-rows", "100", "--resume"), None
    for whom in random.permutation(["driver", "worker", "both"] * 6 + ["driver", "worker"]):
        if driver is None or driver.poll() is not None:
            driver = subprocess.Popen(resumed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_work(out)
        time.sleep(random.uniform(0, 0.2))
        worker = max(psutil.Process(driver.pid).children(), key=lambda child: child.memory_info().rss)
        for victim in {"driver": [driver], "worker": [worker], "both": [driver, worker]}[whom]:
            victim.kill()
        if whom != "worker":
            assert driver.wait() == -signal.SIGKILL  # it was at work
    driver.wait()
    assert subprocess.run(resumed, capture_output=True, check=False).returncode == 0
    found = rows(out)
    assert [row["key"] for row in found] == [f"synthetic/{number:09d}" for number in range(pictures)]
    assert {row["error"] for row in found} == {None}
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith("part-")) == [
        "_pictures.parquet", "_run.json", "report.html", "summary.json",
    ]  # fmt: skip


def wait_for_work(out: Path) -> None:
    """Until a part is written after now."""
    begun = time.time_ns()
    while not any(part.stat().st_mtime_ns > begun for part in out.glob("part-*.parquet")):
        time.sleep(0.01)
        assert time.time_ns() - begun < 60e9


@pytest.mark.slow
def test_memory_does_not_grow_with_the_pictures(tmp_path):
    """The peak of driver and worker at 10,000 pictures is at most 10 MB above that at 1,000: pyarrow's pools."""
    few, many = (peak_mb(command(tmp_path / str(count), count, "--part-rows", "1000")) for count in (1000, 10_000))
    assert many < few + 10


def peak_mb(words: list[str]) -> float:
    """Of the largest of a command's processes, resident."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1000
