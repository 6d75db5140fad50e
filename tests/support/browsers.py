"""A served demo page, and a headless browser to look at it with; or why there is none."""

import contextlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnedge.apps.demo.runtimes import runtime_files
from cnnedge.errors import DataError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# The camera is a picture that moves, and "laptop.test" a laptop in the Wi-Fi: plain http, so no secure origin.
ARGUMENTS = [
    "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP laptop.test 127.0.0.1",
]  # fmt: skip
SETTLED = "#check.good, #check.bad, #trouble:not([hidden])"


def need_browser() -> None:
    """Skip where there is no Chromium, or where the runtimes cannot be had."""
    if CHROMIUM is None:
        pytest.skip("no chromium: apt install chromium")
    try:
        runtime_files(["tflite", "onnx"])
    except DataError as error:
        pytest.skip(str(error))


@contextlib.contextmanager
def chromium() -> Iterator:
    """A running browser of Playwright's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def another(browser, *flags: str) -> Iterator:
    """A page of another browser, started with these flags beside the running one."""
    found = browser.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])
    try:
        yield found.new_page()
    finally:
        found.close()


class Served:
    """``cnnedge demo`` as a process of its own: its ``url``, and what it printed since."""

    def __init__(self, *arguments: object, cwd: Path) -> None:
        command = [sys.executable, "-m", "cnnedge", "demo", *map(str, arguments), "--port", "0"]
        self.process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        self.url = line.strip()
        assert re.fullmatch(r"https?://127\.0\.0\.1:\d+/[\w-]{22}/", self.url), line + self.process.stderr.read()

    def end(self) -> tuple[int, str, str]:
        """Press Ctrl-C: the exit code, and what was said on both streams."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err
