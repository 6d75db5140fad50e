"""The page as one file: small enough to send, opened from the disk, with no request to anybody."""

from pathlib import Path

import pytest

from cnnedge.apps.demo import page_text
from cnnedge.apps.demo.offer import make_offer
from cnnedge.apps.demo.runtimes import runtime_files
from cnnedge.documents.browser_run import require_run
from tests.support.browsers import SETTLED, chromium, need_browser

EXPORTED = Path(__file__).parents[3] / "exported"
FILES = [EXPORTED / "mnist" / "mnist_int8.tflite", EXPORTED / "cifar10" / "cifar10_int8.tflite"]


@pytest.fixture(scope="module")
def single(tmp_path_factory) -> Path:
    need_browser()
    path = tmp_path_factory.mktemp("single") / "one file.html"
    path.write_text(page_text.single_page(make_offer(FILES), runtime_files(["tflite"])), encoding="utf-8")
    return path


def test_it_is_small_enough_to_send(single):
    assert single.stat().st_size <= 6_000_000


def test_it_runs_from_the_disk_and_asks_nobody(single):
    with chromium() as browser:
        context = browser.new_context(offline=True)
        page, asked, errors = context.new_page(), [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(single.as_uri())
        for number in range(2):
            page.select_option("#file", index=number)
            page.locator("#check").filter(has_text="8 of 8 pictures, bit for bit").wait_for()
        page.fill("#device", "tablet")
        page.click("#measure")
        page.locator("#progress").filter(has_text="this page has no laptop behind it").wait_for(timeout=60_000)
        assert page.locator(SETTLED).count() == 1 and page.locator("#figures tbody tr").count() == 2
        with page.expect_download() as download:
            page.click("#save")
        assert [row.file for row in require_run(Path(download.value.path())).rows] == [path.name for path in FILES]
        assert errors == [] and {url.partition(":")[0] for url in asked} == {"file", "blob"}


def test_an_onnx_file_runs_from_the_disk_too(tmp_path):
    need_browser()
    path = tmp_path / "page.html"
    offer = make_offer([EXPORTED / "mnist" / "mnist_int8.onnx"])
    path.write_text(page_text.single_page(offer, runtime_files(["onnx"])), encoding="utf-8")
    assert path.stat().st_size <= 6_000_000
    with chromium() as browser:
        page = browser.new_context(offline=True).new_page()
        page.goto(path.as_uri())
        page.locator("#check").filter(has_text="8 of 8 pictures").wait_for()


def test_no_label_ends_the_data():
    """A label may hold what would end a script element."""
    offer = make_offer(FILES[:1])
    offer.files[0].told["labels"] = ["</script><script>alert(1)</script>"] * 10
    text = page_text.served_page(offer)
    assert "</script><script>alert" not in text and "\\u003c/script>\\u003cscript>alert(1)" in text


def test_every_module_is_joined():
    modules = {path.stem for path in Path(page_text.__file__).with_name("page").glob("*.js")}
    assert modules == set(page_text.MODULES)
    assert "import {" not in page_text.joined_modules() and "\nexport " not in page_text.joined_modules()
