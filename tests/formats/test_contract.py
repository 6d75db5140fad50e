"""Files of other tools: which labels they get, and what is said of it."""

import dataclasses
import re

import pytest

from cnnedge.benchmark.candidate import Asked, candidates_for
from cnnedge.errors import ModelError, UsageError
from cnnedge.formats.tflite import standard_metadata as standard
from cnnedge.formats.tflite.embedding import embed_passport_tflite
from cnnedge.formats.tflite.entries import add_entries
from cnnedge.images.normalization import RAW, Normalization
from cnnedge.runtime.classifier import Classifier
from tests.support import models
from tests.support.labelled_files import METADATA, NAMES, PASSPORT, foreign, logits_tflite, opened


def test_the_passports_labels_need_no_remark():
    file = opened(embed_passport_tflite(models.digits_tflite(), PASSPORT))
    assert (file.class_names(10), file.remark(10)) == (PASSPORT.labels, None)


def test_the_metadatas_labels():
    assert foreign().class_names(10) == NAMES
    assert foreign().remark(10) == (
        "theirs.tflite is another tool's (no passport): its labels are those of its TFLite metadata; "
        "it is fed raw pixels 0..255, as its metadata asks"
    )


def test_numbers_where_there_are_no_labels():
    for file in (opened(models.digits_tflite()), opened(models.colours_onnx(), "onnx")):
        assert file.class_names(3) == ("0", "1", "2")
        assert (
            "(no passport): its classes are called 0, 1, 2 ...; what to feed it is unknown, and raw pixels"
            in file.remark(3)
        )


@pytest.mark.parametrize("count", [1, 9])
def test_labels_of_the_wrong_count_are_not_used(count):
    file = foreign(names=NAMES[:count])
    assert file.class_names(10) == tuple("0123456789")
    assert f"its metadata names {count} of 10 classes, so they are called 0, 1, 2 ..." in file.remark(10)


SCALED = dataclasses.replace(METADATA, mean=(127.5,), std=(63.75,))


def test_the_metadatas_scaling_is_done_and_said():
    assert foreign(SCALED).contract.normalization == Normalization((127.5,), (63.75,))
    assert foreign(SCALED).remark(10).endswith("; it is fed (pixel - 127.5) / 63.75, as its metadata asks")


def test_our_own_files_are_never_scaled():
    content = add_entries(
        embed_passport_tflite(models.digits_tflite(), PASSPORT), {standard.ENTRY: standard.write(SCALED)}
    )
    assert opened(content).contract.normalization == RAW


def test_a_foreign_float_file_is_fed_what_it_asks_for(tmp_path):
    """A network that expects -2..2 gives the answers that the same numbers give it through the bare runtime."""
    from ai_edge_litert.interpreter import Interpreter

    content = models.digits_tflite("float32")
    path = tmp_path / "theirs.tflite"
    path.write_bytes(add_entries(content, {standard.ENTRY: standard.write(dataclasses.replace(SCALED, label_file=""))}))
    bare = Interpreter(model_content=content)
    bare.allocate_tensors()
    images = models.digits("test")[0][:20]
    with Classifier(path) as classifier:
        batched = list(classifier.predict_batch(images, top=1, workers=2))
        for image, (best,) in zip(images, batched, strict=True):
            bare.set_tensor(bare.get_input_details()[0]["index"], (image[None].astype("float32") - 127.5) / 63.75)
            bare.invoke()
            expected = bare.get_tensor(bare.get_output_details()[0]["index"])[0]
            # The same kernels on inputs that differ by a rounding of the division, 2**-24 of a value.
            assert best.score == pytest.approx(expected.max(), abs=1e-5)
            assert classifier.predict(image, top=1) == [best]


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        ((0.0,), (0.0,), r"theirs.tflite: its TFLite metadata: std is \(0.0,\), expected numbers above 0"),
        ((float("nan"),), (1.0,), r"theirs.tflite: its TFLite metadata: mean is"),
        ((1.0, 2.0), (1.0,), r"theirs.tflite: its TFLite metadata: mean has 2 numbers, expected 1 or 1"),
        ((), (2.0,), r"theirs.tflite: its TFLite metadata: mean is \(\)"),
    ],
)
def test_scaling_that_cannot_be_is_an_error(mean, std, words, tmp_path):
    path = tmp_path / "theirs.tflite"
    path.write_bytes(foreign(dataclasses.replace(METADATA, mean=mean, std=std)).content)
    with pytest.raises(ModelError, match=words):
        Classifier(path)


