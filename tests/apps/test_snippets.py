"""Code for phones: it says what the file takes and gives, and the Python one runs and agrees with ``Classifier``."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnedge.apps.snippets.language import DART, KOTLIN, PYTHON, SWIFT, number
from cnnedge.apps.snippets.render import TITLES, as_markdown, snippets, subject_of
from cnnedge.errors import ModelError, UsageError
from cnnedge.formats.model_file import open_model_file
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.runtime.classifier import Classifier
from cnnedge.runtime.runner import TensorSpec
from tests.support import models
from tests.support.golden_files import int8_ends
from tests.support.labelled_files import logits_tflite

EXPORTED = Path(__file__).parents[2] / "exported"
FILES = sorted(EXPORTED.glob("*/*.tflite"))


@pytest.fixture
def int8_file(tmp_path):
    """CIFAR-10's int8 file, with int8 ends."""
    source = EXPORTED / "cifar10" / "cifar10_int8.tflite"
    passport = open_model_file(source).passport
    assert passport is not None
    path = tmp_path / "cifar10_signed.tflite"
    path.write_bytes(embed_passport_tflite(int8_ends(source.read_bytes()), passport))
    return path


def picture(path: Path, channels: int) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 70, channels), dtype=np.uint8)
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(path)
    return path


def assert_python_agrees(file: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(file.parent)
    (tmp_path / "snippet.py").write_text(snippets(open_model_file(file))["python"])
    shown = picture(tmp_path / "picture.png", subject_of(open_model_file(file)).shape[2])
    found = runpy.run_path(str(tmp_path / "snippet.py"))["classify"](shown)
    with Classifier(file) as classifier:
        expected = classifier.predict(shown, top=10)
    assert dict(found) == pytest.approx({p.label: p.score for p in expected}, abs=1e-6)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_python_runs_and_agrees_with_the_classifier(file, tmp_path, monkeypatch):
    assert_python_agrees(file, tmp_path, monkeypatch)


def test_python_feeds_int8_ends(int8_file, tmp_path, monkeypatch):
    assert_python_agrees(int8_file, tmp_path, monkeypatch)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_code_names_the_files_own_facts(file):
    contract, code = subject_of(open_model_file(file)), snippets(open_model_file(file))
    height, width, channels = contract.shape
    size = f"{width} * {height} * {channels}"
    kind = "float" if contract.ends.input.dtype == "float32" else "byte"
    assert list(code) == list(TITLES)
    for language in ("kotlin", "swift", "dart", "python"):
        assert all(f'"{label}"' in code[language] for label in contract.labels)
        assert not re.search(r"\$\{?[a-z_]+", code[language])  # nothing is left to fill in
    assert {"float": f"FloatArray({size})", "byte": f"ByteArray({size})"}[kind] in code["kotlin"]
    assert {"float": "writeFloat(input)", "byte": "writeInt8(input)"}[kind] in code["kotlin"]
    assert f"width: {width}, height: {height}" in code["swift"] and f'forResource: "{file.stem}"' in code["swift"]
    assert {"float": f"Float32List({size})", "byte": f"Uint8List({size})"}[kind] in code["dart"]
    assert f'"assets/{file.name}"' in code["dart"] and f'"{file.name}"' in code["kotlin"]
    scale = f"* {number(contract.ends.output.scale)}"
    for language in ("kotlin", "swift", "dart", "python"):
        assert (scale in code[language]) == (contract.ends.output.dtype != "float32")


def test_mediapipe_says_what_it_does_not_take(int8_file, tmp_path):
    mnist = snippets(open_model_file(EXPORTED / "mnist" / "mnist_int8.tflite"))["mediapipe"]
    assert mnist == (
        "// MediaPipe Tasks does not take mnist_int8.tflite: it knows no grey pictures: "
        "cnnedge export NAME --rgb-input makes a file that it takes.\n"
    )
    assert "uint8 and float32 only" in snippets(open_model_file(int8_file))["mediapipe"]
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(int8_ends((EXPORTED / "cifar10" / "cifar10_int8.tflite").read_bytes()))
    assert "uint8 and float32 only" in snippets(open_model_file(bare))["mediapipe"]
    for precision in ("int8", "float32", "dynamic"):
        code = snippets(open_model_file(EXPORTED / "cifar10" / f"cifar10_{precision}.tflite"))["mediapipe"]
        assert f'setModelAssetPath("cifar10_{precision}.tflite")' in code


def test_flutter_warns_of_files_that_are_too_new_for_its_ios_runtime():
    assert "which needs 2.17.0" in snippets(open_model_file(EXPORTED / "cifar10" / "cifar10_dynamic.tflite"))["dart"]
    assert "On iOS" not in snippets(open_model_file(EXPORTED / "cifar10" / "cifar10_int8.tflite"))["dart"]


@pytest.mark.parametrize(
    ("language", "written"),
    [
        (KOTLIN, r'"a \"b\" \$c \\ \u000a\ud83e\udd8a"'),
        (DART, r'"a \"b\" \$c \\ \u000a\ud83e\udd8a"'),
        (SWIFT, r'"a \"b\" $c \\ \u{a}\u{1f98a}"'),
        (PYTHON, r'"a \"b\" $c \\ \u000a\ud83e\udd8a"'),
    ],
)
def test_labels_are_literals_whatever_they_hold(language, written):
    shown = language.quoted('a "b" $c \\ \n\U0001f98a')
    # The fox is printable and may stand as it is.
    assert shown == written.replace(r"\ud83e\udd8a", "\U0001f98a").replace(r"\u{1f98a}", "\U0001f98a")
    if language is PYTHON:
        assert eval(shown) == 'a "b" $c \\ \n\U0001f98a'


@pytest.mark.parametrize("shipped", ["mnist/mnist_int8.tflite", "cifar10/cifar10_int8.tflite"])
def test_a_line_break_in_the_name_of_a_file_begins_no_line_of_code(shipped, tmp_path):
    """With MediaPipe, which takes the one of colours, and without."""
    path = tmp_path / "evil\nimport os; os.abort() #.tflite"
    path.write_bytes((EXPORTED / shipped).read_bytes())
    text = as_markdown(open_model_file(path))
    assert text.startswith("# evil\\nimport os; os.abort() #.tflite\n")
    assert not re.search(r"^import os", text, re.MULTILINE)


def test_long_lists_of_labels_are_wrapped():
    lines = KOTLIN.lines([f"label number {index}" for index in range(40)], "    ").splitlines()
    assert len(lines) > 4 and max(map(len, lines)) <= 101 and lines[-1].endswith('"label number 39"')


PLAIN = {
    ("uint8", 1.0, 0): ("level.toByte()", "UInt8(level)", "level.toInt()", "level"),
    ("int8", 1.0, -128): (
        "(level - 128).toByte()", "Int8(level - 128)", "level.toInt() - 128",
        "(level.astype(np.int16) - 128).astype(np.int8)",
    ),
    ("float32", 0.0, 0): ("level.toFloat()", "Float32(level)", "level.toDouble()", "level.astype(np.float32)"),
    ("uint8", 0.5, 3): (
        "((level) / 0.5f + 3).roundToInt().coerceIn(0, 255).toByte()",
        "UInt8(min(max(((Float32(level)) / 0.5).rounded() + 3, 0), 255))",
        "(((level) / 0.5).round() + 3).clamp(0, 255).toInt()",
        "np.clip(np.round((level) / 0.5) + 3, 0, 255).astype(np.uint8)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("end", PLAIN)
def test_what_is_fed_in_each_language(end):
    dtype, scale, zero_point = end
    spec = TensorSpec("image", (1, 2, 2, 1), dtype, scale, zero_point)
    assert tuple(language.encode(spec, RAW) for language in (KOTLIN, SWIFT, DART, PYTHON)) == PLAIN[end]


@pytest.mark.parametrize("end", [("uint8", 1 / 127, 127), ("int8", 0.0078, 0), ("uint8", 0.9, 3), ("float32", 0.0, 0)])
@pytest.mark.parametrize("wanted", [RAW, Normalization((127.5,), (127.5,))], ids=["raw", "scaled"])
def test_python_quantizes_as_the_runner_does(end, wanted):
    from cnnedge.images.normalization import pixel_table

    dtype, scale, zero_point = end
    if wanted.is_raw and 0 < scale < 0.5:
        pytest.skip("such a file was made for scaled pixels")
    spec = TensorSpec("image", (1, 2, 2, 1), dtype, scale, zero_point)
    expected = pixel_table("x", dtype, scale, zero_point, wanted.values(1))[:, 0]
    found = eval(PYTHON.encode(spec, wanted), {"np": np, "level": np.arange(256, dtype=np.uint8)})
    assert found.dtype == expected.dtype and np.array_equal(found, expected)


def test_markdown_has_every_platform_and_the_contract_in_words():
    text = as_markdown(open_model_file(EXPORTED / "mnist" / "mnist_int8.tflite"))
    assert text.startswith("# mnist_int8.tflite\n\nFeed 28 x 28 x 1 uint8: row by row, one grey value per pixel")
    assert "Out come 10 uint8, value * 0.00390625 is a probability" in text
    assert re.findall(r"```(\w+)", text) == ["kotlin", "kotlin", "swift", "dart", "python"]


def test_files_for_which_there_is_no_code(tmp_path):
    with pytest.raises(UsageError, match=r"written for \.tflite files"):
        snippets(open_model_file(EXPORTED / "mnist" / "mnist_int8.onnx"))
    (tmp_path / "a.tflite").write_bytes(models.digits_tflite("int16x8", "int16"))
    with pytest.raises(ModelError, match="int16, expected uint8, int8, float32"):
        snippets(open_model_file(tmp_path / "a.tflite"))


def test_what_a_foreign_file_does_not_say_is_called_unknown(tmp_path):
    """In the sentence and at the top of every program; a file with metadata or a softmax says it."""
    file = open_model_file(logits_tflite(), "tflite")
    text, code = as_markdown(file), snippets(file)
    assert "values of unknown scaling, for the file does not say" in text and "meaning is unknown" in text
    assert "probabilities" not in text.split("Out come")[1].split("\n")[0]
    for language in ("kotlin", "swift", "dart", "python"):
        head = code[language].splitlines()[:2]
        assert "unknown scaling" in head[0] and "it may be logits" in head[1]
    known = file.told(RAW, None)
    assert "unknown scaling" not in as_markdown(known)
