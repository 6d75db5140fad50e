import pytest


@pytest.fixture(scope="session", autouse=True)
def with_tensorflow(tensorflow):
    """Every test of this room builds models."""
