"""The walls between the floors, seen from a fresh interpreter; import-linter checks the same in the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

LIGHT = [
    "cnnedge", "cnnedge.data", "cnnedge.runtime.runner", "cnnedge.runtime.classifier", "cnnedge.formats.inspection",
    "cnnedge.benchmark.session", "cnnedge.report.pages", "cnnedge.cli.app",
]  # fmt: skip
HEAVY = ("tensorflow", "keras", "tf_keras", "tensorflow_model_optimization", "tf2onnx", "onnx", "jax", "torch")


@pytest.mark.parametrize("module", LIGHT)
def test_light_floors_load_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_importing_the_package_loads_no_runtime_either():
    code = (
        "import sys, cnnedge; print([n for n in ('ai_edge_litert', 'onnxruntime', 'numpy', 'PIL') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def loaded_by(*arguments: str) -> list[str]:
    """The package's modules that a command line loads."""
    code = (
        f"import sys; from cnnedge.cli.app import run; run({list(arguments)!r}); "
        "print(*(name for name in sys.modules if name.startswith('cnnedge')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return found.stdout.splitlines()[-1].split()


def test_help_loads_the_commands_and_nothing_that_works():
    """Every command's own work is imported when it runs: 30 modules more are 20 ms of every start."""
    words = {
        "cnnedge",
        "cnnedge.children",
        "cnnedge.cli",
        "cnnedge.console",
        "cnnedge.errors",
        "cnnedge.files",
        "cnnedge.names",
        "cnnedge.progress",
    }
    found = loaded_by("--help")
    assert {"cnnedge.cli.predict", "cnnedge.cli.train"} <= set(found)
    assert [name for name in found if name not in words and not name.startswith("cnnedge.cli.")] == []


def test_a_command_line_loads_its_own_command_alone():
    found = [name for name in loaded_by("--debug", "predict", "--help") if name.startswith("cnnedge.cli.")]
    assert found == ["cnnedge.cli.options", "cnnedge.cli.commands", "cnnedge.cli.app", "cnnedge.cli.predict"]


def test_public_names():
    import cnnedge

    assert cnnedge.__all__ == ["Classifier", "Prediction", "__version__"]
    assert all(hasattr(cnnedge, name) for name in cnnedge.__all__)


def imported(file: Path) -> set[str]:
    """The modules that a file names in its import statements."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_tests_take_their_helpers_from_tests_support_alone():
    others = {
        f"{file.relative_to(REPOSITORY)} imports {name}"
        for file in (REPOSITORY / "tests").rglob("*.py")
        for name in imported(file)
        if name.startswith("tests") and name != "tests" and not name.startswith("tests.support")
    }
    assert others == set()
