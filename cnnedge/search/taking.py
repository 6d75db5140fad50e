"""The end of a search: the file that is taken is exported as every other file, and seen once on the test images."""

import shutil
from dataclasses import replace
from pathlib import Path

from cnnedge.convert.exporting import export
from cnnedge.convert.scheme import ExportPlan
from cnnedge.documents import fail_if_any
from cnnedge.documents.trials import Search, Trial
from cnnedge.errors import CnnedgeError, GateError
from cnnedge.files import sha256_of
from cnnedge.scoring.allowance import OVER
from cnnedge.search import choosing
from cnnedge.search.judging import paired
from cnnedge.search.steps import CANDIDATES, Seeker, scheme_of


def take(seeker: Seeker, trial: Trial | None, *, source: Path, name: str) -> Search:
    """Export ``trial`` into the search's folder, and note its figures on the test images and the words of the result.

    Args:
        source: the ``.keras`` file that the converter's model was read from.
        name: the model's name, with which the file's name begins.

    Raises:
        CnnedgeError: there is none, or it could not be exported.
    """
    if trial is None:
        raise CnnedgeError(f"none of {len(seeker.record.trials)} candidates could be made: {seeker.folder} has why")
    _hand_over(seeker, trial)
    plan = ExportPlan((scheme_of(trial),))
    done = export(seeker.converter, plan, source=source, name=name, folder=seeker.folder, keep_losses=True)
    fail_if_any(done.failures)
    baseline = f"{name}.keras"
    file = next(file for file in done.entries if file != baseline)
    test = paired(done.scores[file], done.scores[baseline], seeker.record.wish.max_drop_pp)
    words = choosing.verdict_words(seeker.record, trial)
    words += (choosing.confirmation(test, seeker.record.wish.max_drop_pp),)
    seeker.note(replace(seeker.record, file=file, test=test, words=words))
    shutil.rmtree(seeker.folder / CANDIDATES, ignore_errors=True)
    return seeker.record


def check_met(search: Search) -> None:
    """Raise unless the file that was taken stays within what may be lost.

    Raises:
        GateError: says what was found.
    """
    if search.chosen is None or not search.met:
        raise GateError("; ".join(search.words))
    if search.test is not None and search.test.verdict == OVER:
        raise GateError(f"{search.file} does not hold on the test images what it promised: {search.words[-1]}")


def _hand_over(seeker: Seeker, trial: Trial) -> None:
    """Give the converter the candidate's file, where it was made by an earlier start of this search."""
    scheme, file = scheme_of(trial), seeker.file(trial)
    if scheme not in seeker.converter.contents and file.is_file():
        content = file.read_bytes()
        if sha256_of(content) == trial.sha256:
            seeker.converter.contents[scheme] = content
