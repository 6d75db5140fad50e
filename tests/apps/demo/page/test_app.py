"""The page as a person uses it: photos, switching, and being told what is wrong."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from cnnedge import data as datasets
from cnnedge.images.decode import decode
from cnnedge.runtime.opening import open_runner
from tests.support.demo_page import EXPORTED, choose_file, packed, see

pytestmark = pytest.mark.xdist_group("demo page")


def test_a_photo_is_answered_as_by_predict(phone):
    """And the others answer beside it; a file that is no picture is said, and the next one works."""
    path = EXPORTED / "cifar10" / "cifar10_int8.tflite"
    image = Image.fromarray(datasets.load("cifar10").test.pixels([3])[0]).resize((300, 200))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    with open_runner(path) as runner:
        scores = runner.predict(decode(stream.getvalue(), (32, 32, 3))[np.newaxis])[0]
    labels = datasets.load("cifar10").labels
    choose_file(phone, path.name)
    phone.set_input_files("#pick", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    phone.locator("#trouble").filter(
        has_text="a.txt cannot be opened by this browser: it is damaged or no picture"
    ).wait_for()
    phone.set_input_files("#pick", {"name": "a.png", "mimeType": "image/png", "buffer": stream.getvalue()})
    see(phone, labels[int(scores.argmax())])
    assert phone.inner_text("#bars li:first-child span:last-child") == f"{100 * scores.max():.1f} %"
    phone.click("#compare")
    phone.wait_for_selector("#compare:not([disabled])")
    assert phone.locator("#comparison tbody tr").count() == 3


def test_a_kind_that_the_browser_decodes_otherwise_is_said(phone):
    """And no more of the next picture, which is of another kind."""
    for mode, said in (
        ("I;16", "Grey of 16 bits: browsers may round it by one level otherwise than Python."),
        ("L", ""),
    ):
        stream = io.BytesIO()
        Image.new(mode, (30, 20)).save(stream, "PNG")
        phone.set_input_files("#pick", {"name": "a.png", "mimeType": "image/png", "buffer": stream.getvalue()})
        phone.wait_for_function("said => document.getElementById('photo-note').textContent === said", arg=said)


def test_a_file_that_answers_otherwise_is_named(browser, served):
    """One of Python's answers is changed on the way: the page says which file, how many, by how much."""
    page = browser.new_page()

    def spoil(route):
        text = route.fetch().text()
        data = re.search(r'id="page">(.*?)</script>', text)[1]
        told = json.loads(data)
        golden = told["files"][told["start"]]["golden"][0]
        answer = bytearray(base64.b64decode(golden["output"]))
        answer[0] ^= 128
        golden["output"] = packed(bytes(answer))
        route.fulfill(body=text.replace(data, json.dumps(told)), content_type="text/html")

    page.route(served.url, spoil)
    page.goto(served.url)
    page.wait_for_selector("#check.bad")
    assert "mnist_int8.tflite answers differently here: 1 of 8 pictures, by up to 0.50" in page.inner_text("#check")
    page.close()


def test_it_is_used_with_the_keyboard_alone_on_the_narrowest_phone(phone):
    """Everything has a role and a name; tabs are walked with the arrows; what is answered is read out."""
    phone.set_viewport_size({"width": 320, "height": 640})
    phone.on("filechooser", lambda _: None)  # heard from here on, not only while the key is already pressed
    phone.focus("#file")
    phone.keyboard.press("Tab")
    assert phone.evaluate("document.activeElement.id") == "tab-draw"
    phone.keyboard.press("ArrowRight")
    assert phone.evaluate("document.activeElement.id") == "tab-photo"
    assert phone.get_by_role("tab", name="Photo", selected=True).is_visible()
    phone.keyboard.press("Tab")
    with phone.expect_file_chooser() as chooser:
        phone.keyboard.press("Enter")
    image = datasets.load("mnist").test.pixels([0])[0]
    stream = io.BytesIO()
    Image.fromarray(image[..., 0]).save(stream, "PNG")
    chooser.value.set_files({"name": "seven.png", "mimeType": "image/png", "buffer": stream.getvalue()})
    see(phone, "7")
    assert phone.get_attribute("#best", "aria-live") == "polite"
    for role, name in [
        ("combobox", "File"), ("img", "The chosen photo"), ("img", "The pixels that the file is fed"),
        ("button", "Compare all"), ("textbox", "Name of this device"), ("button", "Measure"),
        ("checkbox", "also a minute without a pause, with the file chosen above"),
    ]:  # fmt: skip
        assert phone.get_by_role(role, name=name, exact=True).is_visible(), (role, name)
    assert phone.get_by_role("status").first.inner_text().startswith("✓ Gives Python's answers here")
    phone.click("#compare")
    phone.wait_for_selector("#compare:not([disabled])")
    assert phone.evaluate("document.documentElement.scrollWidth") == 320
