"""Debian's Chromium, driven by Playwright, without access to anything but this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
"""A quarter less processor time than the whole browser, which draws a window that no one sees."""
WHOLE_CHROMIUM = Path("/usr/bin/chromium")
"""Has a profile, and so settings of cookies."""
INSTALL_HINT = (
    "Chromium is missing. `make test` installs it when it runs as root on Debian; "
    "otherwise: apt-get install chromium chromium-headless-shell"
)
FLAGS = (
    "--no-sandbox",  # root and containers; it only ever opens our own pages
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # a check by axe runs once in each page: to optimise its code takes a quarter of its CPU
    "--js-flags=--no-opt --no-maglev --always-sparkplug",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser with a new, empty profile.

    Raises:
        RuntimeError: Chromium is not installed; the message names what to install.
    """
    if not (CHROMIUM.is_file() and WHOLE_CHROMIUM.is_file()):
        raise RuntimeError(INSTALL_HINT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
