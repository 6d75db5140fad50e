"""A candidate on the validation images, beside the float Keras model, until it is through or can no longer pass."""

from dataclasses import dataclass

import numpy as np

from cnnedge.data import Split
from cnnedge.documents.trials import Paired
from cnnedge.machine.hardware import cores
from cnnedge.progress import Progress, silent
from cnnedge.runtime.opening import open_runner
from cnnedge.scoring.allowance import is_hopeless, judge
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

    def look_at(self, content: bytes, format: str, *, stage: str, progress: Progress = silent) -> tuple[Paired, bool]:
        """The figures of a file, and whether it was given up before all images were seen (see ``is_hopeless``)."""
        looks, answers = -(-len(self.split) // BLOCK), np.empty(0, np.int64)
        with open_runner(content, format=format, num_threads=cores()) as runner:
            for look in range(looks):
                images = range(look * BLOCK, min((look + 1) * BLOCK, len(self.split)))
                answers = np.concatenate([answers, score(runner, self.split.take(images)).answers])
                progress(stage, len(answers), len(self.split))
                found = self._so_far(answers)
                if is_hopeless(found.lost, found.gained, found.images, self.max_drop_pp, looks):
                    break
        return found, len(answers) < len(self.split)

    def _so_far(self, answers: np.ndarray) -> Paired:
        seen, labels = len(answers), self.baseline.labels
        was = Score(self.baseline.answers[:seen], labels[:seen])
        return paired(Score(answers, labels[:seen]), was, self.max_drop_pp)
