"""Classes are matched by name: a file that names them in another order is right all the same, and it is said."""

from dataclasses import replace

import pytest

from cnnedge.benchmark.plan import Plan
from cnnedge.benchmark.session import benchmark
from tests.support.lookup_runners import facts

QUICK = Plan(num_runs=4, warmup_runs=1)


def test_another_order_of_the_same_names_is_matched_by_name(split, lookup):
    """The file's output i fires for the data's class i, and the file calls it d, c, b or a: by name it is wrong."""
    turned = replace(lookup("turned.tflite"), labels=("d", "c", "b", "a"))
    named = replace(lookup("named.tflite"), labels=("a", "b", "c", "d"))
    document = benchmark([turned, named], split, facts(split), QUICK)
    by_name, same = document.rows
    # Its output 0 fires for pictures of a, and it calls that d; by number every answer would be right.
    assert by_name.top1 == 0 and by_name.error is None
    assert [by_name.confusion[index][3 - index] for index in range(4)] == [sum(row) for row in by_name.confusion]
    assert same.top1 == 1
    (note,) = [note for note in document.notes if note.startswith("Classes matched by name")]
    assert note.endswith("turned.tflite names them in another order than the data (a, b, c, d).")


def test_other_names_are_an_error(split, lookup):
    other = replace(lookup("other.tflite"), labels=("a", "b", "c", "x"))
    assert benchmark([other], split, facts(split), QUICK).rows[0].error == (
        "its classes are a, b, c, x; the data's are a, b, c, d"
    )


@pytest.mark.parametrize(("source", "said"), [("folder", True), ("cache", False)])
def test_a_file_that_names_no_classes_takes_the_order_of_the_folders_and_it_is_said(split, lookup, source, said):
    document = benchmark([lookup("bare.tflite")], split, replace(facts(split), source=source), QUICK)
    expected = "bare.tflite does not name its classes: they were taken in the order of the folders, a, b, c, d"
    assert any(note.startswith(expected) for note in document.notes) is said
