"""Which candidate is taken, and what to say of it."""

import math

from cnnedge.documents.trials import Paired, Search, Trial
from cnnedge.scoring.accuracy import images_to_tell, paired_interval, wilson_interval
from cnnedge.scoring.allowance import OVER, UNCLEAR, WITHIN, can_tell

# Files whose sizes or latencies are within 5 % of each other are as small or as fast: a dynamic file lacks the ranges
# of an int8 one, 1.5 % of cifar10's.
NEAR = 1.05
# Integers alone run on microcontrollers and NPUs too.
PORTABLE = ("int8", "int8_mixed", "int16x8", "dynamic", "float16", "float32")


def keeps_limit(trial: Trial, search: Search) -> bool:
    """Whether it stays within what may be lost, 95 % sure; where no file could show that on so few images, whether it
    does as far as they show."""
    if trial.validation is None or trial.stopped:
        return False
    if can_tell(search.subject.validation, search.wish.max_drop_pp):
        return trial.validation.verdict == WITHIN
    return _seems_to(trial, search)


def is_undecided(trial: Trial) -> bool:
    """Whether it was given up because all images would hardly have shown that it keeps the limit."""
    return trial.stopped and trial.found.verdict != OVER


def choose(search: Search) -> Trial | None:
    """The smallest or fastest that keeps the limit; failing that, of those that seem to but for too few images; and
    where the images are too few for any to show it, the one that loses least, if that may be chance."""
    if found := _keeping(search):
        return _best(found, search.wish.prefer)
    least = nearest(search)
    return least if least is not None and _may_be_chance(least, search) else None


def nearest(search: Search) -> Trial | None:
    """Of those that were made, the one that loses least."""
    made = [trial for trial in search.trials if trial.validation is not None]
    return max(made, key=lambda trial: (trial.found.delta_pp, -trial.size_bytes), default=None)


def verdict_words(search: Search, trial: Trial) -> tuple[str, ...]:
    """Why ``trial`` was taken, and what the validation images cannot tell."""
    wish, count = search.wish, len(search.trials)
    figures = f"{trial.size_bytes / 1000:,.0f} kB, {accuracy_words(trial.found)}"
    if not search.met:
        words = f"none of {count} candidates stays within {wish.max_drop_pp:g} points; the nearest is {trial.label}"
        return (f"{words}: {figures}", advice(search))
    if not _seems_to(trial, search):
        words = f"none of {count} candidates was seen to stay within {wish.max_drop_pp:g} points, which may be chance"
        least = f"{words}: {trial.label} loses least: {figures}"
        return (least, too_few(trial.found, wish.max_drop_pp, "validation"))
    sure = trial.found.verdict == WITHIN
    beaten = any(_cost(other, wish.prefer) < _cost(trial, wish.prefer) for other in _keeping(search))
    rank = f"within {100 * (NEAR - 1):.0f} % of the {wish.prefer}" if beaten else f"the {wish.prefer}"
    stays = f"that {'stays' if sure else 'seems to stay'} within {wish.max_drop_pp:g} points"
    words = f"{trial.label} is {rank} of {count} {stays}: {figures}"
    return (words,) if sure else (words, too_few(trial.found, wish.max_drop_pp, "validation"))


def confirmation(test: Paired, max_drop_pp: float) -> str:
    """What the test images say, which chose nothing."""
    words = f"on {test.images:,} test images: {accuracy_words(test)}"
    if test.verdict == WITHIN:
        return f"{words}: within {max_drop_pp:g} points, 95 % sure"
    if test.verdict == OVER:
        return f"{words}: more than {max_drop_pp:g} points are lost, 95 % sure"
    return f"{words}; {too_few(test, max_drop_pp, 'test')}"


def trial_words(trial: Trial) -> str:
    """One line for a candidate that was just tried."""
    if trial.validation is None:
        return f"{trial.label}: {trial.error}"
    words = f"{trial.label}: {trial.size_bytes / 1000:,.0f} kB, {accuracy_words(trial.found)}: {_told(trial)}"
    return words + (f", the same file as {trial.same_as}" if trial.same_as else "")


def _told(trial: Trial) -> str:
    """What the images say of the limit."""
    images = f"{trial.found.images:,} images"
    if is_undecided(trial):
        return f"given up after {images}, all of them would hardly tell"
    if trial.found.verdict == UNCLEAR:
        return f"{images} cannot tell whether it stays within"
    words = "stays within" if trial.found.verdict == WITHIN else "loses too much"
    return words + (f", given up after {images}" if trial.stopped else "")


def fate(trial: Trial, search: Search) -> str:
    """Why a candidate was taken or not."""
    drop = f"{search.wish.max_drop_pp:g} points"
    if trial.name == search.chosen:
        return "taken" if search.met else "nearest to what was asked for"
    if trial.validation is None:
        return f"could not be made: {trial.error}"
    if is_undecided(trial):
        return (
            f"given up after {trial.found.images:,} images: all of them would hardly show that it stays within {drop}"
        )
    if trial.stopped:
        return f"given up after {trial.found.images:,} images: it loses more than {drop}"
    if trial.found.verdict == OVER:
        return f"loses more than {drop}, 95 % sure"
    if keeps_limit(trial, search):
        return _beaten(trial, search)
    return too_few(trial.found, search.wish.max_drop_pp, "validation")


