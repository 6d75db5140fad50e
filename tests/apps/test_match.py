"""Every mistake of an app, injected into what it feeds or gets, is named; and what is right is a match."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnedge import data as datasets
from cnnedge.apps.golden import content
from cnnedge.apps.golden.content import GoldenImage, make_images
from cnnedge.apps.match import diagnose as diagnosing
from cnnedge.apps.match.diagnose import diagnose
from cnnedge.runtime.opening import open_runner
from cnnedge.runtime.runner import Runner
from tests.support import mistakes, models
from tests.support.golden_files import int8_ends

EXPORTED = Path(__file__).parents[2] / "exported"
FILES = [f"{model}-{kind}" for model in ("mnist", "cifar10") for kind in ("uint8", "int8", "float32")]
INPUTS = [
    (file, name)
    for file in FILES
    for name in (*mistakes.INPUTS, *(mistakes.GREY_INPUTS if "mnist" in file else mistakes.COLOUR_INPUTS))
]
QUANTIZED = [
    (file, name)
    for file in FILES
    if "float32" not in file
    for name in (*mistakes.QUANTIZED_OUTPUTS, *(mistakes.INT8_OUTPUTS if "-int8" in file else ()))
]


@dataclass(frozen=True)
class Case:
    runner: Runner
    labels: tuple[str, ...]
    images: list[GoldenImage]

    def names(self, dump: bytes, wanted: int | None = None, kind: str = "input") -> tuple[int | None, tuple[str, ...]]:
        found_kind, found = diagnose(dump, self.images, self.runner, self.labels, wanted=wanted)
        assert found_kind == kind
        return found.image, tuple(mistake.name for mistake in found.mistakes)

    def answer(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Raw and as probabilities, worked out from what the folder says of the file."""
        raw, end = np.frombuffer(self.images[number].output, self.runner.output.dtype), self.runner.output
        return raw, (raw.astype(np.float32) - end.zero_point) * end.scale if end.scale else raw


@pytest.fixture(scope="module")
def cases():
    made: dict[str, Case] = {}

    def case(file: str) -> Case:
        if file not in made:
            model, kind = file.split("-")
            file_content = (
                EXPORTED / model / f"{model}_{'float32' if kind == 'float32' else 'int8'}.tflite"
            ).read_bytes()
            runner = open_runner(int8_ends(file_content) if kind == "int8" else file_content, format="tflite")
            assert (runner.input.dtype, runner.output.dtype) == (kind, kind)
            dataset = datasets.load(model)
            made[file] = Case(runner, dataset.labels, make_images(runner, dataset.test, dataset.labels))
        return made[file]

    yield case
    for opened in made.values():
        opened.runner.close()


@pytest.fixture(scope="module", autouse=True)
def computed_once():
    """Every test asks about the same pictures and files, for which ``diagnose`` makes resized pictures and runs the
    file a thousand times: 40 of 47 seconds of these tests."""

    def once(function: Callable[..., Iterable[Any]]) -> Callable[..., list[Any]]:
        found: dict[tuple, tuple[tuple, list[Any]]] = {}

        def answer(*arguments: Any) -> list[Any]:
            key = tuple(one if isinstance(one, int | tuple) or one is None else id(one) for one in arguments)
            if key not in found:  # with the arguments, so that no other object gets the id of one of them
                found[key] = arguments, list(function(*arguments))
            return found[key][1]

        return answer

    with pytest.MonkeyPatch.context() as patch:
        for name in ("references", "simulations"):
            patch.setattr(diagnosing, name, once(getattr(diagnosing, name)))
        yield


def some_image(name: str) -> int:
    """Another picture for every mistake, so that the tests together see most of them."""
    return sum(name.encode()) % 20


@pytest.mark.parametrize("file", FILES)
def test_what_is_right_is_a_match(cases, file):
    case = cases(file)
    for number, image in enumerate(case.images):
        assert case.names(image.input) == (number, ())
        assert case.names(image.input, wanted=number) == (number, ())
        assert case.names(image.output, kind="output") == (number, ())
        assert case.names(mistakes.floats(case.answer(number)[1]), kind="output") == (number, ())


@pytest.mark.parametrize(("file", "name"), INPUTS)
def test_mistake_at_the_input_is_named(cases, file, name):
    case, number = cases(file), some_image(name)
    expected, inject = (mistakes.INPUTS | mistakes.COLOUR_INPUTS | mistakes.GREY_INPUTS)[name]
    dump = inject(case.images[number].pixels, case.runner.input.dtype)
    if dump == case.images[number].input:
        pytest.skip("right for this file")
    image, names = case.names(dump)
    assert image == number and expected in names
    # Types are told apart from the rest; no mistake is claimed that was not made.
    assert len(set(names) - {"dtype"}) <= 1 or name == "scaled to 0..1"


