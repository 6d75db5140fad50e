import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from cnnedge.data import ArraySplit
from cnnedge.errors import DataError
from cnnedge.report import pages, plots, style
from tests.support import documents


class Page(HTMLParser):
    """The text, the tags and every address of a page; fails on a tag that is closed and was not open."""

    VOID = ("meta", "img", "br", "link", "use")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags, self.addresses, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (documents.IMAGES, 32, 32, 3), np.uint8)
    return ArraySplit(pixels, documents.labels())


def test_the_report_is_one_well_formed_file_that_needs_no_network(images):
    html = pages.render(documents.document(), images=images)
    page = Page(html)
    assert page.open == []
    assert page.addresses and all(address.startswith(("data:image/png", "#")) for address in page.addresses)
    outside = set(re.findall(r"https?://[^\s\"'<]+", html)) - {"http://www.w3.org/2000/svg"}
    assert not outside and "@import" not in html and "script" not in page.tags and "link" not in page.tags


def test_the_report_says_what_was_measured(images):
    text = " ".join(" ".join(Page(pages.render(documents.document(), images=images)).text).split())
    for expected in (
        "The float Keras model is right on 96.67% of 3,000 test images",
        "The smallest file that is at least as accurate (within 0.5 points) is net_int8.tflite: 120 kB",
        "Less accurate than Keras: net_int8_qat.onnx.",
        "net_broken.onnx failed: its process was killed by SIGSEGV",
        "Test CPU",
        "This CPU has AVX2 but no VNNI",
        "Prediction, not measured: On a 64-bit Arm board",
        "Rows of a matrix are true classes",
        "Same answer as the baseline on 90.00% of the images; lost 300, gained 0 (exact McNemar p = 9.8e-91).",
        "Calibration error (ECE, 15 bins)",
        "cnnedge benchmark exported/pets --data pets --threads 1",
        "50.0 to 61.5 °C",
    ):
        assert expected in text, expected


def test_a_folder_of_ones_own_is_not_named_as_if_it_were_a_data_set():
    """``--data pets`` finds no folder photos/pets: the line that measures again asks for its place."""
    text = " ".join(" ".join(Page(pages.render(documents.document(source="folder"))).text).split())
    assert "cnnedge benchmark exported/pets --data DIR --threads 1" in text


def test_names_are_escaped_everywhere(images):
    html = pages.render(documents.document(), images=images)
    assert "&lt;script&gt;" in html and "<script" not in html


def test_class_names_of_any_kind_are_drawn_as_they_are(images):
    """Mathematics of matplotlib's, half of it; a line break; and a name that a page would take for markup."""
    html = pages.render(documents.document(labels=[r"$\frac{", "two\nlines", "<b>&"]), images=images)
    assert html.count(r"$\frac{") > 3 and "&lt;b&gt;&amp;" in html


def test_the_gallery_shows_lost_images_as_pictures(images):
    html = pages.render(documents.document(), images=images)
    gallery = html[html.index("Images answered differently") :]
    assert gallery.count("<figure>") == 1 + pages.GALLERY_IMAGES  # int8 flips one image, int8_qat 300
    assert ">lost<" in html
    assert "test images were not at hand" in pages.render(documents.document())


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"is_sample": True}, "small sample that comes with the package"),
        ({"full_images": 10_000}, "Accuracy on 3,000 of 10,000 test images"),
    ],
)
def test_limited_images_are_a_warning_in_the_report(changed, note):
    assert note in pages.render(documents.document(**changed))


def test_training_curves_are_drawn_from_the_history(tmp_path):
    history = tmp_path / "history.csv"
    history.write_text("epoch,accuracy,loss,val_accuracy\n0,0.5,1.2,0.55\n1,0.7,0.8,0.72\n")
    assert pages.read_history(history) == {"accuracy": [0.5, 0.7], "val_accuracy": [0.55, 0.72]}
    assert "training curves" in pages.render(documents.document(), history=history)
    history.write_text("epoch,loss\n0,1\n")
    with pytest.raises(DataError, match="no column whose name ends in 'accuracy'"):
        pages.read_history(history)


def test_a_report_without_any_figures_can_be_written(tmp_path):
    failed = documents.measurement("net_int8.tflite", 0, 0, failure="refused")
    pages.write_report(tmp_path / "report.html", documents.document(failed))
    assert "refused" in (tmp_path / "report.html").read_text()


def test_several_machines_lie_side_by_side(tmp_path):
    host = documents.document()
    pi = documents.document(
        documents.measurement("net_int8.tflite", 8.0, 101), machine=replace(documents.MACHINE, cpu="Raspberry Pi 4")
    )
    pages.write_comparison(tmp_path / "both.html", [host, pi])
    text = " ".join(" ".join(Page((tmp_path / "both.html").read_text()).text).split())
    assert "Raspberry Pi 4" in text and "8 ms" in text and "1.3 ms" in text and "2 machines side by side" in text
    assert pages.comparison_warnings([host, pi]) == []
    row = replace(pi.rows[0], sha256="another")
    pi = replace(pi, data=replace(pi.data, sha256="cd" * 32), rows=[row, *pi.rows[1:]])
    assert pages.comparison_warnings([host, pi]) == [
        "The machines were not given the same test images: compare latencies, not accuracies.",
        "net_int8.tflite is not the same file on all machines.",
    ]


def test_the_pareto_front_holds_what_nothing_beats_in_both():
    points = [(3, 0.90), (1, 0.80), (2, 0.85), (2.5, 0.84), (4, 0.90), (1, 0.70)]
    assert plots.pareto_front(points) == [(1, 0.80), (2, 0.85), (3, 0.90)]


def test_names_in_a_plot_keep_their_distance_and_order():
    placed = plots.spread_apart([0.5, 0.5, 0.51, 0.99, 1.0], 0.1)
    assert all(after - before >= 0.1 - 1e-9 for before, after in pairwise(placed))
    assert placed[0] >= 0 and placed[-1] <= 1
    many = plots.spread_apart([0.5] * 30, 0.1)
    assert many == sorted(many) and many[-1] <= 1


def test_lines_from_points_to_their_names_do_not_cross():
    """Twelve points in a heap, as files of one accuracy are: in the order of their heights some would."""
    points = np.random.default_rng(0).uniform((0, 0.4), (1, 0.6), (12, 2))
    heights = plots.spread_apart(sorted(points[:, 1].tolist()), plots.LABEL_HEIGHT)
    found = plots.uncrossed(points, heights)
    assert sorted(found) == heights

    def crossings(given):
        lines = [(x, y, (height - y) / (plots.LABEL_LEFT - x)) for (x, y), height in zip(points, given, strict=True)]
        pairs = [(one, other) for one, other in itertools.combinations(sorted(lines), 2)]
        return sum(
            (y + slope * (x2 - x) - y2) * (y + slope * (plots.LABEL_LEFT - x) - y2 - slope2 * (plots.LABEL_LEFT - x2))
            < 0
            for (x, y, slope), (x2, y2, slope2) in pairs
        )

    ranks = np.argsort(np.argsort(points[:, 1]))
    assert crossings(found) == 0 < crossings([heights[rank] for rank in ranks])


def test_plots_follow_the_colour_of_the_page():
    svg = plots.accuracy_against(documents.document().rows, "size")
    assert svg.startswith("<svg") and "currentColor" in svg and style.INK not in svg
    assert "<text" in svg and "net_int8.tflite" not in svg and "tflite int8" in svg