def test_a_label_file_that_is_missing_is_an_error():
    with pytest.raises(ModelError, match=r"theirs.tflite: the archive behind the model holds 0 files 'names.txt'"):
        foreign(file_name="other.txt").class_names(10)


def test_a_passport_of_the_wrong_count_is_an_error():
    with pytest.raises(ModelError, match=r"theirs.tflite: 10 labels for 11 classes"):
        opened(embed_passport_tflite(models.digits_tflite(), dataclasses.replace(PASSPORT, labels=NAMES))).class_names(
            11
        )


def test_what_nobody_says_is_unknown_and_work_that_needs_it_asks():
    file = opened(models.digits_tflite("float32"))
    assert (file.contract.source, file.contract.is_known) == ("assumed", False)
    with pytest.raises(UsageError, match=r"theirs.tflite: what to feed it is unknown.* --mean and --std say what"):
        file.require_contract()
    told = file.told(Normalization((127.5,), (127.5,)), NAMES)
    told.require_contract()
    assert (told.contract.source, told.class_names(10)) == ("options", NAMES)
    assert "it is fed (pixel - 127.5) / 127.5, as --mean and --std ask" in told.remark(10)


def test_labels_that_a_person_gives_must_be_as_many_as_the_classes():
    told = opened(models.digits_tflite()).told(None, NAMES[:9])
    with pytest.raises(ModelError, match=r"theirs.tflite: 9 labels for 10 classes"):
        told.class_names(10)


def test_a_file_with_a_passport_takes_no_advice():
    file = opened(embed_passport_tflite(models.digits_tflite(), PASSPORT))
    assert file.told(None, None).contract == file.contract
    with pytest.raises(UsageError, match=r"theirs.tflite: it has a passport.*: leave --mean, --std and --labels out"):
        file.told(RAW, None)


@pytest.mark.parametrize("precision", ["float32", "int8", "int16x8"])
def test_a_softmax_is_seen_through_what_converts_its_output(precision):
    """int8 files quantize and some dequantize behind it."""
    file = opened(models.digits_tflite(precision, "float32"))
    assert (file.facts.output_operator, file.contract.gives_probabilities) == ("SOFTMAX", True)


def test_logits_are_no_probabilities():
    file = opened(logits_tflite())
    assert (file.facts.output_operator, file.contract.gives_probabilities) == ("FULLY_CONNECTED", False)
    assert "it ends in no softmax, so that what comes out (logits?) is shown as it is" in file.remark(10)


def file_with(made, labels=PASSPORT.labels):
    passport = dataclasses.replace(PASSPORT, made=made, labels=labels)
    return embed_passport_tflite(models.digits_tflite(), passport)


def test_numbers_without_data_are_no_names():
    file = opened(file_with({}))
    assert file.labels is None and file.contract.is_known
    assert file.class_names(10) == PASSPORT.labels
    assert file.told(None, NAMES).class_names(10) == NAMES
    with pytest.raises(UsageError, match="leave --mean"):
        file.told(Normalization((0.0,), (255.0,)), None)


@pytest.mark.parametrize("made, labels", [({"data": {"name": "mnist"}}, PASSPORT.labels), ({}, NAMES)])
def test_names_are_the_files_own(made, labels):
    file = opened(file_with(made, labels))
    assert file.labels == labels
    with pytest.raises(UsageError, match="it has a passport, which says what to feed it"):
        file.told(None, NAMES[::-1])


def test_a_benchmark_takes_names_for_a_file_without(tmp_path):
    for name, made in (("numbered", {}), ("named", {"data": {"name": "mnist"}})):
        (tmp_path / f"{name}.tflite").write_bytes(file_with(made))
    found = candidates_for(sorted(tmp_path.iterdir()), device="cpu", asked=Asked(labels=NAMES))
    assert {one.name: one.labels for one in found} == {"named.tflite": PASSPORT.labels, "numbered.tflite": NAMES}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"format": "onnx"}, "another file (onnx, 28x28x1 pixels; this one is tflite and takes 28x28x1)"),
        ({"input_shape": (32, 32, 3)}, "another file (tflite, 32x32x3 pixels; this one is tflite and takes 28x28x1)"),
    ],
)
def test_a_passport_of_another_file_is_refused(changes, words):
    passport = dataclasses.replace(PASSPORT, **changes)
    with pytest.raises(ModelError, match=re.escape(words)):
        _ = opened(embed_passport_tflite(models.digits_tflite(), passport)).contract
