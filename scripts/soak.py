"""A long run of one file, as an always-on service does it: does it hold its memory, its file handles and its answers?

    python scripts/soak.py exported/mnist/mnist_int8_qat.tflite [--predictions 100000]

The pictures come from a simulated camera that is unplugged after every hundred of them, cannot be opened at first,
and comes back. Ends with exit code 1 if memory grew by more than the limit, a file handle or a thread was left, or a
picture got another answer than the first time.
"""

import argparse
import itertools
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from cnnedge import Classifier, Prediction
from cnnedge.errors import CameraError
from cnnedge.images import camera

# The first predictions fill caches: the allocator's arenas, the runtime's scratch memory, the interpreter's free lists.
WARM_UP = 1000
# Whatever leaks once per prediction leaks a Python object at least, and the smallest one that holds anything has 32
# bytes: 3.2 MB in 100,000. A short run may take an arena of 1 MB from the system without a leak: the limit is not less.
BYTES_PER_PREDICTION, SMALLEST_LIMIT = 32, 1_000_000
PICTURES_UNTIL_UNPLUGGED = 100
# Between attempts to open it again: a real camera gets a second, which a soak does not have.
RETRY_S = 0.001


class SimulatedCamera(camera.Camera):
    """Gives a hundred pictures, and then its cable is pulled out."""

    name = "simulated camera"

    def __init__(self, pictures: np.ndarray) -> None:
        self._pictures = iter(pictures)

    def read(self) -> np.ndarray:
        for picture in self._pictures:
            return picture
        raise CameraError(f"{self.name} stopped: check its cable")

    def close(self) -> None:
        self._pictures = iter(())


@dataclass
class Tally:
    """What came of a run: predictions made, times unplugged, answers that differ from those of the first hundred."""

    predictions: int = 0
    unplugged: int = 0
    changed: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a .tflite or .onnx file")
    parser.add_argument("--predictions", type=int, default=100_000, help="how many")
    options = parser.parse_args()
    limit = max(SMALLEST_LIMIT, BYTES_PER_PREDICTION * options.predictions)
    process = psutil.Process()
    simulate_camera()
    with Classifier(options.file) as classifier:
        watched = camera.watch(retry_s=RETRY_S)
        first = [classifier.predict(picture) for picture in itertools.islice(watched, PICTURES_UNTIL_UNPLUGGED)]
        soak(classifier, watched, WARM_UP, first)
        memory, handles, threads = process.memory_info().rss, process.num_fds(), threading.active_count()
        tally = soak(classifier, watched, options.predictions, first)
        grown = process.memory_info().rss - memory
        handles, threads = process.num_fds() - handles, threading.active_count() - threads
    print(
        f"{tally.predictions:,} predictions with {options.file.name}, camera unplugged {tally.unplugged:,} times: "
        f"memory {grown / 1e6:+.2f} MB (limit {limit / 1e6:.1f}), file handles {handles:+d}, threads {threads:+d}, "
        f"answers changed {tally.changed}"
    )
    return int(grown > limit or handles > 0 or threads > 0 or tally.changed > 0)


def simulate_camera() -> None:
    """Put a simulated camera in the place of the real ones; every second attempt to open it fails."""
    pictures = np.random.default_rng(0).integers(0, 256, (PICTURES_UNTIL_UNPLUGGED, 120, 160, 3), dtype=np.uint8)
    attempts = itertools.count()

    def open_camera(number: int = 0) -> camera.Camera:
        if next(attempts) % 2:
            raise CameraError("simulated camera cannot be opened: is it connected?")
        return SimulatedCamera(pictures)

    camera.open_camera = open_camera


def soak(
    classifier: Classifier, watched: Iterator[np.ndarray | CameraError], predictions: int, first: list[list[Prediction]]
) -> Tally:
    tally = Tally()
    while tally.predictions < predictions:
        picture = next(watched)
        if isinstance(picture, CameraError):
            tally.unplugged += 1
            continue
        tally.changed += classifier.predict(picture) != first[tally.predictions % PICTURES_UNTIL_UNPLUGGED]
        tally.predictions += 1
    return tally


if __name__ == "__main__":
    sys.exit(main())
