from dataclasses import replace

import pytest

from cnnedge.search import choosing
from tests.support.searches import search, trial

# 5 of 2,000 lost, half of what is allowed, on so many flips that nothing is sure.
UNSURE = ("int8", 100, 20, 15)
SURE = ("int8_mixed", 150, 1, 1, 3.0)
FAST = ("float16", 200, 0, 0, 2.0)


@pytest.mark.parametrize(
    "trials, prefer, expected",
    [
        ([UNSURE, SURE, FAST], "smallest", "int8_mixed"),
        ([UNSURE, SURE, FAST], "fastest", "float16"),
        # A file that was not timed is not taken as the fastest one.
        ([SURE[:4], FAST], "fastest", "float16"),
        # None is sure to: of those that seem to, the smallest.
        ([("int8", 100, 30, 5), ("int8_mixed", 150, 20, 15)], "smallest", "int8_mixed"),
        ([("int8", 100, 90, 5)], "smallest", None),
    ],
)
def test_what_is_taken(trials, prefer, expected):
    made = []
    for precision, size, lost, gained, *p50 in trials:
        layers = ("conv1",) if precision == "int8_mixed" else ()
        made.append(trial(precision, size, lost, gained, float_layers=layers, p50_ms=p50[0] if p50 else None))
    found = choosing.choose(search(*made, prefer=prefer))
    assert (found and found.precision) == expected


def test_of_files_as_large_the_one_with_the_fewest_layers_in_float_is_taken():
    one = trial("int8_mixed", 100, 1, 1, float_layers=("conv1",))
    two = trial("int8_mixed", 101, 0, 0, float_layers=("conv1", "conv2"))
    assert choosing.choose(search(two, one)) is one
    record = search(two, one, chosen=one.name, met=True)
    assert choosing.fate(two, record) == "within 5 % of the one taken, which leaves fewer layers in float"


def test_what_was_given_up_says_for_which_reason():
    over = trial("int8", 100, 90, 5, images=250, stopped=True)
    undecided = trial("int8", 100, 20, 15, images=500, stopped=True)
    record = search(over, undecided)
    assert choosing.fate(over, record) == "given up after 250 images: it loses more than 0.5 points"
    assert choosing.fate(undecided, record) == (
        "given up after 500 images: all of them would hardly show that it stays within 0.5 points"
    )
    assert choosing.trial_words(over).endswith(": loses too much, given up after 250 images")
    assert choosing.trial_words(undecided).endswith(": given up after 500 images, all of them would hardly tell")
    assert not choosing.is_undecided(over) and choosing.is_undecided(undecided)


def test_on_few_images_what_is_seen_decides_and_the_words_say_so():
    few = [trial("int8", 100, 0, 0, images=200), trial("float16", 200, 0, 0, images=200)]
    record = search(*few, images=200, met=True, chosen="tflite int8")
    assert choosing.choose(record) is few[0]
    words = choosing.verdict_words(record, few[0])
    assert words[0].startswith(
        "tflite int8 is the smallest of 2 that seems to stay within 0.5 points: 0 kB, top-1 90.00 % (85"
    )
    # 2.77 / (n + 2) = 0.5 %: 552 images, in two digits 560.
    assert words[1] == "200 validation images cannot tell whether it stays within 0.5 points; about 560 would"


@pytest.mark.parametrize("prefer", ["smallest", "fastest"])
def test_a_file_nearly_as_cheap_is_not_called_the_cheapest(prefer):
    """int8 runs in more places than a dynamic file that is 4 % smaller, and 4 % faster where that is asked for."""
    made = [trial("int8", 104, 0, 0, p50_ms=1.04), trial("dynamic", 100, 0, 0, p50_ms=1.0)]
    record = search(*made, met=True, prefer=prefer, chosen="tflite int8")
    assert choosing.choose(record) is made[0]
    assert choosing.verdict_words(record, made[0])[0].startswith(f"tflite int8 is within 5 % of the {prefer} of 2 that")


def test_nothing_within_names_the_nearest_and_what_would_help():
    made = [trial("int8", 100, 90, 5), trial("int8", 100, 60, 5, ranges="mse")]
    record = search(*made)
    assert choosing.choose(record) is None and choosing.nearest(record) is made[1]
    first, second = choosing.verdict_words(record, made[1])
    assert first.startswith("none of 2 candidates stays within 0.5 points; the nearest is tflite int8, mse ranges: ")
    assert "quantization-aware training (leave --no-qat out" in second
    assert "layer conv1 in float (int8 of it alone changes 20.0 % of answers)" in second
    assert "float16 among --precision" in second and "more calibration images" in second
    plain = replace(record, layers=(), wish=replace(record.wish, precisions=("int8",)))
    assert "; int8_mixed among --precision, which leaves layers in float; " in choosing.advice(plain)


def test_every_candidate_has_a_reason():
    made = [
        trial("int8", 100, 60, 5),
        trial("int8", 100, 90, 5, images=250, ranges="mse", stopped=True),
        trial("dynamic", 110, 20, 15),
        trial("int8_mixed", 150, 1, 1, float_layers=("conv1",)),
        trial("float16", 200),
    ]
    record = search(*made, chosen=made[3].name, met=True)
    # With 35 flips and 0.25 points of room: 1.96 ** 2 * 0.0175 / 0.0025 ** 2 = 10,756 images, in two digits 11,000.
    assert [choosing.fate(one, record) for one in made] == [
        "loses more than 0.5 points, 95 % sure",
        "given up after 250 images: it loses more than 0.5 points",
        "2,000 validation images cannot tell whether it stays within 0.5 points; about 11,000 would",
        "taken",
        "larger than the one taken",
    ]


def test_a_loss_on_few_images_that_may_be_chance_is_said_and_fails_nothing():
    """Two pictures of 211 are 0.95 points. z sqrt(2 N / 211 + 2) / (N + 2) is 0.5 points at N = 1,643."""
    few = trial("int8", 100, 2, 0, images=211)
    record = search(few, images=211, met=True, chosen=few.name)
    assert choosing.choose(record) is few
    first, second = choosing.verdict_words(record, few)
    assert first.startswith(
        "none of 1 candidates was seen to stay within 0.5 points, which may be chance: tflite int8 "
    )
    assert second == (
        "211 validation images cannot tell whether it stays within 0.5 points: it loses as much as is allowed; "
        "about 1,700 would tell it from chance"
    )
    assert choosing.choose(search(trial("int8", 100, 20, 0, images=211), images=211)) is None, "that is no chance"
    assert choosing.too_few(trial("int8", 1, 10, 0).found, 0.5, "test").endswith(": it loses as much as is allowed")
