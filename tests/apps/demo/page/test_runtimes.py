"""What runs the files in the page: Python's answers, and what is said where it cannot."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from cnnedge import data as datasets
from cnnedge.formats.model_file import open_model_file
from cnnedge.images.decode import decode
from cnnedge.images.normalization import Normalization
from cnnedge.runtime.opening import open_runner
from tests.support.browsers import Served, another
from tests.support.demo_page import EXPORTED, FILES, choose_file, packed, see

pytestmark = pytest.mark.xdist_group("demo page")
CLASSIFY = """async ([name, images]) => {
  const load = (module) => import(new URL(`${module}.js`, document.baseURI).href);
  const [{open}, {prepare}, {fromBase64}] = await Promise.all(["runtimes", "feeding", "assets"].map(load));
  const page = JSON.parse(document.getElementById("page").textContent);
  const file = page.files.find((one) => one.name === name);
  const session = await open(file, page.runtimes);
  const pixels = fromBase64(images);
  const size = file.shape.reduce((product, one) => product * one);
  const answers = [];
  for (let start = 0; start < pixels.length; start += size) {
    answers.push(...(await session.run(prepare(pixels.subarray(start, start + size), file))));
  }
  session.close();
  return answers;
}"""


# 200 images are enough of what takes 9 ms for each, and of a second file of one network and kind.
FEWER = [EXPORTED / "cifar10" / "cifar10_int8.onnx", EXPORTED / "cifar10" / "cifar10_int8_qat.tflite"]


# Whole numbers bit for bit; float sums depend on the order of their terms, and 1e-5 is what the issue of the page asks.
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_page_answers_as_python(page, path):
    images = datasets.load(path.parent.name).test.pixels(list(range(200 if path in FEWER else 1000)))
    with open_runner(path) as runner:
        expected = np.concatenate([runner.run(runner.prepare(image[np.newaxis])) for image in images])
    answers = np.array(page.evaluate(CLASSIFY, [path.name, packed(images.tobytes())])).reshape(expected.shape)
    if path.suffix == ".tflite" and "int8" in path.name:
        np.testing.assert_array_equal(answers, expected)
    else:
        np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-5)


def test_a_runtime_that_does_not_come_is_said_and_tried_again(browser, served):
    """The laptop stops answering for what runs .tflite files: the .onnx files work, and so does the next try."""
    page = browser.new_page()
    page.route("**/*.wasm", lambda route: route.abort() if "litert" in route.request.url else route.continue_())
    page.goto(served.url)
    page.locator("#trouble").filter(has_text="the runtime for .tflite files does not start here").wait_for()
    assert page.inner_text("#trouble").startswith("mnist_int8.tflite cannot run in this browser: ")
    choose_file(page, "mnist_float32.onnx")
    page.unroute("**/*.wasm")
    page.route("**/models/*.tflite", lambda route: route.fulfill(body=b"no model"))
    page.select_option("#file", index=FILES.index(EXPORTED / "cifar10" / "cifar10_int8.tflite"))
    page.locator("#trouble").filter(has_text="cifar10_int8.tflite cannot run in this browser: ").wait_for()
    page.unroute("**/models/*.tflite")
    choose_file(page, "mnist_float32.tflite")
    assert not page.is_visible("#trouble")
    page.close()


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--jitless", "WebAssembly is switched off here (by a setting, or Lockdown Mode)"),
        ("--no-enable-sse4-1", "its WebAssembly lacks SIMD: Chrome 91, Firefox 89, Safari 16.4 and later have it"),
    ],
    ids=["without WebAssembly", "without SIMD"],
)
def test_a_browser_that_cannot_is_told_why(browser, served, flag, words):
    with another(browser, f"--js-flags={flag}") as page:
        page.goto(served.url)
        page.wait_for_selector("#trouble:not([hidden])")
        assert page.inner_text("#trouble").startswith(f"mnist_int8.tflite cannot run in this browser: {words}")


def test_a_file_of_another_tool_with_a_thousand_classes(browser, tmp_path):
    """224 x 224, channels first, fed as --mean and --std ask; the list groups it with another by folder."""
    (tmp_path / "things.txt").write_text("\n".join(f"thing {number}" for number in range(1000)))
    (tmp_path / "foreign.onnx").write_bytes(thousand_classes())
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (150, 210, 3), np.uint8))
    photo.save(tmp_path / "photo.png")
    file = open_model_file(tmp_path / "foreign.onnx").told(Normalization((123.7,), (58.0,)), None)
    with open_runner(file) as runner:
        scores = runner.predict(decode(photo, (224, 224, 3))[np.newaxis])[0]
    (tmp_path / "tiny.tflite").write_bytes((EXPORTED / "mnist-tiny" / "mnist-tiny_int8.tflite").read_bytes())
    options = ["--mean", "123.7", "--std", "58", "--labels", "things.txt"]
    served = Served("tiny.tflite", FILES[0], "foreign.onnx", *options, cwd=tmp_path)
    page = browser.new_page()
    page.goto(served.url)
    choose_file(page, "foreign.onnx")
    assert "it is fed (pixel - 123.7) / 58, as --mean and --std ask" in page.inner_text("#trouble")
    page.set_input_files("#pick", tmp_path / "photo.png")
    see(page, f"thing {scores.argmax()}")
    assert page.inner_text("#bars li:first-child span:last-child") == f"{100 * scores.max():.1f} %"
    assert page.inner_text("#fed-size") == "fed: 224 × 224" and "foreign.onnx" in page.inner_text("#facts")
    page.close()
    served.process.kill()


def thousand_classes() -> bytes:
    """An ONNX classifier as another tool would write it: two convolutions of random weights, mean, dense, softmax."""
    random = np.random.default_rng(5)
    shapes = {"first": (8, 3, 8, 8), "second": (32, 8, 4, 4), "dense": (1000, 32)}
    weights = [numpy_helper.from_array(random.normal(0, 0.3, shape).astype(np.float32), name)
               for name, shape in shapes.items()]  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["image", "first"], ["a"], strides=[8, 8]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"], strides=[4, 4]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "dense"], ["g"], transB=1),
        helper.make_node("Softmax", ["g"], ["classes"], axis=1),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("image", [1, 3, 224, 224]), ("classes", [1, 1000]))]  # fmt: skip
    graph = helper.make_graph(nodes, "foreign", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
