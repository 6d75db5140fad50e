"""What is worth knowing about labelled pictures before any work: counts, copies, leaks, contradictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnedge.data.alike import count_alike
from cnnedge.data.splits import Split

# A class with less than a tenth of what the largest has is rarely learned beside it.
_SMALL_CLASS = 0.1


@dataclass(frozen=True)
class Findings:
    """Counts of pictures. ``per_class`` by part and class; ``copies`` of a picture beyond its first in the same part;
    ``leaks`` by pair of parts, the pictures of the first that are in the second too; ``alike``: those that only look
    like one of the second, and how many of the first were compared, where they are files; ``contradictions``: different
    pictures that lie in several classes; ``blank`` by part, those of one colour. ``sides``: the smallest, the median
    and the largest of the pictures' smaller sides in pixels, where they are files; ``wanted``: what they are brought
    to."""

    labels: tuple[str, ...]
    per_class: dict[str, tuple[int, ...]]
    copies: dict[str, int]
    leaks: dict[tuple[str, str], int]
    contradictions: int
    unreadable: tuple[str, ...]
    blank: dict[str, int]
    sides: tuple[int, int, int] | None = None
    wanted: int = 0
    alike: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def warnings(self) -> list[str]:
        """What a person should know, each as a sentence."""
        found = [
            f"{count:,} of {sum(self.per_class[one]):,} pictures of {one} are also in {other}: "
            "what is measured on them is better than it will be on new pictures"
            for (one, other), count in self.leaks.items()
            if count
        ]
        found += [
            f"{count:,} of {compared:,} pictures of {one} look like one of {other}, though their pixels differ (saved "
            "anew, or taken in a row?): what is measured on them may be better than it will be on new pictures"
            for (one, other), (count, compared) in self.alike.items()
            if count
        ]
        found += [f"{count:,} pictures of {part} are copies of others" for part, count in self.copies.items() if count]
        if self.contradictions:
            found.append(f"{self.contradictions:,} pictures lie in several classes, in one of them wrongly")
        found += [
            f"{count:,} of {sum(self.per_class[part]):,} pictures of {part} are of one colour"
            for part, count in self.blank.items()
            if count
        ]
        return found + self._small_pictures() + self._small_classes()

    def document(self) -> dict[str, Any]:
        """All of it as JSON takes it, the warnings as sentences too."""
        return {
            "labels": list(self.labels),
            "parts": {part: dict(zip(self.labels, counts, strict=True)) for part, counts in self.per_class.items()},
            "copies": self.copies,
            "leaks": [{"of": one, "in": other, "images": count} for (one, other), count in self.leaks.items()],
            "alike": [
                {"of": one, "in": other, "images": count, "compared": compared}
                for (one, other), (count, compared) in self.alike.items()
            ],
            "contradictions": self.contradictions,
            "blank": self.blank,
            "sides": None if self.sides is None else dict(zip(("least", "median", "most"), self.sides, strict=True)),
            "unreadable": list(self.unreadable),
            "warnings": self.warnings(),
        }

    def _small_pictures(self) -> list[str]:
        if self.sides is None or 2 * self.sides[1] >= self.wanted:
            return []
        return [
            f"half of the pictures are {self.sides[1]} pixels high or wide, or less, and are enlarged to {self.wanted}"
        ]

    def _small_classes(self) -> list[str]:
        counts = np.sum(list(self.per_class.values()), axis=0)
        small = [name for name, count in zip(self.labels, counts, strict=True) if count < _SMALL_CLASS * counts.max()]
        return [f"few pictures in {', '.join(small)}: less than a tenth of the largest class's"] if small else []


def find(
    parts: Mapping[str, Split],
    labels: Sequence[str],
    unreadable: Sequence[str] = (),
    sizes: Sequence[tuple[int, int]] = (),
    looks: Mapping[str, np.ndarray] | None = None,
) -> Findings:
    """Compare the pictures of ``parts``, by name, by their content; ``sizes``, (width, height), are theirs as files,
    and ``looks`` their thumbnails."""
    hashes = {name: part.hashes() for name, part in parts.items()}
    pairs = [("test", "train"), ("validation", "train"), ("test", "validation")]
    pairs = [pair for pair in pairs if set(pair) <= set(hashes)]
    classes_of: dict[bytes, set[int]] = {}
    for name, part in parts.items():
        for digest, label in zip(hashes[name], part.labels.tolist(), strict=True):
            classes_of.setdefault(digest, set()).add(label)
    return Findings(
        tuple(labels),
        {name: tuple(np.bincount(part.labels, minlength=len(labels)).tolist()) for name, part in parts.items()},
        {name: len(found) - len(set(found)) for name, found in hashes.items()},
        {pair: _shared(hashes[pair[0]], hashes[pair[1]]) for pair in pairs},
        sum(len(classes) > 1 for classes in classes_of.values()),
        tuple(unreadable),
        {name: int(part.blank().sum()) for name, part in parts.items()},
        _sides(sizes),
        min(next(iter(parts.values())).image_shape[:2]),
        {(one, other): _alike(looks[one], hashes[one], looks[other], hashes[other]) for one, other in pairs if looks},
    )


def _alike(looks: np.ndarray, hashes: list[bytes], others: np.ndarray, other_hashes: list[bytes]) -> tuple[int, int]:
    """``count_alike`` of the pictures that are not in the other part themselves."""
    known = set(other_hashes)
    return count_alike(looks[[digest not in known for digest in hashes]], others)


def _sides(sizes: Sequence[tuple[int, int]]) -> tuple[int, int, int] | None:
    smaller = sorted(min(size) for size in sizes)
    return (smaller[0], smaller[len(smaller) // 2], smaller[-1]) if smaller else None


def _shared(hashes: list[bytes], others: list[bytes]) -> int:
    known = set(others)
    return sum(digest in known for digest in hashes)
