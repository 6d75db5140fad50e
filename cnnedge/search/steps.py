"""The search itself: candidates tried one after the other, each written down at once, and the best one exported."""

import bisect
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from cnnedge.convert.converter import Converter
from cnnedge.convert.mixed import Calibrated
from cnnedge.convert.scheme import RANGES, Scheme
from cnnedge.data import Dataset, evenly_spaced, pixels_of
from cnnedge.documents import Document
from cnnedge.documents.trials import LayerCost, Search, Trial
from cnnedge.errors import CnnedgeError
from cnnedge.files import sha256_of, write_atomically
from cnnedge.model.predictor import KerasPredictor
from cnnedge.progress import Progress, silent
from cnnedge.records import known
from cnnedge.search import choosing, sensitivity, speeds
from cnnedge.search.judging import Judge

SEARCH = "search.json"
# Where the candidates' files lie while the search is under way.
CANDIDATES = "candidates"
Tell = Callable[[str], None]


def first_schemes(formats: tuple[str, ...], precisions: tuple[str, ...]) -> list[Scheme]:
    """What is tried whatever comes out, the smallest files first; int8 with every rule for its ranges."""
    order = ("int8", "dynamic", "int16x8", "float16", "float32")
    possible = {"tflite": ("int8", "dynamic", "int16x8", "float16"), "onnx": ("int8", "float32")}
    return [
        Scheme(format, precision, ranges=ranges)
        for precision in order
        for format in formats
        if precision in possible[format] and precision in precisions
        for ranges in (RANGES if precision == "int8" else RANGES[:1])
    ]


def scheme_of(trial: Trial) -> Scheme:
    return Scheme(trial.format, trial.precision, trial.method, trial.float_layers, ranges=trial.ranges)


def trial_of(scheme: Scheme) -> Trial:
    """A trial that is still to be made."""
    return Trial(
        format=scheme.format, precision=scheme.precision, method=scheme.method, float_layers=scheme.float_layers,
        ranges=scheme.ranges,
    )  # fmt: skip


