"""The live camera: watched and let go, refused, and where a page may not have it."""

import pytest

from tests.support.browsers import SETTLED, another

pytestmark = pytest.mark.xdist_group("demo page")


def test_the_camera_is_watched_and_let_go(phone):
    phone.click("#tab-camera")
    phone.click("#watch")
    phone.locator("#facts").filter(has_text="mnist_int8.tflite on LiteRT.js").wait_for()
    phone.click("#watch")
    assert phone.evaluate("document.getElementById('video').srcObject") is None


def test_a_refused_camera_is_said(browser, served):
    with another(browser, "--deny-permission-prompts", "--use-fake-device-for-media-stream") as page:
        page.goto(served.url)
        page.click("#tab-camera")
        page.click("#watch")
        page.locator("#camera-note").filter(has_text="The camera was refused: allow it in the browser's").wait_for()
        assert page.inner_text("#watch") == "Start the camera"


def test_on_plain_http_all_but_the_camera_works(browser, served):
    page = browser.new_page()
    page.goto(served.url.replace("127.0.0.1", "laptop.test"))
    page.wait_for_selector(SETTLED)
    assert page.evaluate("window.isSecureContext") is False
    assert "8 of 8 pictures, bit for bit" in page.inner_text("#check")
    page.click("#tab-camera")
    assert "gives the camera to https pages only" in page.inner_text("#camera-note")
    page.close()
