"""One browser and one served page for all tests of the page."""

import pytest

from tests.support.browsers import SETTLED, Served, chromium, need_browser
from tests.support.demo_page import FILES


@pytest.fixture(scope="package")
def browser():
    need_browser()
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def served(browser, tmp_path_factory):
    found = Served(*FILES, "--out", "phones", cwd=tmp_path_factory.mktemp("served"))
    yield found
    found.process.kill()


@pytest.fixture(scope="package")
def page(browser, served):
    """A page that settled; tests that only call its functions share it."""
    found = browser.new_page()
    found.goto(served.url)
    found.wait_for_selector(SETTLED)
    return found


@pytest.fixture
def phone(browser, served):
    """A fresh page of a phone's size, with a finger; what it complained of fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    found, errors = context.new_page(), []
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.goto(served.url)
    found.wait_for_selector(SETTLED)
    yield found
    context.close()
    assert errors == []
