"""The shipped model cards are what the documents beside them say."""

import re
from pathlib import Path

import pytest

from cnnedge.cards.evidence import load_facts
from cnnedge.cards.write import render

CARDS = sorted((Path(__file__).parent.parent / "exported").glob("*/README.md"))
MODELS = [path.parent.name for path in (Path(__file__).parent.parent / "exported").glob("*/manifest.json")]


def test_every_model_has_a_card():
    assert sorted(MODELS) == [card.parent.name for card in CARDS] != []


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.parent.name)
def test_card_is_up_to_date(card):
    """Whoever changes a file, a figure or the card's code runs `cnnedge card` again."""
    assert without_gzip(card.read_text()) == without_gzip(render(load_facts(card.parent)))


def without_gzip(card: str) -> str:
    """Without the one figure that another zlib computes differently."""
    return re.sub(r"^(\| `[^|]+ \| [\d,]+ \|) [\d,]+ (\| \d+\.\d+ \()", r"\1 \2", card, flags=re.MULTILINE)
