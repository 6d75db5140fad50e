"""What comes into a process with Keras."""

import subprocess
import sys

# Installed for other things; TensorFlow and Keras would import them, 220 MB together.
UNUSED = ("jax", "pandas", "matplotlib")


def printed(code: str) -> str:
    """By a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_keras_comes_without_packages_that_nothing_here_needs():
    loaded = f"[name for name in {UNUSED} if name in sys.modules]"
    code = f"import sys; from cnnedge.model.backend import require_tensorflow; require_tensorflow(); print({loaded})"
    assert printed(code) == "[]"


def test_they_can_be_imported_afterwards():
    code = "from cnnedge.model.backend import require_tensorflow; require_tensorflow(); import jax, pandas, matplotlib"
    assert printed(f"{code}; print(jax.numpy.arange(3).sum(), pandas.Series([1, 2]).sum())") == "3 3"


def test_the_backend_itself_is_no_such_package():
    code = "import os; os.environ['KERAS_BACKEND'] = 'jax'; from cnnedge.model.backend import require_keras"
    assert printed(f"{code}; print(require_keras(), type(__import__('keras').ops.ones(2)).__module__)").startswith(
        "jax"
    )
