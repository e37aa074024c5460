"""``python -m deploy.local.screenshots FOLDER``: pictures of every page of a running installation, wide and narrow.

It fills an installation that ``make demo`` has started with a few participants and photographs what people see. It is
for the documentation, so it needs the development packages and Chromium; nothing that runs imports it.
"""

import shutil
import sys
from pathlib import Path

import click
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from deploy.local.demo import demo_folder
from deploy.local.installation import Content
from deploy.local.places import Places
from deploy.local.ports import chosen_ports
from deploy.local.screenshot_pages.participants import register_some
from deploy.local.screenshot_pages.table import SCREENSHOT_PAGES

SIZES: dict[str, ViewportSize] = {"wide": {"width": 1280, "height": 800}, "320": {"width": 320, "height": 900}}
MAX_BYTES = 180_000


def take(browser: Browser, places: Places, folder: Path) -> list[str]:
    """Take every page in every size, as ``<page>-<size>.png``; returns the names of pictures that are too large."""
    too_large = []
    for size, viewport in SIZES.items():
        context = browser.new_context(viewport=viewport, locale="en-GB", timezone_id="Europe/Zurich")
        for name, open_page in SCREENSHOT_PAGES.items():
            page, path = context.new_page(), folder / f"{name}-{size}.png"
            open_page(page, places)
            page.screenshot(path=path, animations="disabled")
            page.close()
            too_large += [path.name] if path.stat().st_size > MAX_BYTES else []
        context.close()
    return too_large


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def screenshots(folder: Path) -> None:
    """Photograph the demo that runs now (``TROIKA_DEMO_PORT`` and ``TROIKA_DEMO_FOLDER`` as for ``make demo``)."""
    chromium = shutil.which("chromium-headless-shell")
    if chromium is None:
        sys.exit("Chromium is missing. On Debian: apt-get install chromium-headless-shell")
    key_file = demo_folder(Content.SAMPLE) / "secrets" / "coordinator.txt"
    if not key_file.is_file():
        sys.exit(f"{key_file} is missing. Start the demo first: make demo")
    places = Places(chosen_ports(), key_file.read_text().strip())
    folder.mkdir(parents=True, exist_ok=True)
    register_some(places)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        too_large = take(browser, places, folder)
        browser.close()
    if too_large:
        sys.exit(f"Larger than {MAX_BYTES} bytes: {', '.join(too_large)}")
    print(f"{len(SCREENSHOT_PAGES) * len(SIZES)} pictures in {folder}")


if __name__ == "__main__":
    screenshots()
