"""Each layer in a network of its own: the command for one of them, and the committed table of all."""

import runpy
from pathlib import Path

import pytest

from tests.support.scripts import SCRIPTS

EXPORTED = Path(__file__).parents[2] / "exported"
SCRIPT = runpy.run_path(str(SCRIPTS / "layers.py"))
COLUMNS, FLOATS, named_layers = SCRIPT["COLUMNS"], SCRIPT["FLOATS"], SCRIPT["named_layers"]


def rows(text: str) -> dict[str, dict[str, float]]:
    """The figures of a table in per cent, by layer and column."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    (_, *columns), *found = lines
    return {name: dict(zip(columns, map(float, figures), strict=True)) for name, *figures in found}


@pytest.mark.slow
def test_a_layer_is_a_row(run_script, tmp_path):
    done = run_script("layers.py", "Permute", "--out", tmp_path / "out.md")
    assert done.returncode == 0, done.stderr
    ((name, figures),) = rows((tmp_path / "out.md").read_text()).items()
    assert name == "Permute" and {figures[file] for file in FLOATS} == {100.0}
    # 500 digits of a network that knows three in four: eight bits turn a few near ties.
    assert figures["Keras top-1"] > 75 and min(figures[file] for file in COLUMNS) >= 98


def test_the_committed_table_has_every_layer():
    found = rows((EXPORTED / "LAYERS.md").read_text())
    assert list(found) == list(named_layers())
    assert all(figures[file] == 100 for figures in found.values() for file in FLOATS)
