"""Records from JSON and back; what is not as declared is named by its place."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from cnnedge.records import from_json, to_json


@dataclass(frozen=True)
class Place:
    name: str
    metres: float = 0.0


@dataclass(frozen=True)
class Journey:
    stops: tuple[Place, ...]
    notes: dict[str, int] = field(default_factory=dict)
    guide: str | None = None
    extra: dict[str, Any] | None = None


def test_there_and_back_without_what_holds_its_default():
    journey = Journey((Place("a", 2.5), Place("b")), {"rain": 1}, extra={"any": [1, None]})
    written = to_json(journey)
    assert written == {
        "stops": [{"name": "a", "metres": 2.5}, {"name": "b"}],
        "notes": {"rain": 1},
        "extra": {"any": [1, None]},
    }
    assert from_json(Journey, written) == journey
    assert from_json(Place, {"name": "c", "metres": 3, "colour": "of a later version"}) == Place("c", 3.0)


@pytest.mark.parametrize(
    "value, complaint",
    [
        ([], r"it is \[\], expected an object"),
        ({}, "stops is missing"),
        ({"stops": 1}, "stops is 1, expected a list"),
        ({"stops": [{"name": "a"}, {"name": 5}]}, r"stops\[1\]\.name is 5, expected text"),
        ({"stops": [{"name": "a", "metres": "far"}]}, r"stops\[0\]\.metres is 'far', expected a number"),
        ({"stops": [], "notes": {"rain": True}}, r"notes\.rain is True, expected a whole number"),
        ({"stops": [], "guide": 7}, "guide is 7, expected text"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(value, complaint):
    with pytest.raises(ValueError, match=complaint):
        from_json(Journey, value)
