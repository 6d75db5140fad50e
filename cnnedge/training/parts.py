"""The parts of a training that was taken up again, each on a machine, in an arithmetic and to a length of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Part:
    """The epochs from ``first_epoch`` to the next part's, or to the end.

    planned_epochs: those of the whole training as it was planned then, by which its learning rate falls. cpu: its name;
    cores: those of the machine. accelerator: the GPU or TPU that did them, None for the CPU. half: in bfloat16, see
    ``learner.learner_of``.
    """

    first_epoch: int
    planned_epochs: int
    cpu: str
    cores: int
    accelerator: str | None
    half: bool


def with_part(parts: Sequence[Part], part: Part) -> tuple[Part, ...]:
    """``parts`` and what is done from ``part.first_epoch`` on, which no other of them has then done; the last one goes
    on if it is alike."""
    kept = tuple(one for one in parts if one.first_epoch < part.first_epoch)
    goes_on = bool(kept) and replace(part, first_epoch=kept[-1].first_epoch) == kept[-1]
    return kept if goes_on else (*kept, part)
