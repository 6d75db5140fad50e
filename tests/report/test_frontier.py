import re

from cnnedge.report.frontier import draw, write_frontier
from tests.support.searches import search, trial


def test_the_page_has_every_candidate_its_reason_and_the_layers(tmp_path):
    made = [
        trial("int8", 100_000, 60, 5),
        trial("int8_mixed", 150_000, 3, 1, float_layers=("conv1",), p50_ms=0.25),
        trial("float16", 200_000),
    ]
    record = search(*made, chosen=made[1].name, met=True, words=("it is <small>",))
    write_frontier(tmp_path / "search.html", record, lambda one, _: f"why {one.precision}")
    page = (tmp_path / "search.html").read_text()
    for one in made:
        assert f"<td>{one.name}</td>" in page and f"why {one.precision}" in page
    assert "it is &lt;small&gt;" in page
    # 1,800 of 2,000 less 2: 89.90 %, and Bonett and Price's interval of -0.10 points.
    assert re.search(r"<span>89\.90<span", page) and "-0.34 to +0.14" in page and ">0.25</td>" in page
    assert re.search(r"<tr><td>conv1</td>.*20\.00.*0\.6000.*left in float", page)
    assert re.search(r"<tr><td>conv2</td>.*data-name=\"in the file\"></td>", page)


def test_what_was_given_up_or_failed_is_not_drawn():
    made = [
        trial("int8", 100_000, 60, 5, images=250, stopped=True),
        trial("float16", 200_000),
        trial("dynamic", 120_000, 1, 1),
    ]
    svg = draw(search(*made, chosen=made[1].name))
    assert "float16" in svg and "dynamic" in svg and "int8" not in svg


def test_where_all_was_given_up_that_is_drawn():
    given_up = trial("int8", 100_000, 60, 5, images=250, stopped=True)
    assert "int8" in draw(search(given_up, chosen=given_up.name))