@dataclass
class Seeker:
    """A search on its way. ``record`` is what ``search.json`` in ``folder`` holds; ``tell`` gets a line a candidate.

    ``board`` is a benchmark of the target board, and where it lies; without one, latencies are measured here.
    """

    converter: Converter
    record: Search
    folder: Path
    tell: Tell
    board: tuple[Document, Path] | None = None
    progress: Progress = silent
    _spent: list[float] = field(default_factory=list)

    @property
    def data(self) -> Dataset:
        return known(self.converter.data)

    def seek(self, *, qat: bool) -> Trial | None:
        """Try everything; the trial that is taken, or that comes nearest, or None where none could be made."""
        schemes = first_schemes(self.record.wish.formats, self.record.wish.precisions)
        if any(scheme.needs_calibration for scheme in schemes):
            _ = self.converter.calibration  # before the long work: it may be broken
        self._try(schemes)
        for format in self.record.wish.formats:
            self._leave_in_float(format)
        if qat and "int8" in self.record.wish.precisions and not self._integers(self.record.wish.formats):
            self._try(Scheme(format, "int8", "qat") for format in self.record.wish.formats)
        self._finish()
        self._time()
        chosen = choosing.choose(self.record)
        taken = chosen or choosing.nearest(self.record)
        self.note(replace(self.record, chosen=None if taken is None else taken.name, met=chosen is not None))
        return taken

    @cached_property
    def judge(self) -> Judge:
        model = KerasPredictor(self.converter.model)
        found = Judge.of(model, self.data.validation, self.record.wish.max_drop_pp, self.progress)
        self.note(replace(self.record, baseline=found.baseline.right))
        return found

    def note(self, record: Search) -> None:
        """Keep ``record``, on the disk too."""
        self.record = record
        record.write(self.folder / SEARCH)

    def _try(self, schemes: Iterable[Scheme]) -> None:
        schemes = list(schemes)
        for number, scheme in enumerate(schemes):
            self._try_one(scheme, left=len(schemes) - number - 1)

    def _try_one(self, scheme: Scheme, *, left: int = 0) -> Trial:
        """The trial of ``scheme``, from ``search.json`` where it was made before."""
        trial = trial_of(scheme)
        done = self.record.trial(trial.name)
        if done is not None:
            return done
        _ = self.judge  # what the float model takes is no candidate's time
        begun = time.monotonic()
        try:
            trial = self._judged(trial, scheme)
        # Converters and runtimes raise whatever they like; the other candidates must not suffer for it.
        except Exception as error:
            trial = replace(trial, error=_reason(error))
        seconds = time.monotonic() - begun
        self._spent.append(seconds)
        trial = replace(trial, seconds=round(seconds, 1))
        self.note(replace(self.record, trials=(*self.record.trials, trial)))
        rest = left * sum(self._spent) / len(self._spent)
        self.tell(choosing.trial_words(trial) + (f"; {left} more of these, about {rest:.0f} s" if left else ""))
        return trial

    def _judged(self, trial: Trial, scheme: Scheme) -> Trial:
        self.progress(f"make {trial.label}", 0, 1)
        content = self.converter.convert(scheme)
        trial = replace(trial, size_bytes=len(content), sha256=sha256_of(content))
        write_atomically(self.file(trial), content)
        twin = next((one for one in self.record.trials if one.sha256 == trial.sha256), None)
        if twin is not None:
            return replace(trial, validation=twin.validation, stopped=twin.stopped, same_as=twin.name)
        found, stopped = self.judge.look_at(content, scheme.format, stage=f"try {trial.label}", progress=self.progress)
        return replace(trial, validation=found, stopped=stopped)

    def file(self, trial: Trial) -> Path:
        """Where the candidate's file lies. Named so that a benchmark reads precision and method from it."""
        name = scheme_of(trial).file(f"{sha256_of(trial.name.encode())[:12]}")
        return self.folder / CANDIDATES / name

    def _integers(self, formats: Iterable[str]) -> list[Trial]:
        """The int8 and int8_mixed files that keep the limit."""
        found = [trial for trial in self.record.trials if trial.precision in ("int8", "int8_mixed")]
        return [trial for trial in found if trial.format in formats and choosing.keeps_limit(trial, self.record)]

    def _leave_in_float(self, format: str) -> None:
        """The costliest layers in float: the fewest whose file keeps the limit and is no larger than others that do.

        The more of them there are, the more answers are the float model's: where the most do not keep it, no fewer do.
        """
        if "int8_mixed" not in self.record.wish.precisions or self._integers([format]):
            return
        ranges = self._best_ranges(format)
        try:
            costs = self._costs(ranges)
        except CnnedgeError as error:
            self.tell(f"the layers' costs could not be measured, and none is left in float: {error}")
            return
        schemes = [
            Scheme(format, "int8_mixed", float_layers=layers, ranges=ranges)
            for layers in sensitivity.sets_to_try(costs)
        ]
        schemes = schemes[: bisect.bisect_left(schemes, self._largest(), key=self._size)]
        if schemes and self._keeps_limit(schemes[-1]):
            bisect.bisect_left(schemes[:-1], True, key=self._keeps_limit)

    def _keeps_limit(self, scheme: Scheme) -> bool:
        return choosing.keeps_limit(self._try_one(scheme), self.record)

    def _size(self, scheme: Scheme) -> int:
        """About what the file takes: three bytes more than in int8 for each weight in float."""
        made = [one.size_bytes for one in self.record.trials if (one.format, one.precision) == (scheme.format, "int8")]
        layers = map(self.converter.folded.get_layer, scheme.float_layers)
        return max(made, default=0) + 3 * sum(layer.count_params() for layer in layers)

    def _largest(self) -> float:
        """The size from which on a file could not be taken: of the smallest that keeps the limit, if size counts."""
        kept = [one.size_bytes for one in self.record.trials if choosing.keeps_limit(one, self.record)]
        return min(kept, default=math.inf) if self.record.wish.prefer == "smallest" else math.inf

    def _finish(self) -> None:
        """Where no file keeps the limit, see those to the end that all images would hardly have shown to keep it, the
        smallest first, until one is seen to, if not shown."""
        if any(choosing.keeps_limit(one, self.record) for one in self.record.trials):
            return
        undecided = [one for one in self.record.trials if choosing.is_undecided(one) and one.same_as is None]
        for trial in sorted(undecided, key=lambda one: one.size_bytes):
            seems_to = choosing.choose(self.record)
            if seems_to is not None and seems_to.size_bytes <= trial.size_bytes:
                return
            content = self.file(trial).read_bytes()
            stage = f"try {trial.label} on the other images"
            found, stopped = self.judge.look_at(
                content, trial.format, stage=stage, seen=trial.found, progress=self.progress
            )
            self.note(replace(self.record, trials=tuple(
                replace(one, validation=found, stopped=stopped) if one.sha256 == trial.sha256 else one
                for one in self.record.trials
            )))  # fmt: skip

    def _best_ranges(self, format: str) -> str:
        """The rule of the int8 file that lost least."""
        whole = [
            one for one in self.record.trials if (one.format, one.precision) == (format, "int8") and one.validation
        ]
        return max(whole, key=lambda one: one.found.delta_pp).ranges if whole else RANGES[0]

    def _costs(self, ranges: str) -> tuple[LayerCost, ...]:
        """What int8 of each layer costs, measured once."""
        if not self.record.layers:
            images = pixels_of(evenly_spaced(self.judge.split, sensitivity.IMAGES))
            calibrated = Calibrated.of(self.converter.folded, known(self.converter.pixels))
            calibrated = calibrated.with_ranges(known(self.converter.pixels), ranges)
            self.note(replace(self.record, layers=sensitivity.layer_costs(calibrated, images, self.progress)))
        return self.record.layers

    def _time(self) -> None:
        if self.board:
            trials = speeds.from_document(self.record.trials, *self.board)
            self.note(replace(self.record, trials=trials, latency_from=str(self.board[1])))
            return
        untimed = [one for one in self.record.trials if one.validation and one.p50_ms is None and not one.stopped]
        if untimed:
            files = {one.name: self.file(one) for one in untimed}
            p50 = speeds.measured(files, self.judge.split, self.data.labels, self.progress)
            timed = tuple(replace(one, p50_ms=p50.get(one.name, one.p50_ms)) for one in self.record.trials)
            self.note(replace(self.record, trials=timed))


def _reason(error: Exception) -> str:
    words = next(iter(str(error).strip().splitlines()), "no reason given")
    return words if isinstance(error, CnnedgeError) else f"{type(error).__name__}: {words}"
