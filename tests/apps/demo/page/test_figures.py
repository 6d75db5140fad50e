"""Measuring: figures that come home or are saved, and what happens when it is cut short."""

import json
import re
from pathlib import Path

import pytest

from cnnedge.documents import read_documents
from tests.support.browsers import SETTLED, Served
from tests.support.demo_page import EXPORTED, FILES

pytestmark = pytest.mark.xdist_group("demo page")


def said(page, text: str, seconds: int = 60) -> None:
    page.locator("#progress").filter(has_text=text).wait_for(timeout=1000 * seconds)


def folder(served: Served) -> Path:
    return Path(f"/proc/{served.process.pid}/cwd").resolve() / "phones"


def changed(route, before: str, after: str) -> None:
    text = route.fetch().text()
    assert before in text
    route.fulfill(body=text.replace(before, after), content_type="text/javascript")


def shortened(route) -> None:
    changed(route, "SUSTAINED_MS = 60_000", "SUSTAINED_MS = 3_000")


def lengthened(route) -> None:
    """200 calls are over in a tenth of a second on a quick processor, before anybody sees their middle."""
    changed(route, "LEAST_CALLS = 200", "LEAST_CALLS = 200_000")


def test_a_phone_measures_and_its_rows_come_home(phone, served, tmp_path):
    """And what a person saves is the same; the minute without a pause lasts three seconds here."""
    phone.route("**/measure.js", shortened)
    phone.reload()
    phone.wait_for_selector(SETTLED)
    phone.fill("#device", "Pixel <9>")
    phone.check("#sustained")
    phone.click("#measure")
    said(phone, "Sent: kept as phones/pixel-9.json", 120)
    assert [path.name for path in folder(served).iterdir()] == ["pixel-9.json"]
    kept = json.loads((folder(served) / "pixel-9.json").read_text())
    assert kept["user_agent"].startswith("Linux") and "Chrome/" in kept["user_agent"]
    assert kept["device"] == "Pixel <9>" and [row["file"] for row in kept["rows"]] == [path.name for path in FILES]
    for row in kept["rows"]:
        assert row["error"] is None and row["check"]["same"] == row["check"]["pictures"] == 8
        assert 0 < row["latency_ms"]["min"] <= row["latency_ms"]["p50"] <= row["latency_ms"]["p99"] < 10_000
        assert row["latency_ms"]["runs"] >= 200 or row["latency_ms"]["p50"] > 10
    with phone.expect_download() as download:
        phone.click("#save")
    assert download.value.suggested_filename == "pixel-9.json"
    saved = tmp_path / "saved.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["rows"] == kept["rows"]
    document = read_documents([EXPORTED / "mnist" / "benchmark.json", saved])[0]
    shown = {row.file: row for row in document.rows if row.browser}
    assert set(shown) == {path.name for path in FILES if path.parent.name == "mnist"}
    sustained = shown["mnist_int8.tflite"].sustained
    assert len(sustained.at_s) <= 4 and sustained.retention == round(sustained.first_ms / sustained.last_ms, 4)
    told = int(re.search(r"after a minute: (\d+) % of its speed kept", phone.inner_text("#figures"))[1])
    assert abs(told - 100 * sustained.retention) <= 1  # rounded on both sides


def test_reloaded_or_hidden_in_the_middle_it_sends_nothing(phone, served):
    before = sorted(folder(served).glob("*"))
    phone.route("**/measure.js", lengthened)
    phone.reload()
    phone.wait_for_selector(SETTLED)
    phone.click("#measure")
    said(phone, "calls")
    phone.reload()
    phone.wait_for_selector(SETTLED)
    assert phone.is_enabled("#measure") and phone.inner_text("#progress") == ""
    phone.click("#measure")
    said(phone, "calls")
    phone.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
    phone.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    said(phone, "the page went into the background, where browsers slow it down")
    assert phone.is_enabled("#measure") and not phone.is_visible("#save")
    assert sorted(folder(served).glob("*")) == before


def test_a_laptop_that_ended_meanwhile_costs_no_figures(browser, tmp_path):
    """Ctrl-C before the phone has sent: what it measured is not lost."""
    served, ended = Served(FILES[0], cwd=tmp_path), []

    def end_first(route) -> None:
        ended.append(served.end())
        route.continue_()

    page = browser.new_page()
    page.route("**/results", end_first)
    page.goto(served.url)
    page.wait_for_selector(SETTLED)
    page.click("#measure")
    said(page, "The laptop does not answer. Send the figures again once it is reached, or save them")
    ((code, _, err),) = ended
    assert code == 0 and err.endswith("stopped\n")
    assert page.is_visible("#again") and not list(tmp_path.glob("demo/*"))
    with page.expect_download() as download:
        page.click("#save")
    assert [row["file"] for row in json.loads(Path(download.value.path()).read_text())["rows"]] == [FILES[0].name]
    page.close()