@pytest.mark.parametrize("name", mistakes.RESIZES)
@pytest.mark.parametrize("file", FILES)
def test_resize_is_named(cases, file, name):
    case, number = cases(file), some_image(name)
    small = mistakes.RESIZES[name](case.images[number].large, case.runner.input_shape)
    assert case.names(mistakes.stored(small, case.runner.input.dtype)) == (number, ("resize",))
    image, names = case.names(mistakes.floats(small / 255))
    assert image == number and set(names) - {"dtype"} == {"resize", "scaling"}


@pytest.mark.parametrize("name", mistakes.ANTIALIASED)
@pytest.mark.parametrize("file", FILES)
def test_every_antialiased_resize_is_right(cases, file, name):
    case = cases(file)
    for number in (2, 13):
        small = mistakes.ANTIALIASED[name](case.images[number].large, case.runner.input_shape)
        assert case.names(mistakes.stored(small, case.runner.input.dtype)) == (number, ())


@pytest.mark.parametrize("file", FILES)
def test_blur_is_a_resize(cases, file):
    case, alone = cases(file), 0
    for image in case.images:
        pixels = image.pixels.astype(float)
        blurred = sum(np.roll(pixels, shift, (0, 1)) for shift in ((0, 0), (0, 1), (1, 0), (1, 1))) // 4
        _, names = case.names(mistakes.stored(blurred, case.runner.input.dtype))
        # No usual filter is this soft. The thinnest digits lose so much contrast that it is named besides.
        assert set(names) in ({"resize"}, {"resize", "mean-deviation"})
        alone += len(names) == 1
    assert alone >= 15


@pytest.mark.parametrize("file", ["cifar10-uint8", "cifar10-float32"])
def test_several_mistakes_at_once_are_told_apart(cases, file):
    case = cases(file)
    mirrored = case.images[4].pixels[:, ::-1, ::-1].transpose(2, 0, 1) / 127.5 - 1
    image, names = case.names(mistakes.floats(mirrored))
    assert image == 4
    assert set(names) - {"dtype"} == {"bgr", "flipped-horizontally", "channel-first", "mean-deviation"}


@pytest.mark.parametrize("file", ["cifar10-uint8", "cifar10-float32"])
def test_blue_first_is_named_even_where_two_colours_leave_another_reading(cases, file):
    """With two colours in the picture a mean and a deviation of each channel's own fit as well."""
    case = cases(file)
    pixels = np.full((32, 32, 3), (200, 60, 20), np.uint8)
    pixels[8:20, 4:17] = (30, 90, 240)
    large = np.repeat(np.repeat(pixels, 3, axis=0), 4, axis=1)
    dtype = case.runner.input.dtype
    flat = GoldenImage(pixels, large, mistakes.stored(pixels, dtype), b"", 0)
    plain = Case(case.runner, case.labels, [flat])
    assert plain.names(mistakes.stored(pixels[:, :, ::-1], dtype)) == (0, ("bgr",))


@pytest.mark.parametrize("file", FILES)
def test_another_picture_than_the_one_asked_for(cases, file):
    case = cases(file)
    assert case.names(case.images[3].input, wanted=8) == (3, ("image",))
    assert case.names(case.images[3].output, wanted=8, kind="output") == (3, ("image",))


@pytest.mark.parametrize("file", FILES)
def test_what_is_no_picture_of_the_folder(cases, file):
    case = cases(file)
    noise = np.random.default_rng(0).integers(0, 256, case.runner.input_shape)
    assert case.names(mistakes.stored(noise, case.runner.input.dtype)) == (None, ("unknown",))
    assert case.names(bytes(len(case.images[0].input))) == (None, ("constant",))
    assert case.names(mistakes.stored(np.ones((57, 57, 3)), case.runner.input.dtype)) == (None, ("size",))
    other = np.random.default_rng(1).dirichlet(np.ones(10))
    assert case.names(mistakes.floats(other), kind="output") == (None, ("unknown",))


@pytest.mark.parametrize("model", ["mnist", "cifar10"])
def test_mistakes_with_the_buffer_of_a_float_file(cases, model):
    case = cases(f"{model}-float32")
    pixels = case.images[6].pixels
    assert case.names(pixels.tobytes() + bytes(3 * pixels.size)) == (6, ("dtype",))
    assert case.names(mistakes.floats(np.where(pixels < 9, np.nan, pixels))) == (None, ("not-a-number",))


