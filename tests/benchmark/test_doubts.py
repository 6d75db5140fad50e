"""What is lost, guessed or too little to tell is said; what is sound is not doubted."""

import numpy as np
import pytest

from cnnedge.benchmark.doubts import doubts
from cnnedge.report import table
from cnnedge.scoring.accuracy import images_to_tell, paired_interval
from tests.support.documents import document, labels, measurement

KERAS = measurement("net.keras", 2, 100, mode="function")


def answering(answers: np.ndarray, file: str = "net_int8.tflite"):
    """A file that answers as told."""
    found = measurement(file, 1, 0)
    found.probabilities[:] = 0.1
    found.probabilities[np.arange(len(answers)), answers] = 0.8
    return found


def test_a_loss_of_more_than_a_point_is_marked_and_said():
    lost = document(KERAS, measurement("net_int8.tflite", 1, 200))
    # 100 more of 3,000 wrong: 3.33 points; the interval's upper end is 2.68 points below (Bonett and Price).
    assert doubts(lost)[0].startswith(
        "LOSS: net_int8.tflite is 3.33 points less accurate than net.keras (at least 2.68, 95 % sure): "
        "cnnedge inspect FILE --errors --data pets shows in which layer"
    )
    assert "-3.33 !" in table.markdown(lost) and "LOSS: net_int8.tflite" in table.markdown(lost)


def test_a_point_or_less_and_what_chance_allows_are_not_marked():
    assert doubts(document(KERAS, measurement("net_int8.tflite", 1, 130))) == []  # exactly 1.00 points
    assert "!" not in table.markdown(document(KERAS, measurement("net_int8.tflite", 1, 130)))


def test_guessing_is_said():
    rolled = answering(np.random.default_rng(5).integers(0, 3, len(labels())))
    (said,) = [doubt for doubt in doubts(document(rolled)) if "guessing" in doubt]
    assert said.startswith("net_int8.tflite may as well be guessing: 3") and "guessing gives 33.3%" in said


def test_another_order_of_the_classes_is_named():
    """The file's outputs are dog, <script>, cat: each class is answered by another one, always."""
    (said,) = [doubt for doubt in doubts(document(answering((labels() + 2) % 3))) if "order:" in doubt]
    assert "right on 100.0% instead of 0.0%" in said and "--labels dog,<script>,cat says it" in said
    assert [doubt for doubt in doubts(document(measurement("net_int8.tflite", 1, 100))) if "order" in doubt] == []


def test_the_order_named_is_that_of_the_outputs_whatever_the_file_called_them():
    """The data's classes are cat, dog, <script>; the file names its outputs dog, cat, <script>, and is right only
    where they are cat, dog, <script>: by its names it answers dog for every cat."""
    found = answering(np.array([1, 0, 2])[labels()])
    found.columns = [1, 0, 2]
    (said,) = [doubt for doubt in doubts(document(found)) if "order:" in doubt]
    assert "--labels cat,dog,<script> says it" in said


@pytest.mark.parametrize("share, told", [(0.6, True), (0.52, False)])
def test_two_names_exchanged_are_told_beyond_chance(share, told):
    """Of classes 0 and 1 with 1,000 pictures each so many are answered by the other: 400 more, 8.9 deviations of
    sqrt(2,000), or 80, 1.8 of them."""
    answers, truth = labels().copy(), labels()
    for one in (0, 1):
        places = np.flatnonzero(truth == one)
        answers[places[: int(share * len(places))]] = 1 - one
    assert any("order: if it was made so" in doubt for doubt in doubts(document(answering(answers)))) == told


def test_too_few_images_are_counted():
    """Of the baseline's 100 mistakes 60 are gone, 65 others are new."""
    answers = labels()
    answers[60:165] = (answers[60:165] + 1) % 3
    unclear = document(KERAS, answering(answers))
    assert unclear.rows[1].verdict == "unclear" and "too few" in table.markdown(unclear)
    # 125 flips of 3,000, 4.2 %: z^2 (0.0417 M + 2) = 0.005^2 M^2, M = N + 2, gives 6,448.
    assert doubts(unclear) == [
        "Too few test pictures to tell for net_int8.tflite: 3,000; about 6,500 would tell 0.5 points."
    ]


@pytest.mark.parametrize("flips", [0, 5, 40])
def test_so_many_images_bring_the_interval_down_to_the_margin(flips):
    needed = images_to_tell(flips, flips, 1000, 0.5)
    same_share = round(flips * needed / 1000)
    low, high = paired_interval(same_share, same_share, needed)
    # Rounded up to two digits: 5 % for 10 to 19 hundreds or more; flips are whole.
    assert (high - low) / 2 == pytest.approx(0.005, rel=0.06)
