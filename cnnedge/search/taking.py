"""The end of a search: the file that is taken is exported as every other file, and seen once on the test images."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from cnnedge.convert.exporting import export
from cnnedge.convert.scheme import ExportPlan
from cnnedge.documents import fail_if_any
from cnnedge.documents.trials import Search, Trial
from cnnedge.errors import CnnedgeError, GateError
from cnnedge.files import sha256_of
from cnnedge.model.predictor import KerasPredictor
from cnnedge.scoring.allowance import OVER
from cnnedge.scoring.score import Score, score
from cnnedge.search import choosing
from cnnedge.search.judging import paired
from cnnedge.search.schemes import scheme_of
from cnnedge.search.steps import CANDIDATES, Seeker


def take(seeker: Seeker, trial: Trial | None, *, source: Path, name: str) -> Search:
    """Export ``trial`` into the search's folder, or that of its narrower network, and note its figures on the test
    images and the words of the result.

    Args:
        source: the ``.keras`` file that the converter's model was read from.
        name: the model's name, with which the file's name begins.

    Raises:
        CnnedgeError: there is none, or it could not be exported.
    """
    if trial is None:
        raise CnnedgeError(f"none of {len(seeker.record.trials)} candidates could be made: {seeker.folder} has why")
    _hand_over(seeker, trial)
    plan, converter, folder = ExportPlan((scheme_of(trial),)), seeker.converter_of(trial.width), seeker.folder
    narrow = next((one for one in seeker.narrower if one.width == trial.width), None)
    if narrow is not None:
        source, name, folder = narrow.source, narrow.source.stem, narrow.source.parent
    done = export(converter, plan, source=source, name=name, folder=folder, keep_losses=True)
    fail_if_any(done.failures)
    own = f"{name}.keras"
    made = next(file for file in done.entries if file != own)
    float_model = done.scores[own] if narrow is None else _score_of_the_model(seeker)
    test = paired(done.scores[made], float_model, seeker.record.wish.max_drop_pp)
    file = made if narrow is None else os.path.relpath(folder / made, seeker.folder)
    words = choosing.verdict_words(seeker.record, trial)
    words += (choosing.confirmation(test, seeker.record.wish.max_drop_pp),)
    seeker.note(replace(seeker.record, file=file, test=test, words=words))
    shutil.rmtree(seeker.folder / CANDIDATES, ignore_errors=True)
    return seeker.record


def _score_of_the_model(seeker: Seeker) -> Score:
    """What the model itself answers on the test images, beside which a narrower network's file is judged too."""
    stage = "evaluate the float model"
    return score(KerasPredictor(seeker.converter.model), seeker.data.test, stage=stage, progress=seeker.progress)


def check_met(search: Search) -> None:
    """Raise unless the file that was taken stays within what may be lost.

    Raises:
        GateError: names the file; ``search.words`` say what was found.
    """
    if search.chosen is None or not search.met:
        raise GateError(f"no file stays within {search.wish.max_drop_pp:g} points: {search.file} is the nearest to it")
    if search.test is not None and search.test.verdict == OVER:
        raise GateError(f"{search.file} does not hold on the test images what it promised on the validation images")


def _hand_over(seeker: Seeker, trial: Trial) -> None:
    """Give the converter the candidate's file, where it was made by an earlier start of this search."""
    scheme, file = scheme_of(trial), seeker.file(trial)
    contents = seeker.converter_of(trial.width).contents
    if scheme not in contents and file.is_file():
        content = file.read_bytes()
        if sha256_of(content) == trial.sha256:
            contents[scheme] = content