@pytest.mark.parametrize("file", FILES)
def test_grey_pictures_are_never_called_bgr(cases, file):
    case = cases(file)
    for number in range(0, 20, 4):
        swapped = case.images[number].pixels[..., ::-1]
        expected = () if case.runner.input_shape[2] == 1 else ("bgr",)
        assert case.names(mistakes.stored(swapped, case.runner.input.dtype)) == (number, expected)


@pytest.mark.parametrize("name", mistakes.OUTPUTS)
@pytest.mark.parametrize("file", FILES)
def test_mistake_at_the_output_is_named(cases, file, name):
    case, number = cases(file), some_image(name)
    expected, inject = mistakes.OUTPUTS[name]
    image, names = case.names(inject(case.answer(number)[1]), kind="output")
    assert names == (expected,) or (name == "doubles" and names == ("dtype",))
    assert image in (number, None)


@pytest.mark.parametrize(("file", "name"), QUANTIZED)
def test_dequantization_is_named(cases, file, name):
    case, number = cases(file), some_image(name)
    expected, inject = (mistakes.QUANTIZED_OUTPUTS | mistakes.INT8_OUTPUTS)[name]
    end = case.runner.output
    dump = inject(case.answer(number)[0], end.scale, end.zero_point)
    assert case.names(dump, kind="output") == (number, (expected,))


@pytest.mark.parametrize("name", ["mirrored", "upside down", "transposed", "BGR", "channel-first", "scaled to 0..1"])
@pytest.mark.parametrize("file", FILES)
def test_mistake_at_the_input_is_named_by_the_output(cases, file, name):
    case, number = cases(file), 7
    if "mnist" in file and name in mistakes.COLOUR_INPUTS:
        pytest.skip("grey")
    expected, inject = (mistakes.INPUTS | mistakes.COLOUR_INPUTS)[name]
    fed = np.frombuffer(inject(case.images[number].pixels, case.runner.input.dtype), case.runner.input.dtype)
    dump = case.runner.run(fed.reshape(1, *case.runner.input.shape[1:])).tobytes()
    _, found = diagnose(dump, case.images, case.runner, case.labels, wanted=number)
    assert expected in [mistake.name for mistake in found.mistakes]
    assert found.any_of == (len(found.mistakes) > 1)


def test_file_that_asks_for_scaled_pixels(monkeypatch):
    """Another tool's float file, fed as its metadata asks: here it is raw pixels that are the mistake.

    A file of ours stands in for it, whose answers to such pixels are guesses.
    """
    monkeypatch.setattr(content, "_refuse_wrong", lambda confusion, labels: None)
    path, dataset = EXPORTED / "mnist" / "mnist_float32.tflite", datasets.load("mnist")
    with open_runner(path, mean=[127.5], std=[127.5]) as runner:
        case = Case(runner, dataset.labels, make_images(runner, dataset.test, dataset.labels))
        pixels = case.images[5].pixels
        assert case.names(mistakes.floats((pixels - np.float32(127.5)) / np.float32(127.5))) == (5, ())
        assert case.names(mistakes.floats(pixels)) == (5, ("scaling-missing",))
        assert case.names(mistakes.floats(pixels / 255)) == (5, ("scaling",))
        _, found = diagnose(mistakes.floats(pixels / 255), case.images, runner, case.labels)
        assert found.mistakes[0].fix == "feed (pixel - 127.5) / 127.5"


@pytest.fixture(scope="module")
def planes():
    """A channel-first ONNX file with a free batch, and three pictures for it."""
    with open_runner(models.colours_onnx(layout="NCHW"), format="onnx") as runner:
        rng = np.random.default_rng(0)
        images: list[Any] = []
        for _ in range(3):
            pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            fed = runner.prepare(pixels[None])
            images.append(
                GoldenImage(pixels, pixels.repeat(3, 0).repeat(4, 1), fed.tobytes(), runner.run(fed).tobytes(), 0)
            )
        yield Case(runner, models.COLOURS, images)


def test_channel_first_file(planes):
    pixels = planes.images[1].pixels
    assert planes.names(pixels.transpose(2, 0, 1).tobytes()) == (1, ())
    assert planes.names(pixels.tobytes()) == (1, ("channel-last",))
    assert planes.names(pixels[..., ::-1].transpose(2, 0, 1).tobytes()) == (1, ("bgr",))


def test_free_batch_takes_several_images_and_names_the_wrong_one(planes):
    right = [image.input for image in planes.images]
    assert planes.names(b"".join(right)) == (0, ())
    mirrored = planes.images[1].pixels[:, ::-1].transpose(2, 0, 1).tobytes()
    assert planes.names(right[0] + mirrored + right[2]) == (0, ("flipped-horizontally",))
