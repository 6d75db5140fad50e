"""Which tests ``./scripts/test --fast`` leaves out."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# What trains, converts or measures, or starts a program for each test: more than 10 s of CPU time a file.
SLOW = [
    "cards", "convert", "examples", "model", "photos", "scripts", "search", "studies", "training",
    "apps/demo/page", "apps/demo/test_page_text.py",
    "apps/test_match.py", "benchmark/test_layers.py", "benchmark/test_power.py", "benchmark/test_selfproof.py",
    "benchmark/test_session.py", "benchmark/test_sustained.py",
    "cli/test_benchmark.py", "cli/test_card.py", "cli/test_match.py", "cli/test_run.py", "cli/test_train.py",
    "cli/test_photos.py", "cli/test_search.py", "scoring/test_bulk.py",
    "test_emulated_pi.py", "test_exported.py", "test_light_install.py", "test_mediapipe.py", "test_parity.py",
    "test_readme.py", "test_tutorials.py",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(TESTS / place) for place in SLOW):
            item.add_marker("slow")
