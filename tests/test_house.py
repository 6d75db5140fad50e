"""The house that DESIGN asks for: rooms of a size to know, files of a size to read, names that say one thing."""

import ast
from collections import Counter, defaultdict
from pathlib import Path

from tests.support.slow import SLOW

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "cnnedge"
MODULES = {file.relative_to(PACKAGE): file.read_text() for file in PACKAGE.rglob("*.py")}
LONGEST_FILE = 260
MOST_ARGUMENTS = 7
# Names that mean the same wherever they occur: what a file of that format holds, how it is read, how one is opened,
# and the proof that it answers as before.
SAME_MEANING = {
    "__init__.py",
    "facts.py",
    "reader.py",
    "check.py",
    "operators.py",
    "budget.py",
    "opening.py",
    "proof.py",
}
# What crosses the modules of its room, or runs a whole program.
ACROSS = {"cli/test_snippets.py", "data/test_load.py", "formats/test_fuzz.py", "runtime/test_gpu.py"}
ACROSS |= {"training/test_backends.py", "cli/test_opens.py", "formats/test_hostile.py"}


def room(file: Path) -> str:
    return file.parts[0] if len(file.parts) > 1 else ""


def test_no_room_holds_more_than_a_sixth_of_the_package():
    lines: Counter[str] = Counter()
    for file, text in MODULES.items():
        lines[room(file)] += text.count("\n")
    largest, size = max(lines.items(), key=lambda item: item[1])
    assert size <= sum(lines.values()) / 6, f"{largest} has {size} of {sum(lines.values())} lines"


def test_no_file_is_long():
    assert [str(file) for file, text in MODULES.items() if text.count("\n") > LONGEST_FILE] == []


def test_no_name_repeats_its_room():
    """``cards/card_layers.py`` says card twice; ``Cards`` is taken with and without its last s."""
    repeating = [
        str(file)
        for file in MODULES
        if {word.rstrip("s") for word in file.stem.split("_")} & {part.rstrip("s") for part in file.parent.parts}
    ]
    assert repeating == []


def test_no_two_files_of_one_name_mean_different_things():
    places = defaultdict(list)
    for file in MODULES:
        places[file.name].append(str(file))
    assert {name: found for name, found in places.items() if len(found) > 1 and name not in SAME_MEANING} == {}


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many a caller gives: ``self`` and ``cls`` not counted."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len(given) - (bool(given) and given[0].arg in ("self", "cls"))


def test_no_function_takes_eight_arguments():
    """Commands may: typer makes their options of their arguments."""
    many = {
        f"{file}:{node.name} takes {arguments(node)}"
        for file, text in MODULES.items()
        if room(file) != "cli"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and arguments(node) > MOST_ARGUMENTS
    }
    assert many == set()


def test_what_is_called_slow_is_there():
    assert [place for place in SLOW if not (REPOSITORY / "tests" / place).exists()] == []


def test_tests_mirror_the_package():
    """``tests/<room>/test_<module>.py``; those beside this file, and those of the scripts, test whole programs."""
    lost = []
    for file in (REPOSITORY / "tests").rglob("test_*.py"):
        place = file.relative_to(REPOSITORY / "tests")
        mirrored = PACKAGE / place.parent / place.stem.removeprefix("test_")
        known = any(mirrored.with_suffix(suffix).exists() for suffix in ("", ".py", ".js")) or str(place) in ACROSS
        if room(place) not in ("", "scripts") and not known:
            lost.append(str(place))
    assert lost == []
