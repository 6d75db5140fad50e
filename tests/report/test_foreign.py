"""Other programs' figures: a real run of litert-benchmark, and text as the others print it."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cnnedge.children import module_command
from cnnedge.cli.app import run
from cnnedge.errors import DataError
from cnnedge.report import pages, table
from cnnedge.report.foreign import beside, read_foreign
from tests.support import documents

MNIST = Path(__file__).parents[2] / "exported" / "mnist"
# As TFLite's benchmark_model prints it (tflite/tools/benchmark/benchmark_model.cc), on a phone.
BENCHMARK_MODEL = """\
INFO: Log parameter values verbosely: [0]
INFO: Num threads: [4]
INFO: Graph: [/data/local/tmp/net_int8.tflite]
INFO: The input model file size (MB): 0.12
INFO: Initialized session in 9.933ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=7 first=2425 curr=1709 min=1709 max=2425 avg=1905.9 std=209 p5=1709 median=1809 p95=2425
INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=1500 first=653 curr=660 min=640 max=700 avg=661.5 std=9 p5=645 median=660 p95=680
INFO: Inference timings in us: Init: 9933, First inference: 2425, Warmup (avg): 1905.9, Inference (avg): 661.5
"""
PERF_TEST = """\
$ onnxruntime_perf_test -m times -r 10 -e cuda /models/net_int8_qat.onnx result.csv
Session creation time cost: 0.127918 s
Total inference time cost: 0.00448 s
Total inference requests: 10
Average inference time cost: 0.448 ms
P50 Latency: 0.000440 s
P90 Latency: 0.000470 s
"""


def written(folder: Path, text: str, name: str = "figures.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_litert_benchmark_is_read_from_its_own_json(tmp_path):
    result, model = tmp_path / "result.json", MNIST / "mnist_int8.tflite"
    options = ["--model", str(model), "--num_runs", "5", "--warmup_runs", "1", "--result_json", str(result)]
    command = module_command("ai_edge_litert.tools.benchmark_litert_model", *options)
    subprocess.run(command, check=True, capture_output=True)
    found = read_foreign(result)
    stated = json.loads(result.read_text())["latency"]
    assert (found.program, found.file, found.device, found.threads) == ("litert-benchmark", model.name, "CPU", 1)
    assert (found.p50_ms, found.mean_ms, found.runs) == (stated["median_ms"], stated["avg_ms"], 5)
    assert found.size_bytes == pytest.approx(model.stat().st_size, abs=0.005 * 1024**2)


def test_benchmark_model_is_read_from_what_it_prints(tmp_path):
    found = read_foreign(written(tmp_path, BENCHMARK_MODEL))
    assert (found.program, found.file, found.device, found.threads) == ("benchmark_model", "net_int8.tflite", "CPU", 4)
    assert (found.p50_ms, found.mean_ms, found.runs) == (pytest.approx(0.66), pytest.approx(0.6615), 1500)
    assert read_foreign(written(tmp_path, BENCHMARK_MODEL + "INFO: Use gpu: [1]")).device == "GPU"


def test_perf_test_is_read_from_what_it_prints(tmp_path):
    found = read_foreign(written(tmp_path, PERF_TEST))
    assert (found.program, found.file, found.device) == ("onnxruntime_perf_test", "net_int8_qat.onnx", "CUDA")
    assert (found.p50_ms, found.mean_ms, found.runs) == (pytest.approx(0.44), pytest.approx(0.448), 10)
    silent = read_foreign(written(tmp_path, PERF_TEST.partition("\n")[2]))
    assert silent.file is None, "it names no file unless the command stands in the text"


def test_the_accuracy_beside_it_is_ours_and_of_the_same_file_only(tmp_path):
    document, found = documents.document(), read_foreign(written(tmp_path, BENCHMARK_MODEL))
    row = next(row for row in document.rows if row.file == "net_int8.tflite")
    assert beside([found], document)[0].top1 == row.top1
    assert beside([replace(found, size_bytes=row.size_bytes + 10_000)], document)[0].top1 is None
    assert beside([replace(found, file="other.tflite")], document)[0].top1 is None


def test_it_stands_in_the_table_and_in_the_page_with_where_it_comes_from(tmp_path, capsys):
    found = read_foreign(written(tmp_path, BENCHMARK_MODEL, "<pixel 8>.txt"))
    page = pages.render(documents.document(), foreign=[found])
    assert "Measured by others" in page and "benchmark_model (&lt;pixel 8&gt;.txt)" in page
    assert "Measured by others" not in pages.render(documents.document())
    assert "| net_int8.tflite | 96.63 | 0.660 | 0.661 | 1,500 | 4 | CPU |" in table.markdown(
        documents.document(), foreign=[found]
    )
    documents.document().write(tmp_path / "benchmark.json")
    assert run(["report", str(tmp_path / "benchmark.json"), "--foreign", str(tmp_path / "<pixel 8>.txt")]) == 0
    assert "benchmark_model" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("hello", "is not known: expected the JSON of litert-benchmark", id="something else"),
        pytest.param("{}", "is damaged ('latency')", id="JSON without figures"),
        pytest.param(BENCHMARK_MODEL.replace("661.5\n", "0\n"), "is damaged (Inference (avg) is 0", id="no time"),
        pytest.param(BENCHMARK_MODEL.replace("count=1500", f"count={10**12}"), "(count is 1e+12", id="too many runs"),
        pytest.param(PERF_TEST.replace("0.448 ms", "nan ms"), "is damaged (the average is None", id="no number"),
        pytest.param("[" * 100_000, "is not known", id="deep"),
        pytest.param('{"a":' * 100_000, "is damaged", id="deep object"),
        pytest.param("x" * 1_000_001, "cannot be read (has 1,000,001 bytes", id="too long"),
    ],
)
def test_what_is_not_such_figures_is_refused(tmp_path, text, message):
    with pytest.raises(DataError) as error:
        read_foreign(written(tmp_path, text))
    assert message in str(error.value)
