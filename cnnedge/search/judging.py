"""A candidate on the validation images, beside the float Keras model, until it is through or can no longer pass.

A file is given up where it surely loses too much (``allowance.is_hopeless``), and where all images will hardly show
that it does not (``is_futile``), unless no file could be shown that on so few.
"""

from dataclasses import dataclass

import numpy as np

from cnnedge.data import Split
from cnnedge.documents.trials import Paired
from cnnedge.machine.hardware import cores
from cnnedge.progress import Progress, silent
from cnnedge.records import known
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.allowance import can_tell, is_futile, is_hopeless, judge
from cnnedge.scoring.score import Predictor, Score, score

# Images between two looks at whether it can still pass.
BLOCK = 250


def shuffled(split: Split) -> Split:
    """The same images in an order that has nothing to do with their classes: the first of them are a fair sample."""
    return split.take(np.random.default_rng(0).permutation(len(split)))


def paired(found: Score, baseline: Score, max_drop_pp: float) -> Paired:
    """The figures of a file beside the baseline's, on the same images."""
    lost, gained = int((baseline.hits & ~found.hits).sum()), int((found.hits & ~baseline.hits).sum())
    verdict = judge(lost, gained, found.images, max_drop_pp)
    return Paired(images=found.images, right=found.right, lost=lost, gained=gained, verdict=verdict)


@dataclass(frozen=True, eq=False)
class Judge:
    """``split`` in the order of ``shuffled``, and what the float model answers on it."""

    split: Split
    baseline: Score
    max_drop_pp: float

    @classmethod
    def of(cls, model: Predictor, validation: Split, max_drop_pp: float, progress: Progress = silent) -> "Judge":
        split = shuffled(validation)
        found = score(model, split, stage="evaluate the float model", progress=progress)
        return cls(split, found, max_drop_pp)

    def look_at(
        self, content: bytes, format: str, *, stage: str, seen: Paired | None = None, progress: Progress = silent
    ) -> tuple[Paired, bool]:
        """The figures of a file, and whether it was given up before all images were seen.

        Args:
            seen: what was found on the first images before; the rest are seen to the end, whatever they show.
        """
        every, looks = len(self.split), -(-len(self.split) // BLOCK)
        found, provable = seen, can_tell(every, self.max_drop_pp)
        with open_runner(content, format=format, num_threads=cores()) as runner:
            for start in range(0 if seen is None else seen.images, every, BLOCK):
                found = self._with(found, runner, range(start, min(start + BLOCK, every)))
                progress(stage, found.images, every)
                if seen is not None:
                    continue
                figures = found.lost, found.gained, found.images
                if is_hopeless(*figures, self.max_drop_pp, looks):
                    break
                if provable and is_futile(*figures, every, self.max_drop_pp):
                    break
        return known(found), known(found).images < every

    def _with(self, found: Paired | None, runner: Predictor, images: range) -> Paired:
        """``found`` with these images too."""
        more = score(runner, self.split.take(images))
        labels = self.baseline.labels[images.start : images.stop]
        was = Score(self.baseline.answers[images.start : images.stop], labels)
        both = paired(more, was, self.max_drop_pp)
        if found is None:
            return both
        lost, gained, count = found.lost + both.lost, found.gained + both.gained, found.images + both.images
        verdict = judge(lost, gained, count, self.max_drop_pp)
        return Paired(images=count, right=found.right + both.right, lost=lost, gained=gained, verdict=verdict)
