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
from cnnedge.documents.trials import LayerCost, Paired, Search, Trial
from cnnedge.errors import CnnedgeError
from cnnedge.files import sha256_of, write_atomically
from cnnedge.model.predictor import KerasPredictor
from cnnedge.progress import Progress, silent
from cnnedge.records import known
from cnnedge.scoring.allowance import OVER
from cnnedge.scoring.score import score
from cnnedge.search import choosing, sensitivity, speeds
from cnnedge.search.choosing import accuracy_words
from cnnedge.search.judging import Judge, paired
from cnnedge.search.narrower import Narrower
from cnnedge.search.schemes import file_of, first_schemes, trial_of

SEARCH = "search.json"
# Where the candidates' files lie while the search is under way.
CANDIDATES = "candidates"
Tell = Callable[[str], None]


@dataclass
class Seeker:
    """A search on its way. ``record`` is what ``search.json`` in ``folder`` holds; ``tell`` gets a line a candidate.

    ``board`` is a benchmark of the target board, and where it lies; without one, latencies are measured here.
    ``narrower`` are networks whose files are candidates too, judged beside the answers of the converter's model.
    """

    converter: Converter
    record: Search
    folder: Path
    tell: Tell
    board: tuple[Document, Path] | None = None
    progress: Progress = silent
    narrower: tuple[Narrower, ...] = ()
    _spent: list[float] = field(default_factory=list)
    _float: dict[float, Paired] = field(default_factory=dict)

    @property
    def data(self) -> Dataset:
        return known(self.converter.data)

    def seek(self, *, qat: bool) -> Trial | None:
        """Try everything; the trial that is taken, or that comes nearest, or None where none could be made."""
        wish, widths = self.record.wish, [None, *(one.width for one in self.narrower)]
        schemes = first_schemes(wish.formats, wish.precisions)
        if any(scheme.needs_calibration for scheme in schemes):
            _ = self.converter.calibration  # before the long work: it may be broken
        for width in widths:
            self._try(schemes, width)
            for format in wish.formats:
                self._leave_in_float(format, width)
        if qat and "int8" in wish.precisions and not any(self._integers(wish.formats, width) for width in widths):
            for width in filter(self._may_hold, widths):
                self._try((Scheme(format, "int8", "qat") for format in wish.formats), width)
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

    def converter_of(self, width: float | None) -> Converter:
        """What makes the files of one network, see ``Trial.width``."""
        return next((one.converter for one in self.narrower if one.width == width), self.converter)

    def _may_hold(self, width: float | None) -> bool:
        """Whether files of a network may keep the limit: not where its float answers surely lose too much already."""
        if width is None:
            return True
        if width not in self._float:
            stage = f"evaluate the float model at width {width:g}"
            model = KerasPredictor(self.converter_of(width).model)
            found = score(model, self.judge.split, stage=stage, progress=self.progress)
            self._float[width] = paired(found, self.judge.baseline, self.record.wish.max_drop_pp)
            if self._float[width].verdict == OVER:
                self.tell(
                    f"width {width:g}: its float network loses too much already, {accuracy_words(self._float[width])}"
                )
        return self._float[width].verdict != OVER

    def note(self, record: Search) -> None:
        """Keep ``record``, on the disk too."""
        self.record = record
        record.write(self.folder / SEARCH)

    def _try(self, schemes: Iterable[Scheme], width: float | None) -> None:
        schemes = list(schemes)
        for number, scheme in enumerate(schemes):
            self._try_one(scheme, width, left=len(schemes) - number - 1)

    def _try_one(self, scheme: Scheme, width: float | None, *, left: int = 0) -> Trial:
        """The trial of ``scheme``, from ``search.json`` where it was made before."""
        trial = trial_of(scheme, width)
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
        content = self.converter_of(trial.width).convert(scheme)
        trial = replace(trial, size_bytes=len(content), sha256=sha256_of(content))
        write_atomically(self.file(trial), content)
        twin = next((one for one in self.record.trials if one.sha256 == trial.sha256), None)
        if twin is not None:
            return replace(trial, validation=twin.validation, stopped=twin.stopped, same_as=twin.name)
        found, stopped = self.judge.look_at(content, scheme.format, stage=f"try {trial.label}", progress=self.progress)
        return replace(trial, validation=found, stopped=stopped)

    def file(self, trial: Trial) -> Path:
        """Where the candidate's file lies."""
        return self.folder / CANDIDATES / file_of(trial, self.record.subject.model)

    def _integers(self, formats: Iterable[str], width: float | None) -> list[Trial]:
        """The int8 and int8_mixed files of one network that keep the limit."""
        found = [one for one in self.record.trials if one.precision in ("int8", "int8_mixed") and one.width == width]
        return [trial for trial in found if trial.format in formats and choosing.keeps_limit(trial, self.record)]

    def _leave_in_float(self, format: str, width: float | None) -> None:
        """The costliest layers in float: the fewest whose file keeps the limit and is no larger than others that do.

        The more of them there are, the more answers are the float model's: where the most do not keep it, no fewer do.
        """
        if "int8_mixed" not in self.record.wish.precisions or self._integers([format], width):
            return
        if not self._may_hold(width):
            return
        ranges = self._best_ranges(format, width)
        try:
            costs = self._costs(ranges, width)
        except CnnedgeError as error:
            self.tell(f"the layers' costs could not be measured, and none is left in float: {error}")
            return
        schemes = [
            Scheme(format, "int8_mixed", float_layers=layers, ranges=ranges)
            for layers in sensitivity.sets_to_try(costs)
        ]
        schemes = schemes[: bisect.bisect_left(schemes, self._largest(), key=lambda one: self._size(one, width))]
        if schemes and self._keeps_limit(schemes[-1], width):
            bisect.bisect_left(schemes[:-1], True, key=lambda one: self._keeps_limit(one, width))

    def _keeps_limit(self, scheme: Scheme, width: float | None) -> bool:
        return choosing.keeps_limit(self._try_one(scheme, width), self.record)

    def _int8(self, format: str, width: float | None) -> list[Trial]:
        """The files of one network that are int8 as a whole."""
        return [one for one in self.record.trials if (one.format, one.precision, one.width) == (format, "int8", width)]

    def _size(self, scheme: Scheme, width: float | None) -> int:
        """About what the file takes: three bytes more than in int8 for each weight in float."""
        made = [one.size_bytes for one in self._int8(scheme.format, width)]
        layers = map(self.converter_of(width).folded.get_layer, scheme.float_layers)
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

    def _best_ranges(self, format: str, width: float | None) -> str:
        """The rule of the int8 file that lost least."""
        whole = [one for one in self._int8(format, width) if one.validation]
        return max(whole, key=lambda one: one.found.delta_pp).ranges if whole else RANGES[0]

    def _costs(self, ranges: str, width: float | None) -> tuple[LayerCost, ...]:
        """What int8 of each layer costs, measured once."""
        if not self.record.costs(width):
            images = pixels_of(evenly_spaced(self.judge.split, sensitivity.IMAGES))
            converter = self.converter_of(width)
            calibrated = Calibrated.of(converter.folded, known(converter.pixels))
            calibrated = calibrated.with_ranges(known(converter.pixels), ranges)
            found = sensitivity.layer_costs(calibrated, images, self.progress)
            layers = (*self.record.layers, *(replace(cost, width=width) for cost in found))
            self.note(replace(self.record, layers=layers))
        return self.record.costs(width)

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
