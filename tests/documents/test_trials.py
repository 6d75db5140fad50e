import pytest

from cnnedge.documents.trials import read_search
from cnnedge.errors import DataError
from tests.support.searches import search, trial


def test_what_is_written_is_read_again(tmp_path):
    mixed = trial("int8_mixed", 150, 3, 1, float_layers=("conv1", "conv2"), ranges="percentile", p50_ms=0.5)
    found = search(mixed, chosen=mixed.name, met=True, words=("a", "b"))
    found.write(tmp_path / "search.json")
    assert read_search(tmp_path / "search.json") == found
    assert mixed.name == "tflite int8_mixed, percentile ranges, in float: conv1, conv2"
    assert mixed.label == mixed.name
    many = trial("int8_mixed", 150, float_layers=tuple(f"conv{number}" for number in range(1, 53)))
    assert many.label == "tflite int8_mixed, in float: conv1, conv2, conv3 and 49 more" and "conv52" in many.name
    assert found.trial(mixed.name) == mixed and mixed.found.delta_pp == pytest.approx(-0.1)


def test_what_is_none_is_refused_in_one_line(tmp_path):
    (tmp_path / "search.json").write_text('{"schema": 9}')
    with pytest.raises(DataError, match=r"search.json cannot be read as a search.json \(schema 1 was expected\)"):
        read_search(tmp_path / "search.json")