def _beaten(trial: Trial, search: Search) -> str:
    """What the one taken has over a candidate that keeps the limit too."""
    taken, prefer = search.trial(search.chosen or ""), search.wish.prefer
    if taken is None or _cost(trial, prefer) > NEAR * _cost(taken, prefer):
        return "larger than the one taken" if prefer == "smallest" else "slower than the one taken"
    if len(trial.float_layers) > len(taken.float_layers) > 0:
        return "within 5 % of the one taken, which leaves fewer layers in float"
    if taken.precision == trial.precision and taken.found.delta_pp == trial.found.delta_pp:
        return f"as right, and {(trial.size_bytes - taken.size_bytes) / 1000:+,.1f} kB"
    if taken.precision == trial.precision:
        return "as good but for the answers: the one taken has more right"
    return f"within 5 % of the one taken, which runs in more places, being {taken.precision}"


def accuracy_words(found: Paired) -> str:
    """``top-1 92.80 % (91.58 to 93.85), -0.05 points (-0.42 to +0.32)``."""
    low, high = (100 * end for end in wilson_interval(found.right, found.images))
    down, up = (100 * end for end in paired_interval(found.lost, found.gained, found.images))
    return (
        f"top-1 {100 * found.top1:.2f} % ({low:.2f} to {high:.2f}), {found.delta_pp:+.2f} points "
        f"({down:+.2f} to {up:+.2f})"
    )


def too_few(found: Paired, max_drop_pp: float, split: str) -> str:
    """How many images would tell, where ``found.images`` do not."""
    room = found.delta_pp + max_drop_pp
    words = f"{found.images:,} {split} images cannot tell whether it stays within {max_drop_pp:g} points"
    if max_drop_pp == 0 and room >= 0:
        return f"{words}: any number of them shows that of a better file alone"
    if room <= 0:
        needed = images_to_tell(found.lost, found.gained, found.images, max_drop_pp) if max_drop_pp else 0
        more = f"; about {needed:,} would tell it from chance" if needed > found.images else ""
        return f"{words}: it loses as much as is allowed{more}"
    return words + f"; about {images_to_tell(found.lost, found.gained, found.images, room):,} would"


def advice(search: Search) -> str:
    """What would help where nothing stays within."""
    found = []
    if not any(trial.method == "qat" for trial in search.trials):
        found.append("quantization-aware training (leave --no-qat out, with int8 among --precision)")
    if costs := search.costs(None):
        worst = costs[0]
        found.append(f"layer {worst.layer} in float (int8 of it alone changes {100 * worst.changed:.1f} % of answers)")
    elif "int8_mixed" not in search.wish.precisions:
        found.append("int8_mixed among --precision, which leaves layers in float")
    if not any(trial.precision == "float16" for trial in search.trials) and "tflite" in search.wish.formats:
        found.append("float16 among --precision")
    found.append("more calibration images, or a larger --max-drop")
    return f"what would help: {'; '.join(found)}"


def _may_be_chance(trial: Trial, search: Search) -> bool:
    """Whether so few images could show of no file that it stays within, nor show of this one that it does not."""
    few = not can_tell(search.subject.validation, search.wish.max_drop_pp)
    return few and search.wish.max_drop_pp > 0 and not trial.stopped and trial.found.verdict != OVER


def _seems_to(trial: Trial, search: Search) -> bool:
    made = trial.validation is not None and not trial.stopped
    return made and trial.found.delta_pp >= -search.wish.max_drop_pp - 1e-9


def _keeping(search: Search) -> list[Trial]:
    """The candidates that one is taken of: those that keep the limit; where none does, those that seem to."""
    for keeps in (keeps_limit, _seems_to):
        if found := [trial for trial in search.trials if keeps(trial, search)]:
            return found
    return []


def _best(trials: list[Trial], prefer: str) -> Trial:
    """The cheapest; of those within NEAR of it the one that runs in most places, with the fewest layers in float, and
    answers best."""
    least = min(_cost(trial, prefer) for trial in trials)
    near = [trial for trial in trials if _cost(trial, prefer) <= least * NEAR]
    return min(near, key=_rank)


def _rank(trial: Trial) -> tuple[int, int, float, int]:
    """The least is the best of those that are as cheap."""
    place = PORTABLE.index(trial.precision)
    return place, len(trial.float_layers), -trial.found.delta_pp, trial.size_bytes


def _cost(trial: Trial, prefer: str) -> float:
    if prefer == "smallest":
        return trial.size_bytes
    return math.inf if trial.p50_ms is None else trial.p50_ms
