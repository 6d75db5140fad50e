import gc

import numpy as np

from cnnedge.benchmark.worker import Worker
from tests.support.digits import digits
from tests.support.models import digits_tflite


def test_no_mapping_of_the_images_outlives_a_block(tmp_path):
    """Its pages would count as the process's memory, all of the test split at last."""
    images, labels = digits("test")
    np.save(tmp_path / "images.npy", images)
    (tmp_path / "digits.tflite").write_bytes(digits_tflite("int8"))
    worker, told = Worker(), []
    asked = {"opener": "cnnedge.runtime.opening:open_runner", "options": {"source": tmp_path / "digits.tflite"}}
    asked |= {"do": "open", "images": tmp_path / "images.npy", "num_threads": 1, "classes": 10}
    assert worker.answer(asked, told.append)["device"] == "cpu"
    out = tmp_path / "found.npy"
    worker.answer({"do": "evaluate", "out": out, "start": 0, "stop": len(images)}, told.append)
    assert np.mean(np.load(out).argmax(axis=1) == labels) > 0.5 and told[-1]["done"] == len(images)
    assert not [one for one in gc.get_objects() if isinstance(one, np.memmap)]
