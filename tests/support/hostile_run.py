"""Hostile files through children that open one after the other; a child that dies is replaced after its last file."""

import select
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cnnedge.progress import Progress, silent

KINDS = ("tflite", "onnx", "damaged-tflite", "damaged-onnx", "damaged-picture", "damaged-keras", "damaged-h5")
PATIENCE_S = 20
# Until a child says its first word: where it loads TensorFlow on a busy machine, 40 s were seen.
START_S = 300
MOST_MB = 1000
# A child is replaced after so many files, so that its memory says something about them.
PER_CHILD = 1000


@dataclass
class Findings:
    """How many files were ``refused``, ``failed`` or ``ran``, and the seeds of those that did harm."""

    outcomes: Counter[str] = field(default_factory=Counter)
    crashes: list[int] = field(default_factory=list)
    hangs: list[int] = field(default_factory=list)
    over_memory: list[int] = field(default_factory=list)

    @property
    def defects(self) -> list[int]:
        return self.crashes + self.hangs + self.over_memory


def run_hostile(kind: str, first: int, count: int, *, every: int = 100, progress: Progress = silent) -> Findings:
    """Open the files of seeds ``first`` to ``first + count``; of those that are run apart, one in ``every``."""
    findings = Findings()
    position, last = first, first + count

    def opened(seed: int) -> None:
        progress(f"open {kind} files", seed - first, count)

    while position < last:
        opened(position)
        position = _run_child(kind, position, min(last, position + PER_CHILD), every, findings, opened)
    opened(last)
    return findings


def _run_child(kind: str, first: int, last: int, every: int, findings: Findings, opened: Callable[[int], None]) -> int:
    """Run one child; return the seed after the last file that it opened."""
    command = [sys.executable, "-m", "tests.support.hostile_child", kind, str(first), str(last), str(every)]
    seed, heavy = first - 1, False
    # In the repository, where ``tests`` is this one: a package of that name is installed too.
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    ) as child:
        assert child.stdout is not None
        while True:
            if not select.select([child.stdout], [], [], PATIENCE_S if seed >= first else START_S)[0]:
                child.kill()
                findings.hangs.append(seed)
                return seed + 1
            line = child.stdout.readline()
            if not line:
                break
            word, number, *memory = line.split()
            seed = int(number)
            if word != "start":
                findings.outcomes[word] += 1
                opened(seed + 1)
                if memory and int(memory[0]) > MOST_MB and not heavy:
                    heavy = True
                    findings.over_memory.append(seed)
    if child.returncode != 0:
        assert seed >= first, f"the child that was to open seed {first} did not start"
        findings.crashes.append(seed)
        return seed + 1
    return last
