"""Digits drawn with the mouse and by touch."""

import itertools

import numpy as np
import pytest

from tests.support.demo_page import see

pytestmark = pytest.mark.xdist_group("demo page")
# Corners of digits, as fractions of the pad.
DIGITS = {
    "7": [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)],
    "1": [(0.5, 0.15), (0.5, 0.85)],
    "0": [(0.5 + 0.2 * np.cos(turn), 0.5 + 0.3 * np.sin(turn)) for turn in np.linspace(0, 6.28, 13)],
}


def places(page, corners) -> list[tuple[float, float]]:
    """Points along the stroke, on the screen."""
    box = page.locator("#pad").bounding_box()
    corners = np.array(corners) * (box["width"], box["height"]) + (box["x"], box["y"])
    steps = [np.linspace(start, end, 5) for start, end in itertools.pairwise(corners)]
    return [(float(x), float(y)) for x, y in np.concatenate(steps)]


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_drawn_with_the_mouse(phone, digit):
    first, *others = places(phone, DIGITS[digit])
    phone.mouse.move(*first)
    phone.mouse.down()
    for place in others:
        phone.mouse.move(*place)
    phone.mouse.up()
    see(phone, digit)
    assert "ms · mnist_int8.tflite on LiteRT.js 2.5.3" in phone.inner_text("#facts")
    assert phone.inner_text("#fed-size") == "fed: 28 × 28"
    phone.click("#clear")
    phone.locator("#facts").filter(has_text="Nothing to look at yet").wait_for()


def test_a_digit_drawn_by_touch(phone):
    touch = phone.context.new_cdp_session(phone)
    for number, (x, y) in enumerate(places(phone, DIGITS["7"])):
        kind = "touchMove" if number else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    see(phone, "7")
