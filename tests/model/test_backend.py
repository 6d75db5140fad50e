"""What comes into a process with Keras."""

import platform
import subprocess
import sys

import pytest

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


# What TensorFlow itself says of it: 2.21 has no public word for it.
ONEDNN = "from tensorflow.python.util import _pywrap_util_port as port; import os"
STATE = "print(port.IsMklEnabled(), os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="where oneDNN is built in at all differs")
def test_onednn_is_on_whatever_the_cpu_and_no_child_hears_of_it():
    code = "from cnnedge.model.backend import require_tensorflow; require_tensorflow()"
    assert printed(f"{code}; {ONEDNN}; {STATE}") == "True None"
    first = "import tensorflow as tf, numpy as np; image = np.ones((1, 3, 8, 8), 'float32')"
    kernel = "np.ones((3, 3, 3, 4), 'float32')"
    assert printed(f"{code}; {first}; print(tf.nn.conv2d(image, {kernel}, 1, 'SAME', data_format='NCHW').shape)") == (
        "(1, 4, 8, 8)"
    )


def test_the_float_baseline_takes_what_tensorflow_does_by_itself_and_a_person_decides_before():
    code = "from cnnedge.model.backend import require_tensorflow; require_tensorflow({})"
    bare = printed(f"import tensorflow; {ONEDNN}; print(port.IsMklEnabled())")
    assert printed(f"{code.format('onednn=False')}; {ONEDNN}; print(port.IsMklEnabled())") == bare
    off = "import os; os.environ['TF_ENABLE_ONEDNN_OPTS'] = '0'"
    assert printed(f"{off}; {code.format('')}; {ONEDNN}; {STATE}") == "False 0"
