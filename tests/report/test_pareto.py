"""The Pareto page: what was measured and what is quoted are told apart, and every figure is the document's."""

import re
from dataclasses import replace

import pytest

from cnnedge.documents import Document, Work
from cnnedge.errors import DataError
from cnnedge.report.literature import CIFAR10, Published
from cnnedge.report.pareto import draw, with_work, write_pareto
from tests.support import documents

OURS, OTHER = "cifar10_int8_qat.tflite", "pretrainedResnet_quant.tflite"


@pytest.fixture
def document() -> Document:
    found = documents.document(
        documents.measurement(OURS, 0.5, 300),
        documents.measurement(OTHER, 0.25, 390),
        documents.measurement("cifar10_broken.onnx", 0, 0, failure="its process was killed by SIGSEGV"),
        name="cifar10",
    )
    macs = {OURS: 40_846_912, OTHER: 12_501_632, "cifar10_broken.onnx": None}
    return replace(found, pareto=Work(macs, [OTHER]))


def test_page_tells_measured_from_quoted(document, tmp_path):
    path = tmp_path / "pareto.html"
    write_pareto(path, document)
    page = path.read_text()
    measured, quoted = page.split("<h2>Quoted</h2>")
    assert '<td data-name="whose">ours</td>' in measured and "others, same run" in measured
    # 300 and 390 of 3,000 images wrong.
    assert all(figure in measured for figure in ("90.00", "87.00", "40.85", "12.50", "MLPerf ResNet-8 int8"))
    assert "cifar10_broken.onnx</strong> failed: its process was killed by SIGSEGV" in measured
    assert all(one.name in quoted and one.source in quoted for one in CIFAR10)
    assert page.count("<svg ") == 3 and not re.search(r'(src|href)="?https?:', page)


def test_published_points_are_numbered_and_have_no_latency(document):
    for quantity, shown in (("bytes", True), ("macs", True), ("latency", False)):
        texts = set(re.findall(r">(\d+)</text>", draw(document, CIFAR10[:3], quantity)))
        assert ({"1", "2", "3"} <= texts) is shown
        assert ("quoted</text>" in draw(document, CIFAR10[:3], quantity)) is shown


def test_other_data_are_not_shown_beside_cifar10_networks(document, tmp_path):
    write_pareto(tmp_path / "pareto.html", replace(document, data=replace(document.data, name="pets")))
    page = (tmp_path / "pareto.html").read_text()
    assert "ResNet-20" not in page and "Quoted" not in page


def test_work_is_read_from_the_files(model_folder):
    ours, other = model_folder / "digits_int8.tflite", model_folder / "digits_float32.onnx"
    found = with_work(documents.document(), [ours], [other]).pareto
    # One dense layer from 28 x 28 pixels to 10 classes.
    assert found == Work({ours.name: 7840, other.name: 7840}, [other.name])


def test_a_plain_benchmark_is_refused(document, tmp_path):
    document = replace(document, pareto=None)
    with pytest.raises(DataError, match=r"no field 'pareto': measure with scripts/pareto\.py"):
        write_pareto(tmp_path / "pareto.html", document)
    assert list(tmp_path.iterdir()) == []


def test_published_figures_are_checked_at_birth():
    with pytest.raises(ValueError, match="net: expected a fraction and two counts above 0"):
        Published("net", 92.6, 270_000, 40_800_000, "nowhere")
    assert all(one.parameters <= 1_000_000 for one in CIFAR10)
