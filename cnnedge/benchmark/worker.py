"""The process that measures one candidate: ``python -m cnnedge.benchmark.worker REQUESTS REPLIES``.

The two arguments are the descriptors of the pipes. Each request is answered by one reply, ``evaluate`` by
progress messages before it; whatever goes wrong becomes a reply with ``error``. The parent asks, in this
order:

    import     load the runtime's modules, which belong to no file
    open       open the file, run it once; what that took in time and memory
    evaluate   classify a range of the images; the probabilities go to a .npy file
    check      classify the first images; the probabilities are compared with another row's
    warm_up    call it until it is warm
    time       one turn of timed calls
    sustain    one turn of sustained load: calls without a pause
    throughput one turn of calls with so many images each
    profile    the time of each operator, by the runtime's own profiler
"""

import importlib
import importlib.util
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnedge.benchmark.calls import time_calls
from cnnedge.benchmark.channel import ChannelClosed, Message, receive, send
from cnnedge.benchmark.memory import peak_bytes, reset_peak, resting_bytes
from cnnedge.runtime.runner import Runner

# Real test images that the timed calls go round: enough that no call meets the pixels of the one before,
# and few enough (200 kB of CIFAR-10) to stay in the second-level cache, as a picture just decoded does.
TIMED_IMAGES = 64
# Images classified between two messages: at most this many, and no more than take this long, so that a file of half a
# second an image is not given up for its silence.
MOST_IMAGES = 250
MESSAGE_SECONDS = 2.0


class Worker:
    """The opened candidate, between two requests."""

    def __init__(self) -> None:
        self.file = Path()
        self.timed_images = np.empty((0, 0, 0, 0), np.uint8)
        self.prepared: list[np.ndarray] = []
        self.runner: Runner
        self.next = 0
        self.image_s = 0.0

    def answer(self, request: Message, report: Callable[[Message], None]) -> Message:
        """Do what ``request`` says and return the reply; ``report`` sends a message before it."""
        match request["do"]:
            case "import":
                return import_modules(request["modules"])
            case "open":
                return self.open(request)
            case "evaluate":
                return self.evaluate(Path(request["out"]), request["start"], request["stop"], report)
            case "check":
                return {"probabilities": self._predict(0, request["images"]).tolist()}
            case "warm_up":
                return self.warm_up(request["runs"], request["seconds"])
            case "time":
                return self.time(request["runs"], request["seconds"])
            case "sustain":
                return self.sustain(request["seconds"])
            case "throughput":
                return self.throughput(request["batch"], request["seconds"])
            case "profile":
                from cnnedge.benchmark.operator_times import profile

                return profile(self.runner, request["source"], self.prepared)
        raise ValueError(f"unknown request {request['do']!r}")

    def open(self, request: Message) -> Message:
        self.file = Path(request["images"])
        images = self._images()
        self.timed_images = np.array(images[:: max(1, len(images) // TIMED_IMAGES)][:TIMED_IMAGES])
        del images
        opener = _find(request["opener"])
        resting = resting_bytes()
        reset_peak()
        start = time.perf_counter_ns()
        self.runner = opener(**request["options"], num_threads=request["num_threads"])
        opened = time.perf_counter_ns()
        self._check_contract(request["classes"])
        self.prepared = [self.runner.prepare(image[None]) for image in self.timed_images]
        before_first = time.perf_counter_ns()
        self.runner.run(self.prepared[0])
        after_first = time.perf_counter_ns()
        self._predict(0, 1)
        second_ns = time.perf_counter_ns() - after_first
        self.image_s = second_ns / 1e9
        nodes = self.runner.nodes
        return {
            "runtime": self.runner.runtime,
            "device": self.runner.device,
            "threads": self.runner.num_threads,
            "output_step": float(self.runner.output.scale),
            "load_ms": (opened - start) / 1e6,
            "first_ms": (after_first - before_first) / 1e6,
            # What an image costs where they must go one by one; 0 where the file takes many at once.
            "single_ms": 0.0 if self.runner.free_batch else second_ns / 1e6,
            "peak_rss_mb": max(0, peak_bytes() - resting) / 1e6,
            "nodes": None if nodes is None else {"delegated": nodes[0], "total": nodes[1]},
        }

    def _check_contract(self, classes: int) -> None:
        if self.runner.num_classes != classes:
            raise ValueError(f"it has {self.runner.num_classes} classes, the data {classes}")
        if tuple(self.runner.input_shape) != self.timed_images.shape[1:]:
            raise ValueError(f"it takes images {self.runner.input_shape}, the data's are {self.timed_images.shape[1:]}")

    def evaluate(self, out: Path, start: int, stop: int, report: Callable[[Message], None]) -> Message:
        found, begin, image_s = [], start, self.image_s
        while begin < stop:
            count = min(images_at_once(image_s), stop - begin)
            before = time.perf_counter()
            found.append(self._predict(begin, count))
            image_s = (time.perf_counter() - before) / count
            begin += count
            report({"done": begin - start, "total": stop - start})
        np.save(out, np.concatenate(found))
        return {}

    def _images(self) -> np.ndarray:
        """All images, mapped anew each time: what was read of a mapping stays resident as long as it lives, 3 GB of
        20,000 photos of 224 x 224."""
        return np.load(self.file, mmap_mode="r")

    def _predict(self, start: int, count: int) -> np.ndarray:
        probabilities = self.runner.predict(np.array(self._images()[start : start + count]))
        broken = ~np.isfinite(probabilities).all(axis=1)
        if broken.any():
            raise ValueError(f"it gives NaN or infinity for image {start + int(broken.argmax())}")
        return probabilities

    def warm_up(self, runs: int, seconds: float) -> Message:
        """Call until both ``runs`` calls and ``seconds`` are over: clocks and caches need time, lazy set-up
        calls."""
        deadline, done = time.monotonic() + seconds, 0
        while done < runs or time.monotonic() < deadline:
            self.runner.run(self.prepared[done % len(self.prepared)])
            done += 1
        return {"runs": done}

    def time(self, runs: int, seconds: float) -> Message:
        """One turn: ``runs`` timed calls of the runtime alone, then as many from uint8 image to class.

        Each half stops early after ``seconds``, but not before ``LEAST_RUNS``.
        """
        count, first = len(self.prepared), self.next
        self.next = (first + runs) % count
        order = [(first + index) % count for index in range(runs)]
        runner = self.runner

        def label_of(image: np.ndarray) -> int:
            return int(runner.predict(image).argmax())

        return {
            "call_ns": time_calls(runner.run, [self.prepared[index] for index in order], seconds),
            "end_to_end_ns": time_calls(label_of, [self.timed_images[index][None] for index in order], seconds),
        }

    def sustain(self, seconds: float) -> Message:
        """Call the runtime for ``seconds`` without a pause; percentiles, since there may be 50,000 samples."""
        samples = time_calls(self.runner.run, itertools.cycle(self.prepared), seconds)
        p50, p90 = np.percentile(samples, (50, 90))
        return {"p50_ns": float(p50), "p90_ns": float(p90), "runs": len(samples), "seconds": sum(samples) / 1e9}

    def throughput(self, batch: int, seconds: float) -> Message:
        """Images a second, with ``batch`` images a call."""
        images = [self.prepared[index % len(self.prepared)] for index in range(max(batch, len(self.prepared)))]
        calls = [np.concatenate(images[at : at + batch]) for at in range(0, len(images) - batch + 1, batch)]
        samples = time_calls(self.runner.run, itertools.cycle(calls), seconds)
        return {"images_per_s": batch * len(samples) * 1e9 / sum(samples)}


def images_at_once(image_s: float) -> int:
    """How many images of ``image_s`` seconds each are classified between two messages: at least one."""
    return max(1, min(MOST_IMAGES, int(MESSAGE_SECONDS / max(image_s, 1e-9))))


def import_modules(modules: list[str]) -> Message:
    """Load the runtime; one that is not installed is reported by the opener, which knows what to install."""
    start = time.perf_counter_ns()
    for module in modules:
        if importlib.util.find_spec(module.partition(".")[0]) is not None:
            importlib.import_module(module)
    return {"import_ms": (time.perf_counter_ns() - start) / 1e6}


def _find(opener: str) -> Callable[..., Runner]:
    module, _, function = opener.partition(":")
    return getattr(importlib.import_module(module), function)


def serve(requests: int, replies: int) -> None:
    """Answer requests until the parent closes its end."""
    worker = Worker()
    while True:
        try:
            request = receive(requests)
        except ChannelClosed:
            return
        try:
            reply = worker.answer(request, lambda message: send(replies, message))
        except Exception as error:
            reply = {"error": " ".join(str(error).split()) or type(error).__name__}
        send(replies, reply | {"finished": True})


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
